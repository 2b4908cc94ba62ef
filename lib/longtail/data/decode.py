"""Decodes image files to RGB."""

import contextlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from longtail.runtime.errors import InputError

# Pillow would clip the grey levels of these modes at 255 when it converts them.
DEEP = ("I;16", "I;16L", "I;16B", "I", "F")


def rgb(path: Path | str) -> Image.Image:
    """The first picture of a file, turned upright, without its alpha channel.

    Raises InputError naming a file that cannot be decoded, is too large, or has grey levels of unknown range.
    """
    try:
        with warnings.catch_warnings():
            # Ignore warnings about odd tags, but not about a picture that is too large for the memory.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                return upright(opened, path)
    except InputError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(f"{path} has more than {Image.MAX_IMAGE_PIXELS} pixels: make it smaller") from error
    # A damaged file may raise any exception.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} is not a readable image ({reason}): repair or remove it") from error


def described(path: Path | str) -> tuple[tuple[int, int], str]:
    """Width, height and mode of the first picture of a file, which is decoded; raises InputError as `rgb` does."""
    try:
        with Image.open(path) as opened:
            mode = opened.mode
    except Exception:
        mode = ""  # `rgb` says what is wrong
    return rgb(path).size, mode


def upright(image: Image.Image, path: Path | str) -> Image.Image:
    """An opened picture in RGB, turned upright; `path` names it where its grey levels have an unknown range."""
    image.load()
    # Ignore broken EXIF data.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    return _converted(image, path)


def _converted(image: Image.Image, path: Path | str) -> Image.Image:
    if image.mode in DEEP:
        return Image.fromarray(_eight_bits(image, path)).convert("RGB")
    if image.mode == "La":
        return image.convert("LA").convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image, path: Path | str) -> NDArray[np.uint8]:
    """Grey levels 0..65535, or 0..1 in mode F, scaled to 0..255, in the same way for every image."""
    levels: NDArray[Any] = np.asarray(image)
    if doubt := _unknown_range(image) or _out_of_range(image, levels):
        raise InputError(f"{path}, mode {image.mode}: {doubt}: save it with 8 bits a pixel")
    scaled = np.rint(levels * 255) if image.mode == "F" else levels // 257
    return scaled.astype(np.uint8)


def _unknown_range(image: Image.Image) -> str:
    """Why the range of grey levels is unknown for this kind of file; "" if it is known."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION, 0) == 0:
            return "its grey level 0 is white, not black"
        if image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE) == (12,):
            return "its grey levels have 12 bits"
    if image.format == "FITS" and image.mode == "I;16":
        return "its grey levels have a sign"
    return ""


def _out_of_range(image: Image.Image, levels: NDArray[Any]) -> str:
    """Why the grey levels themselves show an unknown range; "" if they do not."""
    low, high = levels.min(), levels.max()
    if image.mode == "F" and not (low >= 0 and high <= 1):  # a NaN is neither
        return "its grey levels are not all in 0..1"
    # Pillow scales those of a PGM file to 0..65535 itself.
    if image.mode == "I" and image.format != "PPM":
        if low < 0 or high > 65535:
            return f"its grey levels, {low} to {high}, are not all in 0..65535"
        if high < 256:
            return f"no grey level is above {high}, so that they may be meant in 0..255 or in 0..65535"
    return ""
