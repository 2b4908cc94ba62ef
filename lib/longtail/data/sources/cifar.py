"""`cifar`: the official CIFAR-10 and CIFAR-100, in their python version (read by torchvision) or their binary one."""

import hashlib
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.data.forms.images import Arrays
from longtail.runtime.errors import InputError
from longtail.runtime.files import require_regular

SETTINGS = {
    "data_dir": {
        "type": ["string", "null"],
        "default": None,
        "path": "folder",
        "description": "a folder that may hold the archive, that of the binary version, or the files of the latter",
    },
    "archive": {"$ref": "#/$defs/archive", "description": "the official archive of the python version"},
}
SIDE = 32
# The binary version for each archive of the python version: its archive, and its files with their md5 in order, test
# images last. `row` is the number of bytes of an image: its label (or the coarse and the fine one), then 3072 bytes
# of red, green and blue.
OTHER_VERSIONS = {
    "cifar-10-python.tar.gz": {
        "file": "cifar-10-binary.tar.gz",
        "md5": "c32a1d4ab5d03f1284b67883e8d87530",
        "files": {
            "cifar-10-batches-bin/data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
            "cifar-10-batches-bin/data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
            "cifar-10-batches-bin/data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
            "cifar-10-batches-bin/data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
            "cifar-10-batches-bin/data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
            "cifar-10-batches-bin/test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
        },
        "row": 3073,
        "classes": "airplane automobile bird cat deer dog frog horse ship truck",
    },
    "cifar-100-python.tar.gz": {
        "file": "cifar-100-binary.tar.gz",
        "md5": "03b5dce01913d631647c71ecec9e9cb8",
        "files": {
            "cifar-100-binary/train.bin": "6172c7755cfe09b2fe270c85cebc1b15",
            "cifar-100-binary/test.bin": "4499cfba6c016c1be1438163640a0898",
        },
        "row": 3074,
        "classes": "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
        "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab "
        "crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp "
        "lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange "
        "orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray "
        "road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower "
        "sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale "
        "willow_tree wolf woman worm",
    },
}


def class_sizes(settings: dict[str, Any]) -> tuple[int, ...]:
    """Training images of each class."""
    return (500,) * 100 if "100" in settings["archive"]["file"] else (5000,) * 10


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """Both splits in the order of the python version, which the subsets of methods card 1.1 rely on.

    They come from the `archive` of either version, or from `files`, the unpacked files of the binary version.
    Raises InputError for a file that is not official: all are checked, those of the python version by torchvision.
    """
    if archive is None:
        return _unpacked([Path(file) for file in settings["files"]])
    version = _version(Path(archive).name)
    with tempfile.TemporaryDirectory(dir=Path(archive).parent) as folder:
        try:
            require_regular(archive)
            with tarfile.open(archive) as stored:
                stored.extractall(folder, filter="data")
            if version is None:
                return _python(folder, archive)
            return _binary(version, [Path(folder, name) for name in version["files"]])
        except (OSError, EOFError, tarfile.TarError, zlib.error, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{archive} is not the whole official archive ({reason}): delete it and run again"
            ) from error


def _version(name: str) -> dict[str, Any] | None:
    """The binary version whose archive has this name; None if neither has."""
    versions: list[dict[str, Any]] = list(OTHER_VERSIONS.values())
    return next((version for version in versions if name == version["file"]), None)


def _unpacked(files: list[Path]) -> Arrays:
    versions: list[dict[str, Any]] = list(OTHER_VERSIONS.values())
    version = next(v for v in versions if files[0].name in [Path(file).name for file in v["files"]])
    try:
        return _binary(version, files)
    except ValueError as error:
        raise InputError(
            f"{files[0].parent}: {error}: it is cut short or not the official file; replace it"
        ) from error


def _python(folder: str, archive: str) -> Arrays:
    from torchvision import datasets

    reader = datasets.CIFAR100 if "100" in Path(archive).name else datasets.CIFAR10
    train, test = reader(folder, train=True), reader(folder, train=False)
    return Arrays(
        train.data,
        np.array(train.targets, np.int64),
        test.data,
        np.array(test.targets, np.int64),
        train.classes,
    )


def _binary(version: dict[str, Any], files: list[Path]) -> Arrays:
    """The images of `files`; raises ValueError for a file that is not official."""
    parts = [_rows(path, md5, version["row"]) for path, md5 in zip(files, version["files"].values(), strict=True)]
    images, labels = zip(*parts, strict=True)
    return Arrays(
        np.concatenate(images[:-1]),
        np.concatenate(labels[:-1]),
        images[-1],
        labels[-1],
        version["classes"].split(),
    )


def _rows(path: Path, md5: str, row: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images [N, H, W, C] and labels [N] of one file."""
    content = path.read_bytes()
    if (actual := hashlib.md5(content).hexdigest()) != md5:
        raise ValueError(f"{path.name} has md5 {actual}, not {md5}")
    rows = np.frombuffer(content, np.uint8).reshape(-1, row)
    label, pixels = rows[:, row - 3 * SIDE**2 - 1], rows[:, row - 3 * SIDE**2 :]
    return pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), label.astype(np.int64)
