"""The files of a data set of titles: which they are, and whether they are there."""

import os
from pathlib import Path
from typing import Any

from longtail.config import archives
from longtail.config.sources import IMAGES, form, of_source
from longtail.runtime.errors import InputError


def of(definition: dict[str, Any]) -> list[Path]:
    """Files that the arrays of a data set are made of; none of one that is no titles, or read from an archive."""
    folder, told = definition["data_dir"], definition["titles"]
    if folder is None or form(definition) == IMAGES:
        return []
    if definition["kind"] != "titles":
        return archives.unpacked(definition)
    names = [*told["train"], *told["validation"], *told["test"]]
    names += [told[key] for key in ("classes", "vocabulary", "vectors") if told[key] is not None]
    return [Path(folder) / name for name in names]


def check(definition: dict[str, Any], where: str) -> None:
    """InputError, beginning with `where`, for titles that are nowhere, named twice or not there."""
    kind, told = definition.get("kind"), definition["titles"]
    if kind == "titles" and definition["data_dir"] is None:
        raise InputError(f"{where} lacks the key 'data_dir': name the folder of its files of titles")
    if kind == "titles" and not told["train"]:
        raise InputError(f"{where}, key 'titles.train': names no file: name one at least")
    if kind == "titles" and told["validation"] and told["validation_per_class"]:
        raise InputError(
            f"{where}, key 'titles.validation_per_class': the files of 'titles.validation' are that split: remove one"
        )
    if kind == "titles" and told["vectors"] is not None and told["vocabulary"] is None:
        raise InputError(f"{where} lacks the key 'titles.vocabulary': name the file that belongs to 'titles.vectors'")
    for path in of(definition):
        if not os.path.isfile(path):
            raise InputError(f"{where}, key 'titles': there is no file {path}: correct the name or data_dir")


def has_validation(definition: dict[str, Any]) -> bool:
    """Whether a data set has a split that early stopping can look at."""
    told = definition["titles"]
    return bool(of_source(definition, "HAS_VALIDATION", told["validation"] or told["validation_per_class"]))
