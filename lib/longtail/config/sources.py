"""What a source of data (one file per kind of data set) and a backbone declare about themselves.

A constant is a literal in capitals (`SIDE = 32`), which is read without importing the source. What depends on the
settings is a function with the same name in lower case (`side(settings)`). It is called only when all required keys
are set, and only then is its source imported.
"""

from collections.abc import Iterable
from typing import Any

from longtail.runtime import parts

PACKAGE = "data.sources"
# The form of sources and backbones that declare no FORM.
IMAGES = "images"
# What a key that is a path may lead to.
FILE, FOLDER = "file", "folder"
Keys = dict[str, dict[str, Any]]


def kinds() -> list[str]:
    """All kinds of data sets."""
    return parts.names(PACKAGE)


def keys(kind: str) -> Keys:
    """The keys that only data sets of a kind have, each with its schema.

    A key with a `default` may be left out. The value of a key with a `path`, FILE or FOLDER, is one.
    """
    return parts.settings(PACKAGE, kind)


def keys_of_backbones() -> Keys:
    """The keys that backbones read, which data sets of any kind may have."""
    return {key: rule for name in parts.names("models") for key, rule in parts.settings("models", name).items()}


def paths(rules: Keys, of: Iterable[str] = (FILE, FOLDER)) -> list[str]:
    """The keys whose values are paths: of a file, of a folder, or of either."""
    return [key for key, rule in rules.items() if "path" in rule and rule["path"] in of]


def is_stored(path: Any) -> bool:
    """Whether a value is a place in a storage, such as s3://bucket/folder."""
    return isinstance(path, str) and "://" in path


def required(kind: str) -> list[str]:
    """The keys that a data set of a kind must have before it is used."""
    return [key for key, rule in keys(kind).items() if "default" not in rule]


def missing(definition: dict[str, Any]) -> list[str]:
    """The required keys that a data set does not have yet."""
    return [key for key in required(definition["kind"]) if definition[key] is None]


def settings(definition: dict[str, Any]) -> dict[str, Any]:
    """The values of the keys that a data set has because of its kind."""
    return {key: definition[key] for key in keys(definition["kind"])}


def declared(definition: dict[str, Any], name: str, default: Any) -> Any:
    """What the source of a data set declares as the literal `NAME`, or else by the function `name`."""
    if "kind" not in definition:
        return default
    literal = parts.literal(PACKAGE, definition["kind"], name.upper(), None)
    return call(definition, name, default=default) if literal is None else literal


def call(definition: dict[str, Any], function: str, *more: Any, default: Any = None) -> Any:
    """Call a function of a data set's source with its settings; `default` if there is none or a key is missing."""
    kind = definition["kind"]
    if not parts.defines(PACKAGE, kind, function) or missing(definition):
        return default
    return getattr(parts.find(PACKAGE, kind), function)(settings(definition), *more)


def form(definition: dict[str, Any]) -> str:
    """What a data set consists of, as its source declares: images or titles."""
    return str(declared(definition, "form", IMAGES))


def made_for(backbone: str) -> str:
    """What a backbone takes as input, as it declares: images or titles."""
    return str(parts.literal("models", backbone, "FORM", IMAGES))


def is_streamed(definition: dict[str, Any]) -> bool:
    """Whether the images of a data set stay in files and are decoded in the training loop."""
    return bool(declared(definition, "streamed", False))
