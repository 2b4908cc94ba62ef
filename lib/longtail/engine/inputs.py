"""What every job reads that passes examples through a network."""

from dataclasses import dataclass
from typing import Any

from longtail.data import arrays, long_tail
from longtail.data.arrays import Data
from longtail.data.long_tail import Subset
from longtail.engine import device
from longtail.runtime import places
from longtail.settings.compute import Compute


@dataclass(frozen=True)
class Inputs:
    """A data set with its long-tailed subset; `workers` processes may decode images that stay in files."""

    data: Data
    subset: Subset
    workers: int


def read(snakemake: Any, compute: Compute, processes: int = 1) -> Inputs:
    """The inputs `arrays` and `subset` of a job; `snakemake` is the object in its script.

    `processes` of the job compute. Raises InputError when a file is not whole.
    """
    data = arrays.load(snakemake.input.arrays, places.of_job(snakemake).get("data_dir", ""))
    subset = long_tail.load(snakemake.input.subset)
    return Inputs(data, subset, device.workers(snakemake.threads, compute, processes))
