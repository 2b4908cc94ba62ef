"""CIFAR's binary version, made small, through the real command."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from tests.workflow.command import checkout, jobs, snakemake

from longtail.data import arrays
from longtail.data.sources import cifar

ARRAYS = "results/data/cifar100/arrays.npz"
VERSION = cifar.OTHER_VERSIONS["cifar-100-python.tar.gz"]


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    """Three rows a file: coarse and fine label, then pixels."""
    noise = np.random.default_rng(0)
    return {name: noise.integers(0, 100, (3, VERSION["row"]), dtype=np.uint8) for name in VERSION["files"]}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, np.ndarray]) -> Path:
    """A folder with `packed/cifar-100-binary.tar.gz` and `unpacked/`."""
    folder = tmp_path_factory.mktemp("held")
    for name, content in rows.items():
        (folder / "unpacked" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "unpacked" / name).write_bytes(content.tobytes())
    (folder / "packed").mkdir()
    with tarfile.open(folder / "packed" / VERSION["file"], "w:gz") as target:
        target.add(folder / "unpacked" / "cifar-100-binary", "cifar-100-binary")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, held: Path) -> Path:
    """A copy of the project that takes those files for the official ones."""
    folder = checkout(tmp_path_factory.mktemp("project"))
    source = folder / "lib" / "longtail" / "data" / "sources" / "cifar.py"
    text = source.read_text().replace(VERSION["md5"], md5(held / "packed" / VERSION["file"]))
    for name, known in VERSION["files"].items():
        text = text.replace(known, md5(held / "unpacked" / name))
    source.write_text(text)
    return folder


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("form", ["packed", "unpacked"])
def test_arrays_are_made_of_the_binary_version(
    tmp_path: Path, project: Path, held: Path, rows: dict[str, np.ndarray], form: str
) -> None:
    own = {"tables": ["mislas_cifar"], "figures": [], "datasets": {"cifar100": {"data_dir": str(held / form)}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(own))
    command = [ARRAYS, "--configfile", "mine.yaml"]

    code, output = snakemake(tmp_path, *command, project=project)

    assert code == 0, output
    assert jobs(output) == {"build_arrays": 1} | ({"download": 1} if form == "packed" else {})
    found = arrays.load(tmp_path / ARRAYS)
    train, test = rows.values()
    assert found.train_labels.tolist() == train[:, 1].tolist()
    assert found.test_labels.tolist() == test[:, 1].tolist()
    np.testing.assert_array_equal(found.train_images[2, 0, :, 1], train[2, 2 + 1024 : 2 + 1024 + 32])
    assert len(found.classes) == 100
    code, output = snakemake(tmp_path, *command, project=project)
    assert code == 0, output
    assert "Nothing to be done" in output


def test_files_that_are_not_official_are_refused(tmp_path: Path, held: Path) -> None:
    own = {"tables": ["mislas_cifar"], "figures": [], "datasets": {"cifar100": {"data_dir": str(held / "unpacked")}}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(own))

    code, output = snakemake(tmp_path, ARRAYS, "--configfile", "mine.yaml", "--retries", "0")

    assert code != 0
    assert "Traceback" not in output
    assert f"error: {held}/unpacked/cifar-100-binary: train.bin has md5" in output, output
    assert not (tmp_path / ARRAYS).exists()
