"""`longtail init`: looks at a folder of images or titles, and writes the configuration for it."""

import re
from pathlib import Path

import numpy as np

from longtail.data.sources import titles
from longtail.runtime.errors import InputError
from longtail.survey import configuration, images, report, split

TEXTS = (".csv", ".tsv", ".txt")
SHARE = 0.2


def init(folder: Path, name: str | None, target: Path, force: bool, share: float | None) -> list[str]:
    """The lines to print. YAML files are written into `target`, unless the data have no test split and no `share`.

    Raises InputError, and writes nothing, for data that cannot be used, and for files that exist unless `force`.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name the folder of your images or titles")
    root = folder.resolve()
    name = name or _name(root.name)
    if not re.fullmatch(r"\w+", name, re.ASCII) or name[0].isdigit():
        raise InputError(f"--name is '{name}': use letters, digits and _, a letter first")
    if share is not None and not 0 < share < 1:
        raise InputError(f"--split is {share:g}: give the share of each class for testing, such as {SHARE}")
    found = sorted(path for path in root.iterdir() if path.suffix.lower() in TEXTS and path.is_file())
    if found and not any(path.is_dir() and path.name[0] != "." for path in root.iterdir()):
        return _titles(root, found, name, target, force, share)
    return _images(folder, root, name, target, force, share)


def _images(folder: Path, root: Path, name: str, target: Path, force: bool, share: float | None) -> list[str]:
    tree, lines = images.tree_of(root), []
    if tree is not None and share is not None:
        raise InputError(f"{root} has train/ and test/ already: leave --split out")
    if tree is None:
        parts, tracks = split.images(images.unsplit(root), share or SHARE)
        if share is None:
            sizes = {each: sum(map(len, folders.values())) for each, folders in parts.items()}
            command = f"longtail init {folder} --split {SHARE}"
            proposal = report.proposal(sizes, SHARE, f"a folder {name}_split of links to your images", command)
            return [f"{folder}: images of {len(parts['train'])} classes", *report.tracks(tracks), *proposal]
        lines = [f"Split into {target / f'{name}_split'}, as links to the images of {root}."]
        _check_absent(target, name, force)
        root = (target / f"{name}_split").resolve()
        split.link(parts, root)
        tree = images.tree_of(root)
        assert tree is not None
    found = images.look(tree)
    paths = configuration.write(target, configuration.of_images(name, root, found), force)
    return [*lines, *report.of_images(root, found), *report.next_steps(paths, paths[0])]


def _titles(root: Path, found: list[Path], name: str, target: Path, force: bool, share: float | None) -> list[str]:
    by_stem = {path.stem.lower(): path for path in found}
    train, test = by_stem.get("train"), by_stem.get("test")
    validation = next((by_stem[stem] for stem in ("validation", "valid", "val", "dev") if stem in by_stem), None)
    lines = []
    if test is None:
        whole = train or (found[0] if len(found) == 1 else None)
        if whole is None:
            raise InputError(
                f"{root} has {len(found)} files of titles and none called test: name them train and test"
            )
        contents = split.titles_of(whole, share or SHARE)
        if share is None:
            sizes = {"train": contents[0].count("\n") - 1, "test": contents[1].count("\n") - 1}
            command = f"longtail init {root} --split {SHARE}"
            files = f"{name}_split/train.csv and test.csv"
            return [
                *report.of_titles(root, {whole.name: contents[2]}),
                *report.proposal(sizes, SHARE, files, command),
            ]
        _check_absent(target, name, force)
        root = (target / f"{name}_split").resolve()
        split.write_titles(root, *contents[:2])
        lines, train, test = [f"Split into {root}."], root / "train.csv", root / "test.csv"
    elif share is not None:
        raise InputError(f"{root} has {test.name} already: leave --split out")
    if train is None:
        raise InputError(f"{root} has {test.name} but no file called train: name the training titles so")
    made = configuration.of_titles(name, root, train.name, test.name, validation.name if validation else None)
    splits = _class_sizes(root, train, test)
    paths = configuration.write(target, made, force)
    return [*lines, *report.of_titles(root, splits), *report.next_steps(paths, paths[0])]


def _class_sizes(root: Path, train: Path, test: Path) -> dict[str, dict[str, int]]:
    """Titles of each class that are left for training and testing; raises InputError as the source `titles` does."""
    options = {"train": [train.name], "validation": [], "test": [test.name], "classes": None, "vocabulary": None}
    data = titles.build(root, options | {"validation_per_class": 0, "vectors": None, "dimensions": 1, "length": 4})
    return {
        path.name: dict(zip(data.classes, np.bincount(labels, minlength=len(data.classes)).tolist(), strict=True))
        for path, labels in ((train, data.train_labels), (test, data.test_labels))
    }


def _check_absent(target: Path, name: str, force: bool) -> None:
    """Raises InputError before anything is written if a configuration of this name exists."""
    if not force and (target / f"{name}.yaml").exists():
        raise InputError(
            f"{target / f'{name}.yaml'} exists already: add --force to replace it, or choose another --name"
        )


def _name(folder: str) -> str:
    name = re.sub(r"\W+", "_", folder, flags=re.ASCII).strip("_").lower()
    return name if name and not name[0].isdigit() else f"data_{name}".rstrip("_")
