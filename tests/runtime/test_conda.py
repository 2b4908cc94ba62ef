"""The conda that --use-conda needs: asked for in time, and only then."""

import shutil
from pathlib import Path

import pytest
from tests.workflow.command import snakemake

from longtail.runtime.conda import require_conda
from longtail.runtime.errors import InputError

CONFIG = """\
tables: [digits_datasets]
figures: []
"""
WAYS_OUT = ": install Miniforge 24.7.1 or newer, or leave --use-conda out to run in the environment of `make setup`"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is alone on PATH, without a conda."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in ("sh", "bash", "touch"):
        (folder / program).symlink_to(str(shutil.which(program)))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def conda(path: Path, answer: str) -> Path:
    """Put a conda that answers anything so on PATH; the file returned is there once it has been called."""
    called = path.parent / "called"
    (path / "conda").write_text(f"#!/bin/sh\ntouch '{called}'\necho '{answer}'\n")
    (path / "conda").chmod(0o755)
    return called


@pytest.mark.parametrize("answer", ["conda 24.7.1", "conda 24.11.0", "conda 100.0.0"])
def test_a_conda_that_is_new_enough(path: Path, answer: str) -> None:
    called = conda(path, answer)

    require_conda()

    assert called.exists()


def test_no_conda(path: Path) -> None:
    with pytest.raises(InputError) as refused:
        require_conda()

    assert str(refused.value) == f"--use-conda needs conda 24.7.1 or newer, and there is none on PATH{WAYS_OUT}"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("conda 24.7.0", "the one on PATH is 24.7.0"),
        ("conda 4.12.0", "the one on PATH is 4.12.0"),
        ("no idea", "`conda --version` answers 'no idea'"),
        ("", "`conda --version` answers ''"),
    ],
)
def test_a_conda_that_will_not_do(path: Path, answer: str, found: str) -> None:
    conda(path, answer)

    with pytest.raises(InputError) as refused:
        require_conda()

    assert str(refused.value) == f"--use-conda needs conda 24.7.1 or newer, and {found}{WAYS_OUT}"


@pytest.mark.parametrize("flag", [["--use-conda"], ["--sdm", "conda"]], ids=" ".join)
def test_the_command_says_so_while_it_reads_the_snakefile(path: Path, tmp_path: Path, flag: list[str]) -> None:
    (tmp_path / "mine.yaml").write_text(CONFIG)

    code, output = snakemake(tmp_path, "--configfile", "mine.yaml", *flag)

    assert code == 1
    assert f"\n--use-conda needs conda 24.7.1 or newer, and there is none on PATH{WAYS_OUT}\n" in output
    assert "Traceback" not in output
    assert not (tmp_path / "results").exists()


def test_without_the_flag_no_conda_is_called(path: Path, tmp_path: Path) -> None:
    called = conda(path, "conda 4.12.0")
    (tmp_path / "mine.yaml").write_text(CONFIG)

    code, output = snakemake(tmp_path, "-n", "--configfile", "mine.yaml")

    assert code == 0, output
    assert "make_statistics" in output
    assert not called.exists()
