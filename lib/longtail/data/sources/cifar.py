"""`cifar`: the official CIFAR-10 and CIFAR-100 archives, read by torchvision."""

import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from longtail.data.arrays import Arrays
from longtail.runtime.errors import InputError

SIDE = 32


def read(settings: dict[str, Any], archive: str | None) -> Arrays:
    """Both splits in the archive's order, which the subsets of methods card 1.1 rely on.

    Raises InputError when the archive is not the official one; torchvision checks each file of it.
    """
    from torchvision import datasets

    if archive is None:
        raise InputError("a cifar data set needs its 'archive' key: file, md5 and urls")
    reader = datasets.CIFAR100 if "100" in Path(archive).name else datasets.CIFAR10
    with tempfile.TemporaryDirectory(dir=Path(archive).parent) as folder:
        try:
            with tarfile.open(archive) as stored:
                stored.extractall(folder, filter="data")
            train, test = reader(folder, train=True), reader(folder, train=False)
        except (OSError, EOFError, tarfile.TarError, zlib.error, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{archive} is not the whole official archive ({reason}): delete it and run again"
            ) from error
        return Arrays(
            train.data,
            np.array(train.targets, np.int64),
            test.data,
            np.array(test.targets, np.int64),
            train.classes,
        )
