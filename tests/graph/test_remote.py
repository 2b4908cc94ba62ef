"""What jobs on machines without a common file system cannot read is refused before anything runs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.config.test_backbones import RUN, table

from longtail.engine import checkpoint
from longtail.graph import remote
from longtail.models import network
from longtail.runtime.errors import InputError


def folder(tmp_path: Path, **own: Any) -> dict[str, Any]:
    """A data set of two classes in files."""
    for place in ("train/a", "train/b", "test/a", "test/b"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / place / f"{number}.png")
    return {"birds": {"title": "Birds", "kind": "folder", "data_dir": str(tmp_path), **own}}


def test_arrays_and_published_weights_are_allowed(tmp_path: Path) -> None:
    published = {"backbone": "resnet50", "weights": "IMAGENET1K_V2", "recipe": None}
    remote.check(table(tmp_path, "mine", backbones={"mine": published}))
    (tmp_path / "data").mkdir()
    remote.check(table(tmp_path, "resnet10", "birds", datasets=folder(tmp_path / "data", steps=None)))


def test_a_schedule_that_jobs_would_have_to_count_images_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset 'birds': its schedule fits the number of images.*steps: null"):
        remote.check(table(tmp_path, "resnet10", "birds", datasets=folder(tmp_path)))


def test_streamed_images_are_refused(tmp_path: Path) -> None:
    streamed = folder(tmp_path, streamed=True, preprocessing={"resize": 8, "center_crop": 8})
    with pytest.raises(InputError, match="dataset 'birds': its images are read from files of this machine"):
        remote.check(table(tmp_path, "resnet10", "birds", datasets=streamed))


def test_weights_in_a_file_are_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.pt", network.build("resnet32", 3, 10, seed=0).state_dict())
    (tmp_path / "provenance.json").write_text(json.dumps(RUN))
    own = {"backbone": "resnet32", "weights": str(tmp_path / "last.pt")}
    with pytest.raises(InputError, match=r"key 'weights': jobs do not see .*last\.pt of this machine"):
        remote.check(table(tmp_path, "mine", backbones={"mine": own}))
