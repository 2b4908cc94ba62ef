"""How long jobs took on this machine, from the records that Snakemake keeps of the files that it has made."""

import contextlib
import operator
import statistics
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from longtail.overview import states
from longtail.overview.jobs import Job

RECORDS, MARKS = ".snakemake/metadata", ".snakemake/incomplete"
# Snakemake splits a name that is too long for a file into folders of this many characters.
LONGEST = 254
ENOUGH = 9
# Jobs that take the same resources as a training: its threads, and a GPU.
LIKE_TRAININGS = ("extract_features", "project_features")


class Times:
    """Seconds that jobs take, by kind: the median of the latest ones on this machine.

    On a cluster Snakemake's record starts when the job is submitted, so that its time in the queue is included.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.alike: dict[tuple[str, ...], list[Job]] = defaultdict(list)
        for job in jobs:
            self.alike[job.kind].append(job)
        self.known: dict[tuple[str, ...], tuple[float | None, float]] = {}

    def of(self, job: Job) -> float | None:
        """Seconds that a job takes; None if no job of its kind was timed here."""
        return self._measured(job)[0]

    def start(self, job: Job) -> float:
        """Seconds that a training takes in addition to its epochs, such as for loading data; 0 until known."""
        return self._measured(job)[1]

    def left(self, jobs: Iterable[Job], light_at_once: float) -> float:
        """Seconds that jobs take if they run side by side; kinds without a time count as 0.

        Jobs of LIKE_TRAININGS run one at a time, and `light_at_once` of all others, which take a single core each.
        """
        seconds = ((job, self.of(job) or 0.0) for job in jobs)
        return sum(s if job.rule in LIKE_TRAININGS else s / light_at_once for job, s in seconds)

    def unknown(self, jobs: Iterable[Job]) -> list[str]:
        """The number of jobs without a time, by rule, largest number first."""
        counted = Counter(job.rule for job in jobs if self.of(job) is None)
        return [f"{number:,} {rule}" for rule, number in counted.most_common()]

    def _measured(self, job: Job) -> tuple[float | None, float]:
        if job.kind not in self.known:
            self.known[job.kind] = _measure(self.alike[job.kind])
        return self.known[job.kind]


def under_way(jobs: Iterable[Job]) -> int:
    """How many jobs Snakemake has started that have not ended."""
    return sum(record_of(MARKS, job.outputs[-1]).is_file() for job in jobs)


def _measure(jobs: Iterable[Job]) -> tuple[float | None, float]:
    """Median seconds of the latest jobs, and of the time that they took in addition to training."""
    took, additional = [], []
    for job in _latest(jobs):
        record = states.read(record_of(RECORDS, job.outputs[-1])) or {}
        if not (record.get("starttime") and record.get("endtime")):
            continue
        took.append(float(record["endtime"]) - float(record["starttime"]))
        made = (states.read(Path(job.outputs[-1])) or {}) if job.training else {}
        # A training that was resumed took longer in all than its last job.
        if made.get("seconds"):
            additional.append(max(0.0, took[-1] - float(made["seconds"])))
    return (statistics.median(took) if took else None), statistics.median(additional or [0.0])


def _latest(jobs: Iterable[Job]) -> list[Job]:
    """The latest jobs that have a record, at most ENOUGH of them."""
    timed = []
    for job in jobs:
        with contextlib.suppress(OSError):
            timed.append((record_of(RECORDS, job.outputs[-1]).stat().st_mtime, job))
    return [job for _, job in sorted(timed, key=operator.itemgetter(0))[-ENOUGH:]]


def record_of(folder: str, path: str) -> Path:
    """The file in one of Snakemake's folders in which it records something about an output."""
    name = urlsafe_b64encode(path.encode()).decode()
    parts = [name[i : i + LONGEST] for i in range(0, len(name), LONGEST)]
    return Path(folder, *(f"@{part}" for part in parts[:-1]), parts[-1])
