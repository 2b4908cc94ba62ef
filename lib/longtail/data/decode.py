"""Image files as RGB."""

from pathlib import Path

from PIL import Image

from longtail.runtime.errors import InputError


def rgb(path: Path | str) -> Image.Image:
    """The decoded image; InputError naming a file that cannot be decoded."""
    try:
        with Image.open(path) as opened:
            # Pillow cuts 16-bit grey levels off at 255 when it converts them.
            deep = opened.mode.startswith("I;16")
            return (opened.point(lambda level: level * (1 / 257)) if deep else opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not a readable image ({error}): repair or remove it") from error
