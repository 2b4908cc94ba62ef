"""The checks of installed packages, on packages written by hand: each must be able to fail."""

import base64
import hashlib
from pathlib import Path

import pytest
from tests.envs import packages

CONTENT = "VALUE = 1\n"


def install(site: Path, name: str, *requires: str) -> None:
    """A package of one module, as pip leaves it."""
    info, script = site / f"{name}-1.0.dist-info", site.parent / "bin" / name
    for folder in (info, script.parent):
        folder.mkdir(parents=True, exist_ok=True)
    for file in (site / f"{name}.py", info / "INSTALLER", script):
        file.write_text(CONTENT)
    digest = base64.urlsafe_b64encode(hashlib.sha256(CONTENT.encode()).digest()).rstrip(b"=").decode()
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    hashed = "".join(
        f"{file},sha256={digest},10\n" for file in (f"{name}.py", f"{info.name}/INSTALLER", f"../bin/{name}")
    )
    (info / "RECORD").write_text(f"{hashed}__pycache__/{name}.cpython-311.pyc,,\n{info.name}/RECORD,,\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages"
    install(folder, "alpha", "beta>=1", "gamma ; extra == 'more'", "delta ; python_version < '3'")
    install(folder, "beta")
    return folder


def test_installed(site: Path) -> None:
    assert {name: each.version for name, each in packages.installed(site).items()} == {"alpha": "1.0", "beta": "1.0"}


def test_the_record_of_a_wheel_leaves_out_what_installers_write(site: Path) -> None:
    assert list(packages.record(packages.installed(site)["alpha"])) == ["alpha.py"]


def test_an_altered_file_is_found(site: Path) -> None:
    found = packages.installed(site)["beta"]
    assert packages.altered([found]) == []

    (site / "beta.py").write_text("VALUE = 2\n")

    assert packages.altered([found]) == ["beta.py"]


def test_a_file_without_a_hash_is_found(site: Path) -> None:
    record = site / "beta-1.0.dist-info" / "RECORD"
    assert packages.unrecorded(packages.installed(site)["beta"]) == []

    record.write_text(record.read_text() + "more.py,,\n")

    assert packages.unrecorded(packages.installed(site)["beta"]) == ["more.py"]


def test_what_is_required_and_missing_is_found(site: Path) -> None:
    found = packages.installed(site)

    assert packages.unmet(found) == []
    assert packages.unmet({"alpha": found["alpha"]}) == ["beta>=1"]
    install(site, "epsilon", "beta>=2")
    assert packages.unmet(packages.installed(site)) == ["beta>=2"]


def test_markers_decide_what_is_wanted() -> None:
    old, new = packages.wanted("report", "3.11.13"), packages.wanted("report", "3.12.1")

    assert set(old) == set(new)
    assert old["numpy"] != new["numpy"]
