"""The wheel, installed where there is no checkout, as `pip install` would."""

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from envs import generate

from longtail.runtime.fingerprint import ROOT

USE = """
import torch
import longtail
from longtail import heads, losses, mixing, models, samplers
from longtail.evaluate import calibration
from longtail.losses import LDAM, BalancedSoftmax
from longtail.runtime import parts

for kind in ("losses", "heads", "mixing", "models", "samplers", "weightings", "stage1.algorithms", "data.sources"):
    for name in parts.names(kind):
        parts.find(kind, name)
loss = LDAM([100, 10])(torch.randn(4, 2), torch.tensor([0, 1, 1, 0]))
assert loss.isfinite().all()
print(longtail.__file__)
"""


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(generate.uv() or pytest.skip("there is no uv"), "build", "--wheel", "--out-dir", folder, folder=ROOT)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment `venv` of the wheel; its requirements come from the present environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    uv = str(generate.uv())
    for command in (
        [uv, "venv", "--offline", "--python", sys.executable, "venv"],
        [uv, "pip", "install", "--offline", "--no-deps", "--python", "venv", wheel],
    ):
        done = run(*command, folder=folder)
        assert done.returncode == 0, done.stderr
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    # The folder is searched, but its own .pth files are not read, and one of them names the checkout.
    (packages / "present.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def test_the_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    sources = {str(path.relative_to(ROOT / "lib")) for path in (ROOT / "lib").rglob("*.py")}
    assert {name for name in names if not re.match(r"longtail-[\d.]+\.dist-info/|.*/$", name)} == sources


def test_the_library_works_without_a_checkout(installed: Path) -> None:
    done = run("venv/bin/python", "-c", USE, folder=installed)

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(installed)


def test_its_command_lists_the_commands(installed: Path) -> None:
    done = run("venv/bin/longtail", "--help", folder=installed)

    assert (done.returncode, done.stderr) == (0, "")
    assert "  plan " in done.stdout


@pytest.mark.parametrize("command", ["plan", "progress", "imports", "published", "handbook"])
def test_a_command_that_reads_a_checkout_says_so(installed: Path, command: str) -> None:
    done = run("venv/bin/longtail", command, folder=installed)

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"error: there is no \S+: this command reads a checkout of the project.*\n", done.stderr)
