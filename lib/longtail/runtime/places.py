"""The paths of data sets on this machine. They are no parameter of a job: moving a data set repeats no job."""

from typing import Any


def of_job(snakemake: Any) -> dict[str, Any]:
    """The paths of the data set of a job, by the keys of its definition; `snakemake` is the object in its script."""
    place: dict[str, Any] = snakemake.config["places"][snakemake.wildcards.dataset]
    return place
