"""A loaded model, given pictures in every form that it takes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import longtail
from longtail.deploy.model import Model
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


@pytest.fixture(scope="module")
def model(model_file: Path) -> Model:
    loaded: Model = longtail.load(model_file)
    return loaded


def test_importing_longtail_imports_no_torch() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'lib')!r}); import longtail; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        _ = longtail.lode


def test_a_digit_in_every_form_has_the_same_logits(model: Model, digits: Any, tmp_path: Path) -> None:
    pixels, path = digits[3], tmp_path / "digit.png"
    Image.fromarray(pixels).save(path)
    with torch.inference_mode():
        expected = model(torch.from_numpy(digits[3:4, :, :, None]))
        forms = [path, str(path), Image.fromarray(pixels), Image.fromarray(pixels).convert("RGBA"), pixels]
        forms += [
            pixels[..., None],
            torch.from_numpy(pixels),
            np.dstack([pixels] * 3),
            [path],
            pixels[None, :, :, None],
        ]

        assert expected.shape == (1, 10)
        for form in forms:
            torch.testing.assert_close(model(form), expected, rtol=0, atol=0)


def test_pictures_of_another_size_are_resized_and_turned(model: Model, digits: Any, tmp_path: Path) -> None:
    """A photograph of 60 x 40 pixels that is turned by its EXIF tag."""
    large = Image.fromarray(digits[3]).resize((60, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    large.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    large.save(tmp_path / "upright.png")

    with torch.inference_mode():
        torch.testing.assert_close(model(tmp_path / "turned.png"), model(tmp_path / "upright.png"), rtol=0, atol=0)


def test_predictions_name_classes_by_calibrated_probability(model: Model, digits: Any) -> None:
    pictures = digits[:50, :, :, None]
    predictions = model.predict(pictures, top=3)
    with torch.inference_mode():
        logits = model(pictures)
    expected = torch.softmax(logits.double() / model.card.calibration.temperature, 1)

    assert [prediction.name for prediction in predictions] == [str(k) for k in logits.argmax(1).tolist()]
    assert [prediction.probability for prediction in predictions] == pytest.approx(expected.amax(1).tolist())
    alone = model.predict(digits[0], top=3)
    assert (alone.name, alone.probability) == (predictions[0].name, pytest.approx(predictions[0].probability))
    assert len(predictions[0].top) == 3
    assert predictions[0].top[0] == predictions[0][:2]
    assert len({prediction.name for prediction in predictions}) > 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((8, 8)), r"and this is an array of float64 with shape \[8, 8\]: convert it"),
        (torch.zeros(2, 1, 8, 8), r"and this is an array of float32 with shape \[1, 8, 8\]: convert it"),
        (np.zeros((8, 8, 2), np.uint8), r"has 1, 3 or 4 channels, which come last, .* shape \[8, 8, 2\]"),
        ([], "nothing to predict: give one example at least"),
        ("none.png", "none.png is not a readable image"),
        ([7], "and this is a int: convert it"),
    ],
)
def test_what_is_no_picture(model: Model, given: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        model.predict(given)


def test_a_deep_picture_of_unknown_range_is_refused(model: Model) -> None:
    with pytest.raises(InputError, match=r"the picture, mode F: its grey levels are not all in 0\.\.1"):
        model.predict(Image.fromarray(np.full((8, 8), 9.0, np.float32)))
