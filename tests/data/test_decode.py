import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtail.data import decode
from longtail.runtime.errors import InputError


def saved(path, image, **options):
    image.save(path, **options)
    return path


def one(mode, colour):
    return Image.new(mode, (1, 1), colour)


def levels(path):
    """The first row of a grey picture."""
    pixels = np.asarray(decode.rgb(path))
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()
    return pixels[0, :, 0].tolist()


def refusal(path):
    with pytest.raises(InputError) as caught:
        decode.rgb(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_image_comes_in_rgb(tmp_path: Path) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    image = decode.rgb(tmp_path / "grey.png")
    assert (image.mode, image.size) == ("RGB", (8, 6))
    np.testing.assert_array_equal(np.asarray(image), np.stack([grey] * 3, axis=2))


def palette(*colours):
    image = Image.new("P", (1, 1), len(colours) - 1)
    image.putpalette([value for colour in colours for value in colour])
    return image


@pytest.mark.parametrize(
    ("name", "image", "options", "mode", "colour"),
    [
        ("a.png", one("1", 1), {}, "1", (255, 255, 255)),
        ("a.png", one("L", 7), {}, "L", (7, 7, 7)),
        ("a.png", one("LA", (7, 9)), {}, "LA", (7, 7, 7)),
        ("a.png", palette((1, 2, 3), (4, 5, 6)), {}, "P", (4, 5, 6)),
        ("a.gif", palette((1, 2, 3), (4, 5, 6)), {"transparency": 1}, "P", (4, 5, 6)),
        ("a.png", palette((1, 2, 3), (4, 5, 6)), {"transparency": bytes([0, 9])}, "P", (4, 5, 6)),
        ("a.tif", palette((1, 2, 3), (4, 5, 6)).convert("PA"), {}, "PA", (4, 5, 6)),
        ("a.png", one("RGB", (1, 2, 3)), {}, "RGB", (1, 2, 3)),
        ("a.png", one("RGBA", (1, 2, 3, 0)), {}, "RGBA", (1, 2, 3)),
        ("a.webp", one("RGBA", (1, 2, 3, 9)), {"lossless": True}, "RGBA", (1, 2, 3)),
        ("a.tif", one("CMYK", (255, 0, 0, 0)), {}, "CMYK", (0, 255, 255)),
        ("a.tif", one("CMYK", (0, 0, 0, 155)), {}, "CMYK", (100, 100, 100)),
        ("a.tif", one("YCbCr", (9, 128, 128)), {}, "YCbCr", (9, 9, 9)),
        # L* = 100 is white. L* = 128/255 * 100 = 50.2 is 18.5 % of its light, which sRGB writes as 120.
        ("a.tif", one("LAB", (255, 128, 128)), {}, "LAB", (255, 255, 255)),
        ("a.tif", one("LAB", (128, 128, 128)), {}, "LAB", (120, 120, 120)),
    ],
)  # fmt: skip
def test_modes_of_eight_bits(
    tmp_path: Path, name: str, image: Any, options: dict[str, Any], mode: str, colour: tuple[Any, ...]
) -> None:
    path = saved(tmp_path / name, image, **options)
    assert Image.open(path).mode == mode
    np.testing.assert_allclose(decode.rgb(path).getpixel((0, 0)), colour, atol=1 if mode == "LAB" else 0)


def test_hsv() -> None:
    """Files of Pillow's own formats never come so, those of a plug-in may."""
    assert decode._converted(one("HSV", (0, 255, 255)), "a.hsv").getpixel((0, 0)) == (255, 0, 0)


def retagged(path, tag, value):
    """Give a number in the head of a TIFF another value."""
    content = path.read_bytes()
    place = content.index(tag.to_bytes(2, "little") + b"\x03\x00\x01\x00\x00\x00") + 8
    path.write_bytes(content[:place] + value.to_bytes(2, "little") + content[place + 2 :])
    return path


@pytest.mark.parametrize(("grey", "extra", "mode"), [(60, 2, "LA"), (12, 1, "La")])
def test_grey_with_opacity_in_a_tiff(tmp_path: Path, grey: int, extra: int, mode: str) -> None:
    """60 at an opacity of 51/255 stands in the file as 60, or multiplied by it as 12."""
    path = retagged(saved(tmp_path / "a.tif", one("LA", (grey, 51))), 338, extra)
    assert Image.open(path).mode == mode
    assert levels(path) == [60]


SIXTEEN = np.array([[0, 256, 257, 32896, 65534, 65535]], np.uint16)
EIGHT = [0, 0, 1, 128, 254, 255]  # // 257


@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
@pytest.mark.parametrize(
    ("name", "mode", "opened"),
    [
        ("a.png", "I;16", "I;16"),
        ("a.tif", "I;16", "I;16"),
        ("a.tif", "I;16B", "I;16B"),
        ("a.im", "I;16L", "I;16L"),
        ("a.im", "I;16B", "I;16B"),
        ("a.pgm", "I;16", "I"),
        ("a.tif", "I", "I"),
    ],
)
def test_sixteen_bits_become_eight(tmp_path: Path, name: str, mode: str, opened: str) -> None:
    pixels = SIXTEEN.astype({"I;16B": ">u2", "I": "<i4"}.get(mode, "<u2"))
    path = saved(tmp_path / name, Image.frombytes(mode, (6, 1), pixels.tobytes()))
    assert Image.open(path).mode == opened
    assert levels(str(path)) == EIGHT


def test_a_dark_image_of_sixteen_bits_stays_dark(tmp_path: Path) -> None:
    """Scaled by its own minimum and maximum it would be 0 and 255."""
    assert levels(saved(tmp_path / "a.png", Image.fromarray(np.array([[514, 1028]], np.uint16)))) == [2, 4]
    assert levels(saved(tmp_path / "a.pgm", Image.fromarray(np.array([[0, 255]], np.uint16)))) == [0, 0]


def test_a_pgm_says_what_white_is(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 1023 " + np.array([1023, 4], ">u2").tobytes())
    assert levels(tmp_path / "a.pgm") == [255, 0]
    (tmp_path / "a.pgm").write_bytes(b"P5 2 1 15 \x0f\x05")
    assert levels(tmp_path / "a.pgm") == [255, 85]


@pytest.mark.parametrize("name", ["a.tif", "a.pfm"])
def test_fractions_are_of_white(tmp_path: Path, name: str) -> None:
    fractions = np.array([[0, 0.5, 1, 0.2]], np.float32)  # 0, 127.5 to the even neighbour, 255, 51
    assert levels(saved(tmp_path / name, Image.fromarray(fractions))) == [0, 128, 255, 51]
    every = np.arange(256, dtype=np.float32)[None] / 255
    assert levels(saved(tmp_path / name, Image.fromarray(every))) == list(range(256))


@pytest.mark.parametrize("wrong", [-0.1, 1.1, 255, np.nan, np.inf, -np.inf])
def test_fractions_beyond_white_are_refused(tmp_path: Path, wrong: float) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.array([[0, wrong]], np.float32)))
    sentence = "its grey levels are not all in 0..1: save it with 8 bits a pixel"
    assert refusal(path) == f"{path}, mode F: {sentence}"


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        ([0, 65536], "its grey levels, 0 to 65536, are not all in 0..65535"),
        ([-1, 7000], "its grey levels, -1 to 7000, are not all in 0..65535"),
        ([3, 255], "no grey level is above 255, so that they may be meant in 0..255 or in 0..65535"),
    ],
)
def test_whole_numbers_of_32_bits_that_may_mean_anything_are_refused(
    tmp_path: Path, pixels: list[int], sentence: str
) -> None:
    path = saved(tmp_path / "a.tif", Image.fromarray(np.array([pixels], np.int32)))
    assert refusal(path) == f"{path}, mode I: {sentence}: save it with 8 bits a pixel"


@pytest.mark.parametrize(
    ("pixels", "tag", "value", "sentence"),
    [
        (SIXTEEN, 262, 0, "mode I;16: its grey level 0 is white, not black"),
        (SIXTEEN / np.float32(65535), 262, 0, "mode F: its grey level 0 is white, not black"),
        (SIXTEEN, 258, 12, "mode I;16: its grey levels have 12 bits"),
    ],
)
def test_a_tiff_whose_levels_pillow_takes_for_others_is_refused(
    tmp_path: Path, pixels: Any, tag: int, value: int, sentence: str
) -> None:
    path = retagged(saved(tmp_path / "a.tif", Image.fromarray(pixels)), tag, value)
    assert refusal(path) == f"{path}, {sentence}: save it with 8 bits a pixel"


def test_levels_with_a_sign_are_refused(tmp_path: Path) -> None:
    cards = ("SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2")
    cards += ("NAXIS1  =                    1", "NAXIS2  =                    1", "END")
    (tmp_path / "a.fits").write_bytes("".join(card.ljust(80) for card in cards).ljust(2880).encode() + b"\xff" * 2880)
    assert "a.fits, mode I;16: its grey levels have a sign: save it" in refusal(tmp_path / "a.fits")


def test_the_first_of_several_pictures(tmp_path: Path) -> None:
    first, second = one("L", 10), one("L", 20)
    for name in ("a.gif", "a.tif", "a.png", "a.webp"):
        path = saved(tmp_path / name, first, save_all=True, append_images=[second], lossless=True)
        assert Image.open(path).n_frames == 2
        assert levels(path) == [10]


# How a viewer shows the rows (0, 80), (160, 240) of a file, by its EXIF orientation.
UPRIGHT = {
    1: [[0, 80], [160, 240]],
    2: [[80, 0], [240, 160]],
    3: [[240, 160], [80, 0]],
    4: [[160, 240], [0, 80]],
    5: [[0, 160], [80, 240]],
    6: [[160, 0], [240, 80]],
    7: [[240, 80], [160, 0]],
    8: [[80, 240], [0, 160]],
}


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "deep.png", "deep.tif"])
def test_an_image_is_turned_as_its_exif_data_say(tmp_path: Path, name: str) -> None:
    exif, stored = Image.Exif(), np.array(UPRIGHT[1], np.uint8)
    image = Image.fromarray(stored.astype(np.uint16) * 257 if "deep" in name else stored)
    for orientation, expected in UPRIGHT.items():
        exif[274] = orientation
        path = saved(tmp_path / name, image, exif=exif, quality=100, lossless=True)
        found = np.asarray(decode.rgb(path))[..., 0]
        np.testing.assert_allclose(found, expected, atol=1, err_msg=f"orientation {orientation}")


def test_an_image_whose_exif_data_are_broken_stays_as_it_is(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("L", (3, 2), 7), exif=b"Exif\0\0no TIFF head at all")
    with pytest.raises(SyntaxError, match="not a TIFF file"):
        Image.open(path).getexif()
    assert decode.rgb(path).size == (3, 2)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_ordinary_image_is_what_pillow_makes_of_it(tmp_path: Path, name: str, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = saved(tmp_path / name, Image.fromarray(pixels).convert(mode))
    np.testing.assert_array_equal(np.asarray(decode.rgb(path)), np.asarray(Image.open(path).convert("RGB")))


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("text.jpg", "missing.jpg", "folder.jpg"):
        with pytest.raises(InputError, match=rf"{name} is not a readable image .*: repair or remove it"):
            decode.rgb(tmp_path / name)


@pytest.mark.parametrize("limit", [50, 99])
def test_an_image_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """Pillow warns of one above its limit, and raises above twice the limit."""
    path = saved(tmp_path / "a.png", Image.new("L", (10, 10)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert refusal(path) == f"{path} has more than {limit} pixels: make it smaller"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode.rgb(path).size == (10, 10)


def whole_files(folder):
    """The contents of small files of many formats, with their paths."""
    noise = np.random.default_rng(0)
    colours = Image.fromarray(noise.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    turned = Image.Exif()
    turned[274] = 6
    files = [
        saved(folder / "a.png", colours, exif=turned),
        saved(folder / "palette.png", colours.convert("P"), transparency=bytes([3] * 9)),
        saved(folder / "a.jpg", colours, exif=turned),
        saved(folder / "a.tif", colours),
        saved(folder / "packed.tif", colours, compression="tiff_lzw"),
        saved(folder / "fractions.tif", Image.fromarray(noise.random((12, 16), dtype=np.float32))),
        saved(folder / "a.gif", colours),
        saved(folder / "a.webp", colours, exif=turned),
        saved(folder / "a.bmp", colours),
    ]
    return [(file, file.read_bytes()) for file in files]


def damaged(content, noise):
    """Up to five bytes changed, more often near the head, and every fifth file cut off."""
    changed = bytearray(content)
    for _ in range(noise.integers(1, 6)):
        changed[noise.integers(noise.choice([min(40, len(content)), len(content)]))] = noise.integers(256)
    return bytes(changed[: noise.integers(len(changed))] if noise.random() < 0.2 else changed)


def refusal_or_nothing(path):
    """The refusal of a file, "" of one that is read."""
    try:
        assert decode.rgb(path).mode == "RGB"
    except InputError as error:
        return str(error)
    return ""


def test_a_damaged_file_is_an_image_or_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    read = 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for path, content in whole_files(tmp_path) * 60:
            path.write_bytes(damaged(content, noise))
            refused = refusal_or_nothing(path)
            assert not refused or refused.startswith(str(path))
            assert "\n" not in refused
            read += not refused
    assert warned == []
    assert 50 < read < 490
