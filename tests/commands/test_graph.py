from pathlib import Path
from typing import Any

import pytest
from tests import elsewhere

from longtail.__main__ import main
from longtail.runtime import files


@pytest.mark.parametrize("overview", ["plan", "progress"])
def test_a_file_of_ones_own_is_laid_upon_the_default(
    tree: Any, capsys: pytest.CaptureFixture[str], overview: str
) -> None:
    assert main([overview, "--configfile", str(tree.config)]) == 0

    said = capsys.readouterr()
    assert said.err == ""
    assert {"plan": "own ", "progress": "3 trainings: "}[overview] in said.out


def test_later_files_win(tree: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "seeds.yaml").write_text("seeds: {runs: [0, 1]}\n")

    assert main(["progress", "--configfile", str(tree.config), str(tmp_path / "seeds.yaml")]) == 0
    assert main(["progress", "--configfile", str(tree.config), "--configfile", str(tmp_path / "seeds.yaml")]) == 0

    first, *_, again = (line for line in capsys.readouterr().out.splitlines() if "trainings:" in line)
    assert first == again == "6 trainings: 0 done, 0 running, 6 waiting, 0 failed"


def test_cores_settle_how_many_run_side_by_side(tree: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--configfile", str(tree.config), "--cores", "7"]) == 0

    assert "; 7 trainings side by side." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--configfile", "missing.yaml"], "error: cannot read missing.yaml (No such file or directory)"),
        (["--configfile", "list.yaml"], "error: list.yaml is not a mapping of keys to values: "),
        (["--configfile", "typo.yaml"], "error: typo.yaml: unknown key 'tabels'"),
        (["--cores", "0"], "error: --cores is '0': give a number from 1 on, or all"),
        (["--from", "far"], "error: unrecognized arguments: --from far: see longtail plan --help"),
        (["--cores", "some"], "error: --cores is 'some': give a number from 1 on, or all"),
    ],
)
def test_bad_input_is_one_sentence(
    tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "typo.yaml").write_text("tabels: []\n")

    assert main(["plan", *arguments]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1


def test_imports_are_yaml_to_be_laid_upon_the_configuration(
    tree: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere.trained(tmp_path / "far/runs" / tree.CE, tree.training(tree.CE).settings)
    files.write_json("results/data/cifar10/if100/subset.json", {"total": 12406, "content": elsewhere.SEEN})
    assert main(["imports", "--from", "far", "--configfile", str(tree.config)]) == 0
    (tmp_path / "imports.yaml").write_text(capsys.readouterr().out)

    assert main(["plan", "--configfile", str(tree.config), "imports.yaml"]) == 0

    assert "Imported, with nothing to train: 1 Stage 1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "error: --from is missing: name a folder that holds finished Stage 1s\n"),
        (["--from", "nowhere"], "error: --from: there is no folder nowhere: correct the path\n"),
    ],
)
def test_a_results_file_in_place_of_the_folder_is_one_sentence(
    tree: Any, capsys: pytest.CaptureFixture[str], arguments: list[Any], sentence: str
) -> None:
    assert main(["imports", *arguments]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence)


def test_a_broken_benchmark_is_named(tree: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tree.benchmark({"processes": 1, "images_per_second": 1.0})
    (tree.config.parent / "benchmarks/results/made_up.json").write_text("[")

    assert main(["plan", "--configfile", str(tree.config)]) == 1

    assert capsys.readouterr().err.startswith("error: benchmarks/results/made_up.json is not readable JSON")
