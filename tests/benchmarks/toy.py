"""Trainings for the harness that train nothing."""

import itertools
import time

from benchmarks.worker import Training


def training(images: int) -> Training:
    """Steps of `images` images that print what they do."""

    def step(number: int) -> int:
        print("step", number)
        time.sleep(0.001)
        return images

    return Training(map(step, itertools.count(1)), {"image_size": 8})


def broken() -> Training:
    """A training that cannot be set up."""
    raise ValueError("no such data")
