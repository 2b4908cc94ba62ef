"""`thucnews`: 200,000 Chinese news titles of ten classes, from the repository whose files LADC uses."""

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
# Further settings that the arrays depend on; they are the same for all data sets of this kind.
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
# The folder of the files in the archive, below a folder that is named after a commit.
FOLDER = "THUCNews/data"
FILES_OF_ARCHIVE = ("train.txt", "dev.txt", "test.txt", "class.txt", "vocab.pkl", "embedding_SougouNews.npz")
# The host packs the archive again at times, so its files are checked: these by hash, training titles by their number.
MD5 = {"dev.txt": "48c6a2ec6480a4ca806d62c392805af6", "test.txt": "d99f9129b337cc1e8da40af89dc53f43"}
CLASS_SIZES = (18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000, 18000)
OPTIONS = {
    "train": ["train.txt"],
    "validation": ["dev.txt"],
    "test": ["test.txt"],
    "classes": "class.txt",
    "validation_per_class": 0,
    "vocabulary": "vocab.pkl",
    "vectors": "embedding_SougouNews.npz",
}


def side(settings: dict[str, Any]) -> int:
    """Number of characters of a title."""
    return int(settings["titles"]["length"])


def read(settings: dict[str, Any], archive: str | None) -> Titles:
    """All splits in file order, with the 300-d character vectors of Sogou news; nothing is left out.

    They come from the `archive`, or from `files`, its unpacked files.
    Raises InputError if a file is missing or not official.
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
        root = next(Path(folder).glob(f"*/{FOLDER}"), None)
        if root is None:
            raise InputError(f"{archive} has no folder {FOLDER}: name an archive of the official repository")
        return _read(root, settings)


def _read(root: Path, settings: dict[str, Any]) -> Titles:
    for name in FILES_OF_ARCHIVE:
        if not (root / name).is_file():
            raise InputError(f"{root} has no {name}: complete the official files, {', '.join(FILES_OF_ARCHIVE)}")
    for name, expected in MD5.items():
        if (actual := hashlib.md5((root / name).read_bytes()).hexdigest()) != expected:
            raise InputError(f"{root / name} has md5 {actual}, not {expected}: replace it with the official file")
    data = titles.build(root, OPTIONS | {"length": settings["titles"]["length"]}, apart=False)
    if len(data.train_labels) != sum(CLASS_SIZES):
        raise InputError(
            f"{root / 'train.txt'} has {len(data.train_labels):,} titles, not {sum(CLASS_SIZES):,}: "
            "replace it with the official file, or read a part of it as kind 'titles'"
        )
    return data
