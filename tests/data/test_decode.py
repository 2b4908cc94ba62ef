import numpy as np
import pytest
from PIL import Image

from longtail.data import decode
from longtail.runtime.errors import InputError


def test_every_image_comes_in_rgb(tmp_path):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    image = decode.rgb(tmp_path / "grey.png")
    assert (image.mode, image.size) == ("RGB", (8, 6))
    np.testing.assert_array_equal(np.asarray(image), np.stack([grey] * 3, axis=2))


def test_sixteen_bits_become_eight(tmp_path):
    Image.fromarray(np.array([[0, 257, 65535]], np.uint16)).save(tmp_path / "deep.png")
    assert np.asarray(decode.rgb(str(tmp_path / "deep.png")))[0, :, 0].tolist() == [0, 1, 255]


def test_what_is_no_image_is_named(tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    for name in ("text.jpg", "missing.jpg"):
        with pytest.raises(InputError, match=rf"{name} is not a readable image .*: repair or remove it"):
            decode.rgb(tmp_path / name)
