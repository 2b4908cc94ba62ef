"""What the source of a data set, which is its kind, and a backbone declare of themselves.

What is always the same is a literal in capitals (`SIDE = 32`), read without importing the source. What follows from
the settings is a function of the same name in small letters (`side(settings)`). It is called once all required keys
are given, and only then is its source imported.
"""

from collections.abc import Iterable
from typing import Any

from longtail.runtime import parts

PACKAGE = "data.sources"
# What sources and backbones are for that do not declare a FORM.
IMAGES = "images"
# What a key that is a path may lead to.
FILE, FOLDER = "file", "folder"
Keys = dict[str, dict[str, Any]]


def kinds() -> list[str]:
    """The kinds of data sets there are."""
    return parts.names(PACKAGE)


def keys(kind: str) -> Keys:
    """The keys that data sets of a kind have of their own, each with its schema.

    A key with a `default` may be left out. One with a `path`, which is FILE or FOLDER, says where that is.
    """
    return parts.settings(PACKAGE, kind)


def keys_of_backbones() -> Keys:
    """The keys that data sets of any kind may have because a backbone reads them."""
    return {key: rule for name in parts.names("models") for key, rule in parts.settings("models", name).items()}


def paths(rules: Keys, of: Iterable[str] = (FILE, FOLDER)) -> list[str]:
    """Those of some keys that are paths."""
    return [key for key, rule in rules.items() if "path" in rule and rule["path"] in of]


def required(kind: str) -> list[str]:
    """The keys that a data set of a kind must have before it is used."""
    return [key for key, rule in keys(kind).items() if "default" not in rule]


def lacking(definition: dict[str, Any]) -> list[str]:
    """The required keys that a data set does not have yet."""
    return [key for key in required(definition["kind"]) if definition[key] is None]


def settings(definition: dict[str, Any]) -> dict[str, Any]:
    """What a data set says under the keys of its kind."""
    return {key: definition[key] for key in keys(definition["kind"])}


def declared(definition: dict[str, Any], name: str, default: Any) -> Any:
    """What the source of a data set declares as the literal `NAME`, or else by the function `name`."""
    if "kind" not in definition:
        return default
    literal = parts.literal(PACKAGE, definition["kind"], name.upper(), None)
    return call(definition, name, default=default) if literal is None else literal


def call(definition: dict[str, Any], function: str, *more: Any, default: Any = None) -> Any:
    """What a function of a data set's source makes of its settings; `default` without one, or with a key lacking."""
    kind = definition["kind"]
    if not parts.defines(PACKAGE, kind, function) or lacking(definition):
        return default
    return getattr(parts.find(PACKAGE, kind), function)(settings(definition), *more)


def form(definition: dict[str, Any]) -> str:
    """What a data set is made of, as its source and the backbones for it declare: images or titles."""
    return str(declared(definition, "form", IMAGES))


def made_for(backbone: str) -> str:
    """What passes through a backbone, as it declares: images or titles."""
    return str(parts.literal("models", backbone, "FORM", IMAGES))


def is_streamed(definition: dict[str, Any]) -> bool:
    """Whether the images of a data set stay in files, to be decoded in the training loop."""
    return bool(declared(definition, "streamed", False))
