"""What the source of a data set and a backbone declare of themselves, read without importing them."""

from typing import Any

from longtail.runtime import parts

# What sources and backbones are for that do not declare a FORM.
IMAGES = "images"


def form(definition: dict[str, Any]) -> str:
    """What a data set is made of, as its source and the backbones for it declare: images or titles."""
    return str(of_source(definition, "FORM", IMAGES))


def of_source(definition: dict[str, Any], constant: str, default: Any) -> Any:
    """What the source of a data set says of itself as a literal; `default` where it does not, or is not known."""
    kind = definition.get("kind")
    known = kind in parts.names("data.sources")
    return parts.literal("data.sources", str(kind), constant, default) if known else default


def made_for(backbone: str) -> str:
    """What passes through a backbone, as it declares: images or titles."""
    return str(parts.literal("models", backbone, "FORM", IMAGES))


def is_streamed(definition: dict[str, Any]) -> bool:
    """Whether the images of a data set stay in files, to be decoded in the training loop."""
    return bool(definition["streamed"] or definition.get("kind") == "image_list")
