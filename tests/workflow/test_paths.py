"""Paths in a configuration, by the real command: from the file they stand in, wherever the command is typed."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from tests.workflow.command import checkout, jobs, snakemake, start

pytestmark = pytest.mark.slow

ARRAYS = "results/data/birds/arrays.npz"


def images(root: Path) -> None:
    for split in ("train", "test"):
        for shade, name in enumerate(("crow", "gull")):
            (root / split / name).mkdir(parents=True)
            Image.new("RGB", (8, 8), (40 * shade, 0, 0)).save(root / split / name / "1.png")


def configure(file: Path, data_dir: str, **more: Any) -> None:
    birds = {"title": "Birds", "kind": "folder", "data_dir": data_dir, "image_size": 8}
    columns = [{"dataset": "birds", "factor": "natural", "backbone": "resnet32"}]
    table = {"title": "Birds", "columns": columns, "rows": [{"method": "ce"}]}
    file.with_name("birds_table.yaml").write_text(yaml.safe_dump(table))
    config = {"tables": ["birds_table.yaml"], "figures": [], "datasets": {"birds": birds}}
    file.write_text(yaml.safe_dump(config | more))


@pytest.mark.parametrize(
    "given", ["images", "./images/", "~/project/images", "$BIRDS/images", "../project/images"], ids=repr
)
def test_a_path_is_found_from_the_file_it_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    images(project / "images")
    elsewhere.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BIRDS", str(project))
    configure(project / "mine.yaml", given)
    typed = ("--configfile", "../project/mine.yaml", "--directory", "results_here")

    code, output = snakemake(elsewhere, ARRAYS, *typed)

    assert (code, jobs(output)) == (0, {"build_arrays": 1}), output
    assert (elsewhere / "results_here" / ARRAYS).is_file()


def test_paths_on_the_command_line_are_relative_to_the_working_directory(tmp_path: Path) -> None:
    images(tmp_path / "images")
    (tmp_path / "project").mkdir()
    configure(tmp_path / "project/mine.yaml", "nowhere")
    said = ("--config", "datasets={birds: {data_dir: images}}")

    code, output = snakemake(tmp_path, ARRAYS, "--configfile", "project/mine.yaml", *said)

    assert code == 0, output


def test_a_moved_folder_repeats_no_job_and_a_missing_one_is_reported_with_its_path(tmp_path: Path) -> None:
    images(tmp_path / "images")
    configure(tmp_path / "mine.yaml", "images")
    code, output = snakemake(tmp_path, "datasets", "--configfile", "mine.yaml")
    assert code == 0, output

    (tmp_path / "images").rename(tmp_path / "moved")
    code, output = snakemake(tmp_path, "datasets", "--configfile", "mine.yaml", "--dry-run")
    assert code != 0
    missing = f"mine.yaml, dataset 'birds', key 'data_dir': there is no folder {tmp_path}/images: create it or"
    assert missing in output

    configure(tmp_path / "mine.yaml", f"{tmp_path}/moved/")
    code, output = snakemake(tmp_path, "datasets", "--configfile", "mine.yaml", "--dry-run")
    assert (code, jobs(output)) == (0, {}), output


def test_a_checkout_may_lie_in_a_folder_with_any_name(tmp_path: Path) -> None:
    """A space, brackets, quotes and a dollar: what a shell reads as its own."""
    project = checkout(tmp_path / "my [1] \"b\" $HOME 'c' & 鳥")

    (project / ".venv").symlink_to(sys.prefix)
    subset = "results/data/digits/if50/subset.json"
    running = start(project, subset, project=project, python=str(project / ".venv/bin/python"))
    output, _ = running.communicate()

    assert running.returncode == 0, output
    assert (project / subset).is_file()


def test_a_checkout_in_a_folder_with_braces_is_refused(tmp_path: Path) -> None:
    project = checkout(tmp_path / "{mine}")

    code, output = snakemake(project, "datasets", project=project)

    assert code != 0
    assert f"this checkout lies in {project}: move it to a folder without braces in its path" in output
    assert "Traceback" not in output
