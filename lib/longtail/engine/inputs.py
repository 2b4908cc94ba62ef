"""The inputs of jobs that pass examples through a network."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from longtail.data import arrays, long_tail
from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import checkpoint, device
from longtail.runtime import places
from longtail.settings.compute import Compute


@dataclass(frozen=True)
class Inputs:
    """A data set with its long-tailed subset; `workers` processes may decode images that stay in files.

    Its file `arrays` is read when `data` is first used; files that it names are below `root`.
    """

    arrays: str
    root: str
    subset: Subset
    workers: int

    @functools.cached_property
    def data(self) -> Data:
        """The arrays; raises InputError if their file is damaged."""
        return arrays.load(self.arrays, self.root)


def networks(snakemake: Any, roles: Iterable[str]) -> dict[str, Any]:
    """The states of the finished networks that a training reads, by role; the input `networks` has their files."""
    paths = zip(sorted(roles), snakemake.input.networks, strict=True)
    return {role: checkpoint.load(path) for role, path in paths}


def read(snakemake: Any, compute: Compute, processes: int = 1) -> Inputs:
    """The inputs `arrays` and `subset` of a job; `snakemake` is the object in its script.

    The job computes with this many `processes`. Raises InputError if the subset is damaged.
    """
    root = places.of_job(snakemake).get("data_dir", "")
    subset = long_tail.load(snakemake.input.subset)
    return Inputs(snakemake.input.arrays, root, subset, device.workers(snakemake.threads, compute, processes))
