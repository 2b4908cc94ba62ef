"""Stage 1s trained in one folder and taken into another, with the real command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from tests.workflow.command import contents, jobs, smallest, snakemake

from longtail.__main__ import main
from longtail.data.sources import digits
from longtail.engine import checkpoint
from longtail.stage1 import imported

pytestmark = pytest.mark.slow

RUNS = "results/runs/digits/if50/resnet32"
CE, MIXUP = "digits/if50/resnet32/ce/seed0", "digits/if50/resnet32/mixup/seed0"
CONFIG = ("--configfile", "mine.yaml")
NOTE = "Trained elsewhere and imported: 2 of 3 trainings."


@pytest.fixture(scope="module")
def far(finished: Path) -> Path:
    """Where everything was trained."""
    return finished


@pytest.fixture(scope="module")
def written(far: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The block that `imports` writes for it, in a folder that has read the images and no more."""
    folder = smallest(tmp_path_factory.mktemp("empty"))
    code, output = snakemake(folder, "results/data/digits/if50/subset.json", *CONFIG)
    assert code == 0, output
    with pytest.MonkeyPatch.context() as patch, (folder / "imports.yaml").open("w") as stream:
        patch.chdir(folder)
        patch.setattr("sys.stdout", stream)
        assert main(["imports", "--from", str(far / "results"), *CONFIG]) == 0
    block: dict[str, dict[str, str]] = yaml.safe_load((folder / "imports.yaml").read_text())["stage1"]
    return block


@pytest.fixture(scope="module")
def here(written: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A folder into which both networks were taken, and the jobs of that run."""
    folder = smallest(tmp_path_factory.mktemp("here"), stage1=written)
    code, output = snakemake(folder, *CONFIG)
    assert code == 0, output
    assert "Stage 1: import ce on digits if50, resnet32, seed 0" in output
    return folder, jobs(output)


@pytest.fixture
def copy(here: tuple[Path, dict[str, int]], tmp_path: Path) -> Callable[..., Path]:
    """A writer of copies of that folder under a configuration with changes."""

    def write(**own: Any) -> Path:
        folder = shutil.copytree(here[0], tmp_path / "copy", symlinks=True)
        (folder / "mine.yaml").write_text(yaml.safe_dump(yaml.safe_load((folder / "mine.yaml").read_text()) | own))
        return folder

    return write


def would_run(folder: Path) -> dict[str, int]:
    code, output = snakemake(folder, "-n", *CONFIG)
    assert code == 0, output
    return jobs(output)


def refused(folder: Path) -> str:
    """What is said of a folder's configuration, and that nothing was computed."""
    before = contents(folder / "results")
    code, output = snakemake(folder, *CONFIG)
    assert code != 0, output
    assert "Traceback" not in output, output
    assert "lib/longtail" not in output, output
    assert contents(folder / "results") == before
    return output


def test_networks_are_imported_and_the_rest_runs(here: tuple[Path, dict[str, int]], far: Path) -> None:
    folder, ran = here
    for network in ("ce", "mixup"):
        for name in ("last.pt", "best.pt", "history.csv"):
            there = far / RUNS / network / "seed0/stage1" / name
            assert (folder / RUNS / network / "seed0/stage1" / name).read_bytes() == there.read_bytes()

    assert ran["import_stage1"] == 2
    assert "train_stage1" not in ran
    assert (ran["extract_features"], ran["train_stage2"], ran["evaluate"], ran["make_table"]) == (2, 1, 2, 1)


@pytest.mark.parametrize(
    ("form", "note"), [("csv", ""), ("md", f"- {NOTE}\n"), ("tex", f"% {NOTE}\n"), ("html", f"<li>{NOTE}</li>\n")]
)
def test_tables_differ_in_the_sentence_on_imports_alone(
    here: tuple[Path, dict[str, int]], far: Path, form: str, note: str
) -> None:
    theirs, ours = ((folder / f"results/tables/tiny_table.{form}").read_text() for folder in (far, here[0]))

    assert note in ours
    assert (ours.replace(note, "") if note else ours) == theirs


def test_the_record_keeps_what_trained_it(here: tuple[Path, dict[str, int]], far: Path) -> None:
    path = "ce/seed0/stage1/provenance.json"
    theirs, ours = (json.loads((folder / RUNS / path).read_text()) for folder in (far, here[0]))
    source = far / RUNS / "ce/seed0/stage1"

    assert ours.pop("imported") == {"source": str(source), "sha256": imported.digest(source)}
    assert ours == theirs


def test_a_second_run_has_nothing_to_do(here: tuple[Path, dict[str, int]]) -> None:
    assert would_run(here[0]) == {}


def test_turning_imports_off_redoes_nothing(copy: Callable[..., Path]) -> None:
    assert would_run(copy(stage1={})) == {}


def test_another_place_of_the_same_network_redoes_nothing(
    copy: Callable[..., Path], written: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    moved = shutil.copytree(written[CE]["source"], tmp_path / "moved", copy_function=shutil.copyfile)

    assert would_run(copy(stage1=written | {CE: written[CE] | {"source": str(moved)}})) == {}


def test_a_deleted_network_is_imported_again(copy: Callable[..., Path]) -> None:
    folder, asked = copy(), f"{RUNS}/ce/seed0/stage1/last.pt"
    shutil.rmtree((folder / asked).parent)

    code, output = snakemake(folder, asked, *CONFIG)

    assert (code, jobs(output)) == (0, {"import_stage1": 1}), output
    again = would_run(folder)
    assert again.keys() >= {"extract_features", "evaluate", "make_table"}
    assert again.keys() & {"import_stage1", "train_stage1"} == set()


def test_a_deleted_network_without_an_import_is_trained(copy: Callable[..., Path]) -> None:
    folder, asked = copy(stage1={}), f"{RUNS}/ce/seed0/stage1/last.pt"
    shutil.rmtree((folder / asked).parent)

    code, output = snakemake(folder, "-n", asked, *CONFIG)

    assert (code, jobs(output)) == (0, {"train_stage1": 1}), output


def test_turning_imports_on_replaces_nothing_that_was_trained(far: Path, tmp_path: Path) -> None:
    trained = shutil.copytree(far, tmp_path / "trained", symlinks=True)
    source = shutil.copytree(far / RUNS / "ce/seed0/stage1", tmp_path / "stage1")
    line = {"source": str(source), "sha256": imported.digest(source)}
    (trained / "mine.yaml").write_text(
        yaml.safe_dump(yaml.safe_load((trained / "mine.yaml").read_text()) | {"stage1": {CE: line}})
    )

    output = refused(trained)

    assert f"mine.yaml, stage1 '{CE}': {RUNS}/ce/seed0/stage1 holds this network already, trained here: " in output


# Mistakes that can be seen before anything runs.


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda far: (far / "best.pt").unlink(), "has no best.pt: name the stage1 folder of a finished run"),
        (lambda far: (far / "provenance.json").write_text('{"set'), "provenance.json is not readable JSON ("),
        (lambda far: far.rename(far.with_name("moved")), "there is no folder "),
    ],
    ids=["missing-file", "truncated-record", "missing-folder"],
)
def test_a_source_that_is_not_whole(far: Path, tmp_path: Path, damage: Callable[[Path], Any], sentence: str) -> None:
    source = shutil.copytree(far / RUNS / "ce/seed0/stage1", tmp_path / "stage1")
    line = {"source": str(source), "sha256": imported.digest(source)}
    damage(source)

    output = refused(smallest(tmp_path / "work", stage1={CE: line}))

    assert sentence in output
    assert f"mine.yaml, stage1 '{CE}'" in output


def test_other_settings(written: dict[str, dict[str, str]], tmp_path: Path) -> None:
    folder = smallest(tmp_path / "work", stage1=written, seeds={"runs": [0], "initialisation": 5})

    message = (
        "was trained with other settings (seeds.initialisation is 0 there and 5 here): use the same settings here"
    )
    assert message in refused(folder)


def test_one_that_nothing_wants(written: dict[str, dict[str, str]], tmp_path: Path) -> None:
    folder = smallest(tmp_path / "work", stage1={CE.replace("seed0", "seed3"): written[CE]})

    message = f"no requested table or figure uses this Stage 1: did you mean '{CE}'? Else remove the line"
    assert message in refused(folder)


# Mistakes that only the bytes tell.


@pytest.mark.parametrize("name", ["last.pt", "best.pt", "history.csv"])
def test_a_file_that_was_cut_short(far: Path, tmp_path: Path, name: str) -> None:
    source = shutil.copytree(far / RUNS / "ce/seed0/stage1", tmp_path / "stage1")
    line = {"source": str(source), "sha256": imported.digest(source)}
    (source / name).write_bytes((source / name).read_bytes()[:-20])
    folder = smallest(tmp_path / "work", stage1={CE: line})

    code, output = snakemake(folder, f"{RUNS}/ce/seed0/stage1/last.pt", *CONFIG)

    assert code != 0
    if name == "history.csv":  # which is read before anything runs
        message = f"stage1 '{CE}': {source / name} is not the history of a training ("
    else:
        message = f"error: stage1 '{CE}', key 'sha256': the files in {source} have {imported.digest(source)}, not "
    assert message in output
    assert "Traceback" not in output
    assert list((folder / RUNS).rglob("*.*")) == []


def test_another_network(far: Path, tmp_path: Path) -> None:
    """Its settings, images and hash are right, but it has a class more."""
    source = shutil.copytree(far / RUNS / "ce/seed0/stage1", tmp_path / "stage1")
    state = checkpoint.load(source / "best.pt")
    checkpoint.save(source / "best.pt", state | {"classifier.weight": torch.ones(11, 64)})
    line = {"source": str(source), "sha256": imported.digest(source)}
    folder = smallest(tmp_path / "work", stage1={CE: line})

    code, output = snakemake(folder, f"{RUNS}/ce/seed0/stage1/last.pt", *CONFIG)

    assert code != 0
    assert "best.pt has another network: 'classifier.weight' is 11 x 64 there and 10 x 64 here" in output
    assert list((folder / RUNS).rglob("*.*")) == []


def test_another_subset(written: dict[str, dict[str, str]], tmp_path: Path) -> None:
    folder = smallest(tmp_path / "work", stage1={CE: written[CE]}, seeds={"runs": [0], "subset": 1})

    code, output = snakemake(folder, f"{RUNS}/ce/seed0/stage1/last.pt", *CONFIG)

    assert code != 0
    assert "was trained on other images (their digest of train is " in output
    assert list((folder / RUNS).rglob("*.*")) == []


# Networks are known by what their images show.


def birds(folder: Path, name: str, write: Callable[[Path, NDArray[np.uint8], int], Any]) -> Path:
    """A folder to run CE in, on three digits as a tree of image files that `write` writes; the data set is `name`."""
    table = {"title": "Of files", "columns": [{"dataset": name, "factor": "natural", "backbone": "resnet32"}]}
    data = digits.read({}, None)
    for split, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("test", data.test_images, data.test_labels),
    ):
        for label in range(3):
            (folder / "files" / split / str(label)).mkdir(parents=True)
            for number, image in enumerate(images[labels == label][:15]):
                write(folder / "files" / split / str(label), image[..., 0], number)
    own = {"kind": "folder", "data_dir": "files", "image_size": 8, "title": name}
    recipe = {"epochs": 2, "batch_size": 16, "evaluate": {"every": 1, "each_from": 1}}
    config = {"tables": ["table.yaml"], "figures": [], "seeds": {"runs": [0]}, "compute": {"device": "cpu"}}
    config |= {"evaluation": {"resamples": 20}, "datasets": {name: own}, "recipes": {"MiSLAS-S1": recipe}}
    (folder / "table.yaml").write_text(yaml.safe_dump(table | {"rows": [{"method": "ce"}]}))
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_a_network_serves_the_same_images_in_other_files_under_another_name(tmp_path: Path) -> None:
    there = birds(
        tmp_path / "there", "png_in_order", lambda place, image, n: Image.fromarray(image).save(place / f"{n:02}.png")
    )
    here = birds(
        tmp_path / "here",
        "bmp_reversed",
        lambda place, image, n: Image.fromarray(image).save(place / f"{99 - n}.bmp"),
    )
    for folder, target in ((there, "metrics"), (here, "results/data/bmp_reversed/natural/subset.json")):
        code, output = snakemake(folder, target, *CONFIG)
        assert code == 0, output

    with pytest.MonkeyPatch.context() as patch, (here / "imports.yaml").open("w") as stream:
        patch.chdir(here)
        patch.setattr("sys.stdout", stream)
        assert main(["imports", "--from", str(there), *CONFIG]) == 0
    code, output = snakemake(here, "metrics", *CONFIG, "imports.yaml")

    assert code == 0, output
    assert (jobs(output)["import_stage1"], jobs(output)["evaluate"]) == (1, 1)
    ((theirs,), (ours,)) = ((folder / "results/runs").rglob("metrics.json") for folder in (there, here))
    theirs, ours = (json.loads(path.read_text())["last"] for path in (theirs, ours))
    # The test images come in another order: sums of them agree to rounding, and the intervals draw others.
    assert (ours["top1"], ours["per_class"]) == (theirs["top1"], theirs["per_class"])
    assert {key: ours[key] for key in ("ece", "nll", "brier")} == pytest.approx(
        {key: theirs[key] for key in ("ece", "nll", "brier")}, rel=1e-6
    )


def test_what_nobody_trained_can_be_left_out(far: Path, written: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """Two seeds are asked for, the networks of one are there: tables say n = 1, and nothing is trained."""
    own = {"seeds": {"runs": [0, 1]}, "missing_networks": "leave_out", "stage1": {CE: written[CE]}}
    folder = smallest(tmp_path / "work", **own)

    code, output = snakemake(folder, "tables", *CONFIG)

    assert code == 0, output
    assert jobs(output).keys() & {"train_stage1", "train_stage2"} == set()
    page = (folder / "results/tables/tiny_table.md").read_text()
    assert "- Seeds: 0.\n" in page
    ce, mislas = (line for line in page.split("## Best")[0].splitlines() if line.startswith(("| CE", "| MiSLAS")))
    assert " (1) " in ce
    assert mislas.endswith(r"| 82.1 \| – \| – | 3.70 \| – \| – |")
