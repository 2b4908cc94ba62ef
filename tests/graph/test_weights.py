"""Trained weights are checked before anything runs, wherever they are files."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.config.test_backbones import RUN, table

from longtail.engine import checkpoint
from longtail.graph import weights
from longtail.models import network
from longtail.runtime.errors import InputError


@pytest.fixture
def of_rgb(tmp_path: Path) -> Path:
    """A ResNet-32 for colours, as a run keeps it."""
    checkpoint.save(tmp_path / "last.pt", network.build("resnet32", 3, 10, seed=0).state_dict())
    return tmp_path / "last.pt"


def check(tmp_path: Path, weights_file: Path, method: str = "ce", **entry: Any) -> None:
    own = {"backbone": "resnet32", "weights": str(weights_file), **entry}
    weights.check(table(tmp_path, "mine", method=method, backbones={"mine": own}))


def test_weights_that_fit_are_accepted_for_each_backbone_that_starts_from_them(of_rgb: Path, tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text(json.dumps(RUN))
    for method in ("ce", "balanced_softmax"):
        check(tmp_path, of_rgb, method)


def test_a_network_of_this_project_has_to_say_how_it_saw_images(of_rgb: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"without the provenance\.json beside it, which says how its images were"):
        check(tmp_path, of_rgb)
    check(tmp_path, of_rgb, normalisation={"mean": [0.5] * 3, "std": [0.5] * 3})


def test_weights_of_another_architecture_are_refused(of_rgb: Path, tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text(json.dumps(RUN))
    with pytest.raises(
        InputError, match=r"backbone 'mine', key 'weights': the weights .* are of another architecture"
    ):
        check(tmp_path, of_rgb, backbone="resnet10")


def test_a_cut_file_is_refused(of_rgb: Path, tmp_path: Path) -> None:
    of_rgb.write_bytes(of_rgb.read_bytes()[:-2000])
    with pytest.raises(InputError, match="backbone 'mine', key 'weights': cannot read the weights"):
        check(tmp_path, of_rgb)


def test_only_plans_with_weights_read_any(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(weights, "_check", lambda *_: pytest.fail("nothing to check"))
    weights.check(table(tmp_path, "resnet10"))
