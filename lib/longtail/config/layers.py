"""The configuration of a run: its files and the arguments of `--config`, laid upon each other."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from longtail.config import paths, schema
from longtail.config.blame import NONE
from longtail.config.registry import CONFIG, merge


def read(files: Iterable[Path | str], arguments: Mapping[str, Any] = NONE) -> dict[str, Any]:
    """The configuration in `files`, later ones upon earlier ones, then `arguments`; all paths in it are absolute.

    A path in a file is relative to the folder of that file, one of `arguments` to the working directory.
    Raises InputError for a file that cannot be read.
    """
    config: dict[str, Any] = {}
    # Snakemake lists the default last, though it lays all others upon it.
    for path in sorted(map(Path, files), key=lambda path: path.resolve() != CONFIG / "config.yaml"):
        config = merge(config, paths.in_config(schema.read_yaml(path), path.parent))
    return merge(config, paths.in_config(dict(arguments), Path.cwd()))
