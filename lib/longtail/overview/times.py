"""How long jobs took here, from the records that Snakemake keeps of the files that it made."""

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
# Snakemake cuts a name that would be too long for a file into folders of so many characters.
LONGEST = 254
ENOUGH = 9
# Jobs that are given what a training is given: its threads, and a GPU.
LIKE_TRAININGS = ("extract_features", "project_features")


class Times:
    """Seconds that jobs take, by kind: the median of the latest that were made here.

    On a cluster Snakemake's record begins where the job is submitted, so that its waiting is in them.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self.alike: dict[tuple[str, ...], list[Job]] = defaultdict(list)
        for job in jobs:
            self.alike[job.kind].append(job)
        self.known: dict[tuple[str, ...], tuple[float | None, float]] = {}

    def of(self, job: Job) -> float | None:
        """Seconds that a job takes; None where none of its kind was timed here."""
        return self._measured(job)[0]

    def start(self, job: Job) -> float:
        """Seconds that a training takes besides its epochs, such as loading PyTorch and its data; 0 until known."""
        return self._measured(job)[1]

    def left(self, jobs: Iterable[Job], light_at_once: float) -> float:
        """Seconds that jobs take beside each other, without those of unknown kinds.

        One of LIKE_TRAININGS runs at a time, and `light_at_once` of the rest, which take a single core each.
        """
        seconds = ((job, self.of(job) or 0.0) for job in jobs)
        return sum(s if job.rule in LIKE_TRAININGS else s / light_at_once for job, s in seconds)

    def unknown(self, jobs: Iterable[Job]) -> list[str]:
        """How many jobs of each rule have no time, most first."""
        counted = Counter(job.rule for job in jobs if self.of(job) is None)
        return [f"{number:,} {rule}" for rule, number in counted.most_common()]

    def _measured(self, job: Job) -> tuple[float | None, float]:
        if job.kind not in self.known:
            self.known[job.kind] = _measure(self.alike[job.kind])
        return self.known[job.kind]


def under_way(jobs: Iterable[Job]) -> int:
    """How many jobs Snakemake has begun and not seen end."""
    return sum(kept(MARKS, job.outputs[-1]).is_file() for job in jobs)


def _measure(jobs: Iterable[Job]) -> tuple[float | None, float]:
    """Median seconds of the latest of jobs, and of what they took besides training."""
    took, besides = [], []
    for job in _latest(jobs):
        record = states.read(kept(RECORDS, job.outputs[-1])) or {}
        if not (record.get("starttime") and record.get("endtime")):
            continue
        took.append(float(record["endtime"]) - float(record["starttime"]))
        made = (states.read(Path(job.outputs[-1])) or {}) if job.training else {}
        # A training that went on where it had been stopped took more in all than its last job did.
        if made.get("seconds"):
            besides.append(max(0.0, took[-1] - float(made["seconds"])))
    return (statistics.median(took) if took else None), statistics.median(besides or [0.0])


def _latest(jobs: Iterable[Job]) -> list[Job]:
    """As many as are enough of those that have a record, by its time."""
    found = []
    for job in jobs:
        with contextlib.suppress(OSError):
            found.append((kept(RECORDS, job.outputs[-1]).stat().st_mtime, job))
    return [job for _, job in sorted(found, key=operator.itemgetter(0))[-ENOUGH:]]


def kept(folder: str, path: str) -> Path:
    """Where in one of its folders Snakemake keeps something about a file."""
    name = urlsafe_b64encode(path.encode()).decode()
    parts = [name[i : i + LONGEST] for i in range(0, len(name), LONGEST)]
    return Path(folder, *(f"@{part}" for part in parts[:-1]), parts[-1])
