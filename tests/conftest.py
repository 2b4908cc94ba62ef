"""Fixtures that several packages of tests share."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import definitions

from longtail.config.registry import Registry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of whole runs first: they take longest, and no worker should start one when the others are done."""
    items.sort(key=lambda item: "tests/workflow/" not in item.nodeid)


@pytest.fixture(scope="session")
def shipped() -> Registry:
    """All definitions of `config/`, under a configuration without anything of its own."""
    return definitions.shipped()


@pytest.fixture(scope="session")
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def image_tree(tmp_path: Path) -> Callable[..., Path]:
    """A writer of image trees: `image_tree("cat", "dog", images=12)` gives the root of train/ and test/."""

    def write(*classes: str, images: int = 12) -> Path:
        root = tmp_path / "tree"
        noise = np.random.default_rng(0)
        for split in ("train", "test"):
            for name in classes:
                folder = root / split / name
                folder.mkdir(parents=True)
                for number in range(images):
                    pixels = noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(folder / f"{number}.png")
        return root

    return write
