"""`thucnews`: 200,000 Chinese news titles of ten classes, the files of the repository that LADC trains on."""

import hashlib
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

from longtail.data.forms.titles import Titles
from longtail.data.sources import titles
from longtail.runtime.errors import InputError
from longtail.runtime.files import require_regular

FORM = "titles"
SETTINGS = {
    "data_dir": {
        "type": ["string", "null"],
        "default": None,
        "path": "folder",
        "description": "a folder that may hold the archive, or its files unpacked",
    },
    "archive": {"$ref": "#/$defs/archive", "default": None, "description": "the official archive"},
    "titles": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "what titles become",
        "properties": {
            "length": {
                "type": "integer",
                "minimum": 4,
                "default": 32,
                "description": "characters that a title is cut or padded to",
            },
        },
    },
}
# The arrays depend on these too, which no data set can change.
FIXED = {
    "titles": {
        "train": ["train.txt"],
        "validation": [],
        "validation_per_class": 0,
        "test": ["test.txt"],
        "classes": None,
        "vocabulary": None,
        "vectors": None,
        "dimensions": 300,
    },
}
HAS_VALIDATION = True
# Where they stand in the archive, below the folder of a commit's name.
FOLDER = "THUCNews/data"
FILES_OF_ARCHIVE = ("train.txt", "dev.txt", "test.txt", "class.txt", "vocab.pkl", "embedding_SougouNews.npz")
# The archive is made anew by its host, so files are checked: these by their hash, training titles by their number.
MD5 = {"dev.txt": "48c6a2ec6480a4ca806d62c392805af6", "test.txt": "d99f9129b337cc1e8da40af89dc53f43"}
CLASS_SIZES = (18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000)
WANTED = {
    "train": ["train.txt"],
    "validation": ["dev.txt"],
    "test": ["test.txt"],
    "classes": "class.txt",
    "validation_per_class": 0,
    "vocabulary": "vocab.pkl",
    "vectors": "embedding_SougouNews.npz",
}


def side(settings: dict[str, Any]) -> int:
    """Characters of a title."""
    return int(settings["titles"]["length"])


def read(settings: dict[str, Any], archive: str | None) -> Titles:
    """All splits in file order, with the 300-d character vectors of Sogou news; nothing is left out.

    They come from the `archive`, or from `files`, the same unpacked.
    Raises InputError where a file is missing or not the official one.
    """
    if archive is None:
        return _read(Path(settings["files"][0]).parent, settings)
    with tempfile.TemporaryDirectory(dir=Path(archive).parent) as folder:
        try:
            require_regular(archive)
            with tarfile.open(archive) as stored:
                members = [m for m in stored.getmembers() if m.name.split("/", 1)[-1].startswith(f"{FOLDER}/")]
                stored.extractall(folder, members, filter="data")
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise InputError(f"{archive} is not a whole archive ({error}): delete it and run again") from error
        found = next(Path(folder).glob(f"*/{FOLDER}"), None)
        if found is None:
            raise InputError(f"{archive} has no folder {FOLDER}: name an archive of the official repository")
        return _read(found, settings)


def _read(root: Path, settings: dict[str, Any]) -> Titles:
    for name in FILES_OF_ARCHIVE:
        if not (root / name).is_file():
            raise InputError(f"{root} has no {name}: complete the official files, {', '.join(FILES_OF_ARCHIVE)}")
    for name, known in MD5.items():
        if (found := hashlib.md5((root / name).read_bytes()).hexdigest()) != known:
            raise InputError(f"{root / name} has md5 {found}, not {known}: replace it with the official file")
    data = titles.build(root, WANTED | {"length": settings["titles"]["length"]}, apart=False)
    if len(data.train_labels) != sum(CLASS_SIZES):
        raise InputError(
            f"{root / 'train.txt'} has {len(data.train_labels):,} titles, not {sum(CLASS_SIZES):,}: "
            "replace it with the official file, or read a part of it as kind 'titles'"
        )
    return data
