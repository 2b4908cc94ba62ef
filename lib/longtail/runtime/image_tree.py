"""Lists the images of a tree `train/<class>/*`, `test/<class>/*` without opening them."""

import contextlib
import functools
import hashlib
import os
import unicodedata
from pathlib import Path

from longtail.runtime.errors import UNPRINTABLE, InputError, printable

# Endings that are always images, whether or not Pillow can decode them.
IMAGES = {
    *(".avif", ".bmp", ".emf", ".eps", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jp2", ".jpeg", ".jpg", ".jxl"),
    *(".pgm", ".png", ".ppm", ".psd", ".svg", ".tga", ".tif", ".tiff", ".webp", ".wmf"),
    *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"),  # cameras' raw data
}
# Formats that Pillow recognises but cannot decode without another program.
UNDECODED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}

HIDDEN, NO_IMAGES, NO_IMAGE_IN = "hidden", "no image by name", "folder without images"
NAMED = 3
Images = dict[str, dict[str, list[Path]]]
PassedOver = dict[str, list[Path]]


def listing(root: Path) -> Images:
    """Image files by split and class, both sorted by name.

    Raises InputError for a missing split, fewer than two classes, splits with different classes, a class without
    images, names that are equal on some other machines, and images that are in no class folder or cannot be read.
    """
    return _survey(root)[0]


def classes(folder: Path) -> dict[str, list[Path]]:
    """Image files by class in a folder of class folders, without a test split; both sorted by name.

    Raises InputError like `listing`.
    """
    passed: PassedOver = {HIDDEN: [], NO_IMAGES: [], NO_IMAGE_IN: []}
    return _split(folder, passed)


def passed_over(root: Path) -> str:
    """What `listing` leaves out, in words: the number of each kind, with the first three; "" if there is nothing."""
    return "; ".join(_in_words(kind, paths, root) for kind, paths in _survey(root)[1].items() if paths)


def digest(root: Path) -> str:
    """Hash of the names and sizes of all images: changes when an image is added, removed or changes its size."""
    hasher = hashlib.sha256()
    for split, classes in listing(root).items():
        for name, images in classes.items():
            for image in images:
                hasher.update(f"{split}/{name}/{image.name}:{image.stat().st_size}\n".encode())
    return hasher.hexdigest()[:16]


def check_format(path: Path) -> None:
    """Raises InputError for a file with the name of an image whose format Pillow cannot read here."""
    ending = path.suffix.lower()
    if ending in IMAGES and ending not in _readable():
        raise InputError(f"{path}: Pillow cannot read {ending} files here: save it as PNG or JPEG, or remove it")


@functools.cache
def _readable() -> set[str]:
    """Endings of the files that Pillow can decode."""
    from PIL import Image

    endings = Image.registered_extensions()  # loads its plug-ins
    # Pillow opens MPO (photographs of two lenses) as the JPEG at its beginning.
    decoded = {*Image.OPEN, "MPO"} - UNDECODED
    return {ending for ending, form in endings.items() if form in decoded}


def _survey(root: Path) -> tuple[Images, PassedOver]:
    images: Images = {}
    passed: PassedOver = {HIDDEN: [], NO_IMAGES: [], NO_IMAGE_IN: []}
    for split in ("train", "test"):
        if not os.path.isdir(root / split):
            raise InputError(f"data_dir {root} has no folder {split}/: expected train/<class>/* and test/<class>/*")
        images[split] = _split(root / split, passed)
    _check_names(root, images)
    if differing := sorted(set(images["train"]) ^ set(images["test"])):
        raise InputError(
            f"{root}: class '{differing[0]}' is only in one of train/ and test/: both need the same classes"
        )
    return images, passed


def _split(folder: Path, passed: PassedOver) -> dict[str, list[Path]]:
    images = {inner.name: _images(inner, passed) for inner in _classes(folder, passed)}
    if len(images) < 2:
        raise InputError(f"{folder} has {len(images)} class folder(s): at least two are needed")
    for name, files in images.items():
        if not files:
            raise InputError(f"{folder / name} holds no image: add some or remove the folder")
    return images


def _check_names(root: Path, images: Images) -> None:
    known: dict[str, str] = {}
    for name in sorted({name for classes in images.values() for name in classes}):
        plain = unicodedata.normalize("NFC", name.strip().casefold())
        if known.setdefault(plain, name) != name:
            raise InputError(
                f"{root}: the class folders {known[plain]!a} and {name!a} differ in capitals, in spaces "
                "around or in how accents are written, and are one on other machines: rename or merge them"
            )


def _classes(split: Path, passed: PassedOver) -> list[Path]:
    files, folders, hidden = _entries(split)
    for file in files:
        if _is_image(file):
            raise InputError(f"{file} is in no class folder: move it into one or remove it")
    passed[HIDDEN] += hidden
    passed[NO_IMAGES] += files
    return folders


def _images(folder: Path, passed: PassedOver) -> list[Path]:
    """The images of a class."""
    files, nested, hidden = _entries(folder)
    for inner in nested:
        if _is_image(inner):
            raise InputError(f"{inner} is a folder with the name of an image: rename or remove it")
        if _holds_images(inner):
            raise InputError(
                f"{inner} is a folder of images inside a class folder: move them into {folder} itself, or make a "
                "class of them"
            )
    images = [file for file in files if _is_image(file)]
    for image in images:
        check_format(image)
        if not os.access(image, os.R_OK):
            raise InputError(f"{image} may not be read: change its permissions")
    passed[HIDDEN] += hidden
    passed[NO_IMAGES] += [file for file in files if not _is_image(file)]
    passed[NO_IMAGE_IN] += nested
    return images


def _holds_images(folder: Path) -> bool:
    files, nested, _ = _entries(folder)
    return any(map(_is_image, files)) or any(map(_holds_images, nested))


def _is_image(path: Path) -> bool:
    ending = path.suffix.lower()
    return ending in _readable() or ending in IMAGES


def _entries(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Files, folders and hidden entries, each sorted by name."""
    files, folders, hidden = [], [], []
    try:
        with os.scandir(folder) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read ({error.strerror}): change its permissions") from error
    for entry in entries:
        path = folder / entry.name
        if entry.name[0] == ".":
            hidden.append(path)
        elif UNPRINTABLE.search(entry.name):
            raise InputError(f"{path}: the name is not UTF-8 or has control characters: rename it")
        elif _is_folder(entry):
            folders.append(path)
        else:
            files.append(path)
    return files, folders, hidden


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder; raises InputError if it is neither a folder nor a file."""
    with contextlib.suppress(OSError):  # circular links
        if entry.is_dir() or entry.is_file():
            return entry.is_dir()
    raise InputError(f"{entry.path} is neither a file nor a folder, perhaps a broken link: restore or remove it")


def _in_words(kind: str, paths: list[Path], root: Path) -> str:
    listed = [printable(str(path.relative_to(root))) for path in paths[:NAMED]]
    return f"{len(paths)} {kind} ({', '.join(listed)}{', …' if len(paths) > NAMED else ''})"
