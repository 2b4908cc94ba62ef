"""A data set of any form (`data/forms/`), and saving it to and loading it from a file of arrays."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from longtail.runtime import npz, parts

DEFAULT = "images"


class Data(Protocol):
    """What every form has: labels [N] int64 of both splits, and the class names in label order."""

    @property
    def form(self) -> str:
        """The name of the form."""

    @property
    def train_labels(self) -> NDArray[np.int64]:
        """Labels of the whole training split."""

    @property
    def test_labels(self) -> NDArray[np.int64]:
        """Labels of the test split."""

    @property
    def classes(self) -> list[str]:
        """Names of the classes."""

    def digests(self, indices: NDArray[np.int64]) -> dict[str, str]:
        """Digests of the examples at `indices` and of the test set (`data.content`)."""


def save(path: Path | str, data: Data) -> None:
    """Write all fields but `root`, the folder of the files on this machine, into one .npz."""
    npz.save(path, {name: np.asarray(value) for name, value in vars(data).items() if name != "root"})


def classes(data: Data) -> dict[str, Any]:
    """What jobs need that draw or count only: names of the classes, and their sizes [K] in the test set."""
    counts = np.bincount(data.test_labels, minlength=len(data.classes))
    return {"names": data.classes, "test_counts": counts.tolist()}


def load(path: Path | str, root: str = "") -> Data:
    """Read what `save` has written; files are below `root`. Raises InputError if the .npz is damaged."""
    kind = parts.find("data.forms", form(path)).Data
    names = [field.name for field in fields(kind)]
    stored: dict[str, Any] = npz.load(path, [name for name in names if name != "root"], "arrays")
    stored["classes"] = stored["classes"].tolist()
    data: Data = kind(**stored, root=root) if "root" in names else kind(**stored)
    return data


def form(path: Path | str) -> str:
    """The name of the form of what `save` has written, without reading all of it."""
    marks = {name: parts.literal("data.forms", name, "MARK", None) for name in parts.names("data.forms")}
    return next((name for name, mark in marks.items() if npz.holds(path, mark)), DEFAULT)
