"""Names of classes for those whose folders have other names, such as numbers."""

from collections.abc import Mapping

from longtail.runtime import parts
from longtail.runtime.errors import InputError


def check(named: Mapping[str, str] | None, folders: list[str], where: str) -> None:
    """Raises InputError, beginning with `where`, for a name of no folder, and for two classes of one name."""
    for folder in named or {}:
        if folder not in folders:
            raise InputError(
                f"{where}, key 'class_names': no class folder '{folder}': {parts.nearest(folder, folders)}"
            )
    names = of(named, folders)
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{where}, key 'class_names': two classes have the name '{name}': rename one")


def of(named: Mapping[str, str] | None, folders: list[str]) -> list[str]:
    """The names of the classes whose folders are these; a class without a name has that of its folder."""
    return [(named or {}).get(folder, folder) for folder in folders]
