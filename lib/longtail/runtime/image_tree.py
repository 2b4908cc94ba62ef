"""Image trees `train/<class>/*`, `test/<class>/*`: what they hold, without opening an image."""

import hashlib
from pathlib import Path

from longtail.runtime.errors import InputError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


def listing(root: Path) -> dict[str, dict[str, list[Path]]]:
    """Image files by split and class, both sorted by name; hidden files are passed over.

    Raises InputError for a missing split, fewer than two classes, splits with different classes, or a class
    without images.
    """
    found: dict[str, dict[str, list[Path]]] = {}
    for split in ("train", "test"):
        if not (root / split).is_dir():
            raise InputError(f"data_dir {root} has no folder {split}/: expected train/<class>/* and test/<class>/*")
        found[split] = {
            folder.name: sorted(f for f in folder.iterdir() if f.suffix.lower() in EXTENSIONS and f.name[0] != ".")
            for folder in sorted((root / split).iterdir())
            if folder.is_dir() and folder.name[0] != "."
        }
        if len(found[split]) < 2:
            raise InputError(f"{root / split} has {len(found[split])} class folder(s): at least two are needed")
        for name, images in found[split].items():
            if not images:
                raise InputError(f"{root / split / name} holds no image: add some or remove the folder")
    if differing := sorted(set(found["train"]) ^ set(found["test"])):
        raise InputError(
            f"{root}: class '{differing[0]}' is only in one of train/ and test/: both need the same classes"
        )
    return found


def digest(root: Path) -> str:
    """Hash over the names and sizes of all images: changes when an image is added, removed or resized."""
    hasher = hashlib.sha256()
    for split, classes in listing(root).items():
        for name, images in classes.items():
            for image in images:
                hasher.update(f"{split}/{name}/{image.name}:{image.stat().st_size}\n".encode())
    return hasher.hexdigest()[:16]
