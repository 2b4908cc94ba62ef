"""What a data set is read from, by what its data_dir holds."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.graph.test_graph import graph

from longtail.data.sources import cifar
from longtail.graph.graph import Graph
from longtail.runtime.errors import InputError

PYTHON, BINARY = "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"
UNPACKED = ("train.bin", "test.bin")
W = SimpleNamespace(dataset="cifar100", archive="cifar-100-python")


@pytest.fixture
def held(tmp_path: Path) -> Callable[..., Graph]:
    """A graph of CIFAR-100 whose data_dir holds (empty) files of these names."""

    def of(*names: str) -> Graph:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        both = {name: {"data_dir": str(tmp_path)} for name in ("cifar10", "cifar100")}
        return graph(tables=["mislas_cifar"], figures=[], datasets=both)

    return of


@pytest.mark.parametrize(
    ("names", "archive"),
    [
        ((), PYTHON),
        ((PYTHON,), PYTHON),
        ((BINARY,), BINARY),
        ((BINARY, PYTHON, *UNPACKED), PYTHON),
        ((BINARY, "cifar-100-binary/train.bin"), BINARY),
        (("cifar-10-binary.tar.gz",), PYTHON),
    ],
)
def test_the_archive_that_is_read(held: Callable[..., Graph], names: tuple[str, ...], archive: str) -> None:
    found = held(*names)

    assert found.inputs.archive(W) == [f"results/data/cifar100/{archive}"]
    # An archive found elsewhere, or the other version of it, is the same images.
    assert json.loads(found.parameters.source(W)) == {"kind": "cifar"}


@pytest.mark.parametrize("folder", ["", "cifar-100-binary/"])
def test_files_that_are_unpacked(held: Callable[..., Graph], tmp_path: Path, folder: str) -> None:
    found = held(*(f"{folder}{name}" for name in UNPACKED))

    assert found.inputs.archive(W) == []
    files = [f"{tmp_path}/{folder}{name}" for name in UNPACKED]
    assert json.loads(found.parameters.source(W)) == {"kind": "cifar"}
    assert found.places()["cifar100"] == {"data_dir": str(tmp_path), "files": files}
    assert found.parameters.contents(W) == "", "their md5 is known"
    assert found.inputs.archive(SimpleNamespace(dataset="cifar10")) == ["results/data/cifar10/cifar-10-python.tar.gz"]


def test_both_data_sets_may_stand_in_one_folder(held: Callable[..., Graph], tmp_path: Path) -> None:
    names = [Path(file).name for file in cifar.OTHER_VERSIONS["cifar-10-python.tar.gz"]["files"]]
    found = held(*names, *UNPACKED)

    for dataset, files in (("cifar10", names), ("cifar100", UNPACKED)):
        assert found.places()[dataset]["files"] == [str(tmp_path / name) for name in files]


def test_a_file_that_is_missing_is_named(held: Callable[..., Graph]) -> None:
    with pytest.raises(InputError, match=r"'cifar100', key 'data_dir': there is no file .*/train\.bin, which"):
        held("test.bin")


def test_the_other_version_is_fetched_from_data_dir_alone(held: Callable[..., Graph], tmp_path: Path) -> None:
    found = held(BINARY)

    def download_settings(archive: str) -> dict[str, object]:
        download: dict[str, object] = json.loads(
            found.parameters.download(SimpleNamespace(dataset="cifar100", archive=archive))
        )
        return download

    md5 = "03b5dce01913d631647c71ecec9e9cb8"
    assert download_settings("cifar-100-binary")["archive"] == {"file": BINARY, "md5": md5, "urls": []}
    assert download_settings("cifar-100-python")["archive"] == found.registry.datasets["cifar100"]["archive"]


def test_an_archive_in_a_storage_is_fetched_from_there() -> None:
    stored = graph(tables=["mislas_cifar"], figures=[], datasets={"cifar100": {"data_dir": "s3://bucket/cifar"}})

    assert stored.inputs.archive(W) == [f"results/data/cifar100/{PYTHON}"]
    assert stored.inputs.held(W) == [f"s3://bucket/cifar/{PYTHON}"]
    assert stored.inputs.held(SimpleNamespace(dataset="cifar10", archive="cifar-10-python")) == []


def test_a_folder_of_images_in_a_storage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(
        "title: x\ncolumns: [{dataset: birds, factor: 10, backbone: resnet10}]\nrows: [{method: ce}]\n"
    )
    birds = {"title": "Birds", "kind": "folder", "data_dir": "s3://bucket/birds"}
    with pytest.raises(InputError, match="key 'data_dir': of a storage only the archives of CIFAR and THUCNews"):
        graph(tables=[str(tmp_path / "x.yaml")], figures=[], datasets={"birds": birds})
