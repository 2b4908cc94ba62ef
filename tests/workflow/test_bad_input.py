"""Bad input given to the real command: a sentence with place and remedy, and nothing computed before is lost."""

import ctypes
import io
import os
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.workflow.command import contents, snakemake

COLUMN = {"dataset": "digits", "factor": 10, "backbone": "resnet32"}
TABLE = {"title": "Own", "columns": [COLUMN], "rows": [{"method": "ce"}]}
SUBSET = "results/data/digits/if10/subset.json"
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the digits have been read and cut."""
    folder = tmp_path_factory.mktemp("computed")
    write(folder, "good.yaml", {"tables": ["digits"], "figures": []})
    code, output = snakemake(folder, SUBSET, "--configfile", "good.yaml")
    assert code == 0, output
    return folder


@pytest.fixture
def folder(computed: Path, tmp_path: Path) -> Path:
    """A folder of a test's own, with the earlier results in it."""
    return shutil.copytree(computed, tmp_path / "work")


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(yaml.safe_dump(content))


def refusal(folder: Path, *arguments: str, config: dict[str, Any], before: Callable[[], None] | None = None) -> str:
    """What the command prints of a bad configuration; it must fail, and leave the earlier results as they are."""
    write(folder, "mine.yaml", {"figures": [], **config})
    results = folder / "results"
    earlier = contents(results)

    code, output = snakemake(folder, *arguments, "--configfile", "mine.yaml", before=before)

    assert code != 0, output
    assert "Traceback" not in output, output
    assert "lib/longtail" not in output, output
    now = contents(results)
    assert {path: now.get(path) for path in earlier} == earlier
    return output


def said(output: str, sentence: str) -> bool:
    """Whether a line holds a sentence, in which an ellipsis stands for anything."""
    return re.search(".*".join(map(re.escape, sentence.split("…"))), output) is not None


# Mistakes in a configuration end the start: no job runs, nothing is written.


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"tabels": ["digits"]}, "mine.yaml: unknown key 'tabels': did you mean 'tables'?"),
        ({"compute": {"treads": 2}}, "mine.yaml: unknown key 'treads' in 'compute': did you mean 'threads'?"),
        ({"tables": ["digit"]}, "mine.yaml, key 'tables': there is no table 'digit': did you mean 'digits'?"),
        ({"tables": ["digits"], "methods": {"ce": {"stage1": {"recipe": "MiSLAS-S9"}}}},
         "mine.yaml, method 'ce', key 'stage1.recipe': unknown recipe 'MiSLAS-S9': did you mean 'MiSLAS-S"),
        ({"tables": ["mislas_cifar"], "datasets": {"cifar10": {"data_dir": "/nowhere/cifar"}}},
         "mine.yaml, dataset 'cifar10', key 'data_dir': there is no folder /nowhere/cifar: create it or correct"),
        ({"tables": ["own.yaml"], "recipes": {"digits-baselines": {"defer": 12}}},
         "mine.yaml, recipe 'digits-baselines', key 'defer' is 12 of 12 epochs, so that the deferred part of "
         "the method never takes effect (own.yaml: method 'ce_drw' on digits): lower it, or raise epochs"),
    ],
    ids=["key", "nested-key", "table", "recipe", "data_dir", "never-deferred"],
)  # fmt: skip
def test_a_mistake_in_the_configuration(folder: Path, config: dict[str, Any], sentence: str) -> None:
    write(folder, "own.yaml", {**TABLE, "rows": [{"method": "ce_drw"}]})
    before = contents(folder / "results")

    output = refusal(folder, config=config)

    assert said(output, sentence), output
    assert contents(folder / "results") == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rows": [{"method": "mislass"}]}, "own.yaml: unknown method 'mislass': did you mean 'mislas'?"),
        ({"columns": [{**COLUMN, "dataset": "digit"}]}, "own.yaml: unknown data set 'digit': did you mean 'digits'?"),
        ({"columns": [{**COLUMN, "factor": 0}]}, "own.yaml: factor 0 is not allowed: write 100 or 0.01"),
    ],
    ids=["method", "dataset", "factor"],
)
def test_a_mistake_in_a_table_of_ones_own(folder: Path, changes: dict[str, Any], sentence: str) -> None:
    write(folder, "own.yaml", {**TABLE, **changes})
    before = contents(folder / "results")

    output = refusal(folder, config={"tables": ["own.yaml"]})

    assert said(output, sentence), output
    assert contents(folder / "results") == before


@pytest.mark.parametrize(
    ("mine", "table", "sentence"),
    [
        (
            "seeds: {runs: [010]}\n",
            "",
            "mine.yaml, line 3: 010 is an octal number to YAML: leave out the leading 0",
        ),
        ("datasets:\n  off: {title: x}\n", "", "mine.yaml, line 4: the key off is not text to YAML: quote it"),
        ("recipes: {}\nrecipes: {}\n", "", "mine.yaml, line 4: the key 'recipes' stands in line 3 already"),
        ("", "rows: [{method: cb}]\n", "own.yaml, line 8: the key 'rows' stands in line 6 already: merge the two"),
    ],
    ids=["octal", "no-text", "twice", "twice-in-a-table"],
)
def test_yaml_with_misread_values(folder: Path, mine: str, table: str, sentence: str) -> None:
    (folder / "mine.yaml").write_text("tables: [own.yaml]\nfigures: []\n" + mine)
    (folder / "own.yaml").write_text(yaml.safe_dump(TABLE, sort_keys=False) + table)

    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml")

    assert code != 0, output
    assert "Traceback" not in output, output
    assert said(output, sentence), output


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("seeds={runs: [0]}", None),
        ("seeds={runs: [-1]}", "--config: key 'seeds.runs.0' is -1, which is not allowed: …; it must be at least 0"),
        ("compute={treads: 8}", "--config: unknown key 'treads' in 'compute': did you mean 'threads'?"),
        ("tables=[digit]", "--config, key 'tables': there is no table 'digit': did you mean 'digits'?"),
    ],
)
def test_arguments_of_the_command_line_are_read_and_named_in_errors(
    folder: Path, given: str, sentence: str | None
) -> None:
    write(folder, "mine.yaml", {"tables": ["digits"], "figures": []})

    code, output = snakemake(folder, "-n", "--configfile", "mine.yaml", "--config", given)

    assert "Traceback" not in output, output
    assert (code == 0) == (sentence is None), output
    assert sentence is None or said(output, sentence), output
    assert sentence or ("/seed0/" in output and "/seed1/" not in output)


# Images of one's own.


def birds(root: Path) -> dict[str, Any]:
    """A configuration with a table of the images below `root`."""
    return {
        "tables": ["own.yaml"],
        "datasets": {"birds": {"title": "Birds", "kind": "folder", "data_dir": str(root), "image_size": 8}},
    }


@pytest.fixture
def bird_table(folder: Path) -> None:
    write(folder, "own.yaml", {**TABLE, "columns": [{**COLUMN, "dataset": "birds"}]})


@pytest.mark.usefixtures("bird_table")
def test_images_of_one_class(folder: Path, image_tree: Callable[..., Path]) -> None:
    root = image_tree("robin")

    output = refusal(folder, config=birds(root))

    assert said(output, f"{root}/train has 1 class folder(s): at least two are needed"), output


@pytest.mark.usefixtures("bird_table")
def test_a_class_without_images(folder: Path, image_tree: Callable[..., Path]) -> None:
    root = image_tree("robin", "wren")
    for image in (root / "test" / "wren").iterdir():
        image.unlink()

    output = refusal(folder, config=birds(root))

    assert said(output, f"{root}/test/wren holds no image: add some or remove the folder"), output


@pytest.mark.usefixtures("bird_table")
@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("train/wren/near/1.png", "train/wren/near is a folder of images inside a class folder: move them into …"),
        ("train/wren/1.heic", "train/wren/1.heic: Pillow cannot read .heic files here: save it as PNG or JPEG"),
        (
            os.fsdecode(b"train/wren/\xff.png"),
            r"train/wren/\udcff.png: the name is not UTF-8 or has control …: rename it",
        ),
    ],
    ids=["nested", "heic", "name"],
)
def test_images_that_would_be_left_out(
    folder: Path, image_tree: Callable[..., Path], file: str, sentence: str
) -> None:
    root = image_tree("robin", "wren")
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).touch()

    output = refusal(folder, config=birds(root))

    assert said(output, f"{root}/{sentence}"), output


@pytest.mark.usefixtures("bird_table")
def test_fractions_beyond_white(folder: Path, image_tree: Callable[..., Path]) -> None:
    root = image_tree("robin", "wren")
    Image.fromarray(np.array([[0, 255]], np.float32)).save(root / "train" / "wren" / "a.tif")

    output = refusal(folder, "results/data/birds/arrays.npz", config=birds(root))

    assert said(output, f"error: {root}/train/wren/a.tif, mode F: its grey levels are not all in 0..1: save it"), (
        output
    )


@pytest.mark.usefixtures("bird_table")
def test_a_corrupt_image(folder: Path, image_tree: Callable[..., Path]) -> None:
    root = image_tree("robin", "wren")
    image = root / "train" / "wren" / "3.png"
    image.write_bytes(image.read_bytes()[:60])

    output = refusal(folder, "results/data/birds/arrays.npz", config=birds(root))

    assert said(output, f"error: {image} is not a readable image (…): repair or remove it"), output
    assert not (folder / "results/data/birds/arrays.npz").exists()


# Archives. None of these tests reaches for the network: the file in data_dir decides.

CIFAR = "cifar-10-python.tar.gz"


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("cifar-10-batches-py/readme.html")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    "content", [archive(os.urandom(4000))[:2000], archive(b"something else")], ids=["truncated", "wrong-checksum"]
)
def test_an_archive_that_is_not_the_official_one(folder: Path, content: bytes) -> None:
    held = folder / "downloads" / CIFAR
    held.parent.mkdir()
    held.write_bytes(content)
    config = {"tables": ["mislas_cifar"], "datasets": {"cifar10": {"data_dir": "downloads"}}}

    output = refusal(folder, f"results/data/cifar10/{CIFAR}", config=config)

    md5 = "c58f30108f718f92721af3b95e74349a"
    assert said(output, f"error: {folder}/downloads/{CIFAR} has md5 …, not {md5}: …; replace or remove it"), output
    assert not (folder / "results/data/cifar10" / CIFAR).exists()
    assert held.read_bytes() == content


# Places that cannot be written.


def test_a_file_in_place_of_the_results(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("mine\n")

    output = refusal(tmp_path, config={"tables": ["digits"]})

    assert said(output, "results is a file: move it away"), output
    assert (tmp_path / "results").read_text() == "mine\n"


def bound_by_modes() -> None:
    """Give up root's right to write where modes forbid it (Linux); others never had it."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def test_a_results_folder_that_is_read_only(folder: Path) -> None:
    for path in (folder / "results", *(folder / "results").rglob("*/")):
        path.chmod(0o555)

    output = refusal(folder, config={"tables": ["digits"]}, before=bound_by_modes)

    # Snakemake's own words. A dry run or a report of such a folder is in order, so reading it is not refused.
    assert said(output, "PermissionError: [Errno 13] Permission denied: 'results/"), output
