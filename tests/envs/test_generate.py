"""The conda environments are the lock: version by version, hash by hash."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from envs import generate

from longtail.runtime.fingerprint import ROOT

needs_uv = pytest.mark.skipif(generate.uv() is None, reason="there is no uv to ask: `make setup` fetches one")


@pytest.fixture(scope="module")
def locked() -> dict[tuple[str, str], set[str]]:
    """Hashes of all files of each name and version in uv.lock."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    files = {(p["name"], p["version"]): [*p.get("wheels", []), p.get("sdist")] for p in lock["package"]}
    return {package: {file["hash"] for file in held if file} for package, held in files.items()}


def environment(group: str) -> list[object]:
    dependencies: list[object] = yaml.safe_load((ROOT / "envs" / f"{group}.yaml").read_text())["dependencies"]
    return dependencies


def check(folder: Path) -> tuple[int, str]:
    """Exit code and words of the check that `make lint` makes, of the files in a folder."""
    command = [sys.executable, str(folder / "envs" / "generate.py"), "--check"]
    found = subprocess.run(
        command, env={**os.environ, "UV": str(generate.uv())}, capture_output=True, text=True, check=False
    )
    assert found.stderr == ""
    return found.returncode, found.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in ("envs/generate.py", "envs/train.yaml", "envs/report.yaml", "pyproject.toml", "uv.lock"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


@needs_uv
def test_the_files_are_in_step_with_the_lock() -> None:
    assert check(ROOT) == (0, "")


@needs_uv
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("envs/report.yaml", r"numpy==2\.\d+", "numpy==2.0"),
        ("envs/report.yaml", r"--hash=sha256:\w+", ""),
        ("envs/report.yaml", r'      - "seaborn.*\n', ""),
        ("envs/report.yaml", r"python=3\.11\.\d+", "python=3.11"),
        ("uv.lock", r'(/seaborn-[^}]*hash = "sha256:)\w{64}', rf"\g<1>{64 * '0'}"),
    ],
    ids=["version", "hash", "package", "python", "lock"],
)
def test_a_file_out_of_step_is_named(copy: Path, file: str, old: str, new: str) -> None:
    text = (copy / file).read_text()
    changed = re.sub(old, new, text, count=1)
    assert changed != text
    (copy / file).write_text(changed)

    assert check(copy) == (1, "envs/report.yaml is out of step with uv.lock: run `make envs`\n")


@pytest.mark.parametrize("group", generate.PURPOSES)
def test_every_package_has_the_version_and_all_hashes_of_the_lock(
    group: str, locked: dict[tuple[str, str], set[str]]
) -> None:
    *_, with_pip = environment(group)
    assert isinstance(with_pip, dict)

    assert "numpy" in {line.split("==")[0] for line in with_pip["pip"]}
    for line in with_pip["pip"]:
        pinned = re.match(r"([\w-]+)==(\S+)", line)
        assert pinned, line
        assert set(re.findall(r"--hash=(\S+)", line)) == locked[pinned[1], pinned[2]], line


@pytest.mark.parametrize("group", generate.PURPOSES)
def test_conda_brings_python_and_pip_alone_and_exactly(group: str) -> None:
    python, pip, *rest = environment(group)

    assert re.fullmatch(r"python=3\.11\.\d+", str(python))
    assert re.fullmatch(r"pip=\d+\.\d+(\.\d+)?", str(pip))
    assert [list(each) for each in rest if isinstance(each, dict)] == [["pip"]]
    assert len(rest) == 1


def test_no_pin_file_stands_in_for_an_environment() -> None:
    # Snakemake would take it for the whole environment and leave the pip section out.
    assert [path.name for path in (ROOT / "envs").glob("*.pin.txt")] == []


def test_uv_is_found_where_it_says_it_is_on_the_path_or_in_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(path: Path) -> str:
        path.parent.mkdir(parents=True)
        path.touch(mode=0o755)
        return str(path)

    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "on_path"))
    monkeypatch.setattr(generate, "ROOT", tmp_path)

    assert generate.uv() is None
    of_setup = program(tmp_path / ".tools" / "bin" / "uv")
    assert generate.uv() == of_setup
    on_path = program(tmp_path / "on_path" / "uv")
    assert generate.uv() == on_path
    monkeypatch.setenv("UV", "/said/by/uv")
    assert generate.uv() == "/said/by/uv"
