import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx as package
import onnxruntime
import pytest
from tests.deploy.test_titles import BACKBONES, model_of

from longtail.deploy import onnx
from longtail.runtime.errors import InputError


def test_probabilities_are_those_of_the_module(exported: Callable[..., Any], digits: Any, tmp_path: Path) -> None:
    model = exported("mislas_shifted")

    said = onnx.save(tmp_path / "model.onnx", model)

    assert "ONNX Runtime's logits differ by" in said
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {"examples": digits[:20, :, :, None]})
    ours = [prediction.probability for prediction in model.predict(list(digits[:20]))]
    np.testing.assert_allclose(probabilities.max(1), ours, rtol=1e-4)
    (card,) = package.load(tmp_path / "model.onnx").metadata_props
    assert json.loads(card.value)["classes"] == list("0123456789")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_titles(backbone: str, tmp_path: Path) -> None:
    model, _ = model_of(backbone)

    onnx.save(tmp_path / "model.onnx", model)

    assert (tmp_path / "model.onnx").stat().st_size > 10_000


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(onnx, "PACKAGES", ("onnx", "no_such_package"))
    model, _ = model_of("textcnn")

    with pytest.raises(InputError, match="needs the package no_such_package, which is not installed: run"):
        onnx.save(tmp_path / "model.onnx", model)

    assert not list(tmp_path.iterdir())
