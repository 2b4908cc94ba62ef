"""The folders of torchvision.datasets.GTSRB, here with a few made images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from longtail.data.sources import gtsrb
from longtail.runtime.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two tracks of four frames a class, not square, and three test images."""
    noise = np.random.default_rng(0)

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (17, 15, 3), np.uint8)).save(path)

    for label in range(43):
        for track in range(2):
            for frame in range(4):
                write(tmp_path / gtsrb.TRAIN / f"{label:05}" / f"{track:05}_{frame:05}.ppm")
    for number in range(3):
        write(tmp_path / gtsrb.TEST / f"{number:05}.ppm")
    rows = "Filename;Width;Height;ClassId\n00002.ppm;15;17;5\n00000.ppm;15;17;42\n00001.ppm;15;17;0\n"
    (tmp_path / gtsrb.TEST_LABELS).write_text(rows)
    return tmp_path


def settings(root: Path, **changes: object) -> dict[str, object]:
    own = {"data_dir": str(root), "image_size": 15, "group_images": None, "class_names": {"00": "stop"}}
    return own | changes


def test_images_and_labels_are_those_of_torchvision_in_its_order(root: Path) -> None:
    found = gtsrb.read(settings(root), None)

    for split, images, labels in (
        ("train", found.train_images, found.train_labels),
        ("test", found.test_images, found.test_labels),
    ):
        theirs = datasets.GTSRB(str(root), split)
        assert labels.tolist() == [label for _, label in theirs]
        resized = [np.asarray(image.resize((15, 15), Image.Resampling.BILINEAR)) for image, _ in theirs]
        np.testing.assert_array_equal(images, resized)
    assert found.classes[:2] == ["stop", "01"]
    assert gtsrb.class_sizes(settings(root)) == (8,) * 43


def test_tracks_are_groups_and_can_be_thinned(root: Path) -> None:
    assert gtsrb.groups_of(settings(root))[:8] == ["00000"] * 4 + ["00001"] * 4

    thin = settings(root, group_images=1)
    assert gtsrb.groups_of(thin)[:3] == ["00000", "00001", "00000"]
    assert len(gtsrb.read(thin, None).train_images) == 86


def test_a_folder_without_its_parts_is_refused(root: Path) -> None:
    gtsrb.check(settings(root), "mine")
    (root / gtsrb.TEST_LABELS).unlink()

    with pytest.raises(InputError, match=r"mine, key 'data_dir': .* has no gtsrb/GT-final_test.csv: name the folder"):
        gtsrb.check(settings(root), "mine")
