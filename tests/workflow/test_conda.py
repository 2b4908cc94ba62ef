"""`--use-conda`, run: its environments hold the lock's files and no others, and jobs compute the same numbers there.

Where there is a conda that Snakemake takes, the tests run with it, elsewhere with the stand-in beside them; their
names say which.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.utils import canonicalize_name
from tests.envs import packages
from tests.envs.rules import SCRIPTS, code, imported
from tests.workflow.command import checkout, contents, smallest, snakemake

from longtail.runtime.conda import require_conda
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT

HERE = Path(__file__).parent
STAND_IN = HERE / "stand_in_conda" / "bin"
TABLE = ("results/tables/tiny_table.csv", "--configfile", "mine.yaml")
GROUPS = ("train", "report")
# Brought by conda beside Python, and not ours to pin; where the lock has them, its versions replace these.
CONDAS = {"pip", "setuptools", "wheel", "packaging"}
# A real conda downloads 3 GB at first.
pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]


def kind() -> str:
    """Which conda the tests run with."""
    try:
        require_conda()
    except InputError:
        return "stand-in"
    return "real-conda"


@pytest.fixture(scope="module", params=[kind()])
def conda(request: pytest.FixtureRequest) -> Iterator[None]:
    """A conda on PATH."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "stand-in":
            folders = [str(STAND_IN), str(Path(sys.executable).parent), os.environ["PATH"]]
            patch.setenv("PATH", os.pathsep.join(folders))
        yield


@dataclass(frozen=True)
class Environment:
    """One that Snakemake has made."""

    prefix: Path

    def alone(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program that sees this environment and nothing else."""
        command = [str(self.prefix / "bin" / "python"), "-I", "-c", program]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @property
    def site(self) -> Path:
        return Path(self.alone("import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())

    @property
    def python(self) -> str:
        return self.alone("import platform; print(platform.python_version())").stdout.strip()


@dataclass(frozen=True)
class Run:
    """The smallest table, made under conda in a folder; `witnessed` is what each script's witness wrote."""

    folder: Path
    witnessed: dict[str, dict[str, Any]]


def made(folder: Path, output: str) -> dict[str, Environment]:
    """The environments below a folder, by the name of the file that they were made from."""
    named = {(ROOT / "envs" / f"{group}.yaml").read_bytes(): group for group in GROUPS}
    copies = (folder / ".snakemake" / "conda").glob("*.yaml")
    found = {named[copy.read_bytes()]: Environment(copy.with_suffix("")) for copy in copies}
    assert set(found) == set(GROUPS), output
    return found


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory, conda: None) -> Iterator[dict[str, Environment]]:
    """Those of the project, made by Snakemake and not used yet."""
    folder = tmp_path_factory.mktemp("conda")
    status, output = snakemake(smallest(folder), *TABLE, "--use-conda", "--conda-create-envs-only")
    assert status == 0, output
    yield made(folder, output)
    # Gigabytes, which pytest would keep for three sessions.
    shutil.rmtree(folder / ".snakemake" / "conda")


@pytest.fixture(scope="module")
def run(environments: dict[str, Environment]) -> Run:
    """All jobs of a table, each in its environment and watched."""
    folder = environments["train"].prefix.parents[2]
    witnessed = folder / "witnessed"
    witnessed.mkdir()
    for environment in environments.values():
        (environment.site / "witness.py").write_text((HERE / "witness.py").read_text())
        (environment.site / "witness.pth").write_text("import witness\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WITNESS", str(witnessed))
        status, output = snakemake(folder, *TABLE, "--use-conda")
    assert status == 0, output
    every = [json.loads(path.read_text()) for path in witnessed.iterdir()]
    scripts = {found[1]: each for each in every if (found := re.search(r"(\w+)\.py$", each["script"]))}
    return Run(folder, scripts)


@pytest.mark.parametrize("group", GROUPS)
def test_the_packages_are_those_of_the_lock(group: str, environments: dict[str, Environment]) -> None:
    environment = environments[group]
    versions = {name: each.version for name, each in packages.installed(environment.site).items()}

    wanted = packages.wanted(group, environment.python)

    assert "numpy" in wanted
    assert {name: version for name, version in versions.items() if name in wanted} == wanted
    assert set(versions) - set(wanted) <= CONDAS


@pytest.mark.parametrize("group", GROUPS)
def test_every_file_is_what_its_wheel_held(group: str, environments: dict[str, Environment]) -> None:
    environment = environments[group]
    installed = packages.installed(environment.site)
    ours = [installed[name] for name in packages.wanted(group, environment.python)]

    assert [file for package in ours for file in packages.unrecorded(package)] == []
    assert packages.altered(ours) == []


@pytest.mark.parametrize("group", GROUPS)
def test_plain_uv_installs_the_same_files(group: str, environments: dict[str, Environment]) -> None:
    environment = environments[group]
    by_conda = packages.installed(environment.site)
    by_uv = packages.installed(Path(yaml.__file__).parents[1])

    for name in packages.wanted(group, environment.python):
        files = packages.record(by_conda[name])
        assert files, name
        assert files == packages.record(by_uv[name]), name


@pytest.mark.parametrize("group", GROUPS)
def test_all_imports_of_the_scripts_are_there(group: str, environments: dict[str, Environment]) -> None:
    names = {name for script, of in SCRIPTS if of == f"envs/{group}.yaml" for name in imported(code(script))}

    imports = environments[group].alone(f"import {', '.join(sorted(names))}")

    assert "numpy" in names
    assert imports.returncode == 0, imports.stderr


@pytest.mark.parametrize("group", GROUPS)
def test_all_that_the_packages_require_is_there(group: str, environments: dict[str, Environment]) -> None:
    assert packages.unmet(packages.installed(environments[group].site)) == []


def test_scoring_has_no_torch(environments: dict[str, Environment]) -> None:
    assert "No module named 'torch'" in environments["report"].alone("import torch").stderr


def test_jobs_ran_in_their_environments(run: Run, environments: dict[str, Environment]) -> None:
    where = {script: Path(witnessed["prefix"]) for script, witnessed in run.witnessed.items()}

    assert where == {script: environments[Path(of).stem].prefix for script, of in SCRIPTS if script in where}
    assert set(where) == {
        "build_arrays",
        "build_long_tail",
        "train_stage1",
        "extract_features",
        "train_stage2",
        "evaluate",
        "make_table",
    }


def test_jobs_took_their_packages_from_their_environments(run: Run, environments: dict[str, Environment]) -> None:
    launcher = Path(yaml.__file__).parents[1]
    provided = packages_distributions()
    for script, witnessed in run.witnessed.items():
        taken = {name for name, file in witnessed["files"].items() if file and Path(file).is_relative_to(launcher)}
        inside = packages.installed(environments[Path(dict(SCRIPTS)[script]).stem].site)
        # Snakemake's own Python is not in the environments, nor is what a package only tries to import: a script's
        # path ends in the packages of the Python that Snakemake was started with.
        assert "snakemake" in taken
        assert not taken & imported(code(script)), script
        assert [name for name in taken for of in provided.get(name, ()) if canonicalize_name(of) in inside] == [], (
            script
        )
    torch = Path(run.witnessed["train_stage1"]["files"]["torch"])
    assert torch.is_relative_to(environments["train"].prefix)
    assert "torch" not in run.witnessed["evaluate"]["files"]


def test_the_numbers_are_those_of_a_run_without_conda(run: Run, finished: Path) -> None:
    ours, plain = contents(run.folder / "results"), contents(finished / "results")
    compared = {path: of for path, of in plain.items() if path.endswith((".npz", "tiny_table.csv", "metrics.json"))}
    assert "tables/tiny_table.csv" in compared
    assert len([path for path in compared if path.endswith("metrics.json")]) == 2
    assert {path: ours[path] for path in compared} == compared


@pytest.mark.usefixtures("conda")
def test_a_file_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    project = checkout(tmp_path / "project")
    report = project / "envs" / "report.yaml"
    right = report.read_text()
    line = next(line for line in right.splitlines() if "cycler==" in line)
    tampered = right.replace(line, re.sub(r"sha256:\w{8}", "sha256:00000000", line))
    assert tampered != right
    report.write_text(tampered)

    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"tables": ["mislas_cifar"], "figures": []}))
    # The one job that this takes has no use for PyTorch, whose environment would only cost time.
    target = ("results/data/cifar10/cifar-10-python.tar.gz", "--configfile", "mine.yaml")
    status, output = snakemake(tmp_path, *target, "--use-conda", "--conda-create-envs-only", project=project)

    assert status == 1
    assert "Could not create conda environment" in output
    assert re.search("hash mismatch.*cycler|cycler.*hash", output, re.IGNORECASE | re.DOTALL), output
    (copy,) = (tmp_path / ".snakemake" / "conda").glob("*.yaml")
    assert copy.read_text() == tampered
    assert not copy.with_suffix("").exists()
