"""When the jobs of a graph are done: Snakemake submits, a queue gives out GPUs, and checks notice what ended."""

import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import TopologicalSorter

END, CHECK, ARRIVAL = range(3)
# Numbers of GPUs that are tried for the one from which more do not help, and how close to the limit that is.
STEPS = sorted({count << power for power in range(8) for count in (1, 3)})
ENOUGH = 1.05


@dataclass(frozen=True)
class Job:
    """`seconds` of work, after the jobs it `needs`, on no GPU (0), a part of one (1/4) or some whole ones (8).

    A `local` one is not submitted: it runs where Snakemake does.
    """

    name: str
    seconds: float
    needs: tuple[str, ...] = ()
    gpus: Fraction = Fraction(0)
    local: bool = False


@dataclass(frozen=True)
class Checks:
    """Seconds until Snakemake looks which jobs ended: `first`, and `more` after each look at which none had."""

    first: float
    more: float
    most: float


@dataclass(frozen=True)
class Cluster:
    """Where jobs run; those without a GPU never wait for a place.

    At most `submitted` jobs are submitted and not known to have ended. Each waits `queue` seconds, takes `startup` on
    its place, and is stopped after `walltime`: it is then submitted again and goes on where it was. Without `checks`
    an end is known at once, as on one machine. Of local jobs, whose ends always are, `local` run at a time.
    """

    gpus: int
    submitted: int | None = None
    queue: float = 0.0
    startup: float = 0.0
    walltime: float = math.inf
    checks: Checks | None = None
    local: int = 1


@dataclass(frozen=True)
class Attempt:
    """A job, or the part of it that a walltime allowed, on its place."""

    job: Job
    start: float
    end: float


@dataclass(frozen=True)
class Outcome:
    """All attempts in the order of their starts, and the seconds until Snakemake knows that everything is done."""

    attempts: list[Attempt]
    makespan: float

    @property
    def gpu_seconds(self) -> float:
        """Time that GPUs were taken, start-up included."""
        return sum(float(each.job.gpus) * (each.end - each.start) for each in self.attempts)

    @property
    def most_attempts(self) -> int:
        """Of the job that had most."""
        counts: dict[str, int] = defaultdict(int)
        for each in self.attempts:
            counts[each.job.name] += 1
        return max(counts.values(), default=0)


def simulate(jobs: Sequence[Job], cluster: Cluster) -> Outcome:
    """Run every job; of jobs that could be submitted, one that stands earlier in `jobs` comes first.

    Raises ValueError for jobs that can never run.
    """
    return _Simulation(jobs, cluster).run()


def alone(job: Job, cluster: Cluster) -> float:
    """Seconds from a job's submission to its end where nothing is in its way, checks aside."""
    if job.local:
        return job.seconds
    attempts = max(1, math.ceil(job.seconds / (cluster.walltime - cluster.startup)))
    return attempts * (cluster.queue + cluster.startup) + job.seconds


def longest_chain(jobs: Sequence[Job], cluster: Cluster) -> tuple[float, list[Job]]:
    """The chain of jobs that takes longest, each `alone`: no number of GPUs is faster."""
    named = {job.name: job for job in jobs}
    rests = _rests(jobs, cluster)
    chain: list[Job] = []
    following: Iterable[str] = named
    users = _users(jobs)
    while following := list(following):
        chain.append(named[max(following, key=lambda name: rests[name])])
        following = users[chain[-1].name]
    return (rests[chain[0].name] if chain else 0.0), chain


def longest_first(jobs: Sequence[Job], cluster: Cluster) -> list[Job]:
    """Jobs in the order of what still follows them, themselves included, longest first."""
    rests = _rests(jobs, cluster)
    return sorted(jobs, key=lambda job: -rests[job.name])


def enough(jobs: Sequence[Job], cluster: Cluster) -> int:
    """GPUs, of those in STEPS, from which more take at most 5 % off the makespan."""
    most = _on(jobs, cluster, STEPS[-1])
    fewer = [count for count in STEPS if count >= max((job.gpus for job in jobs), default=0)]
    return next(count for count in fewer if _on(jobs, cluster, count) <= ENOUGH * most)


def _on(jobs: Sequence[Job], cluster: Cluster, gpus: int) -> float:
    return simulate(jobs, Cluster(**vars(cluster) | {"gpus": gpus})).makespan


def _users(jobs: Sequence[Job]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        for name in dict.fromkeys(job.needs):
            users[name].append(job.name)
    return users


def _rests(jobs: Sequence[Job], cluster: Cluster) -> dict[str, float]:
    """Of each job the longest chain that begins with it."""
    named, users = {job.name: job for job in jobs}, _users(jobs)
    rests: dict[str, float] = {}
    for name in TopologicalSorter({job.name: users[job.name] for job in jobs}).static_order():
        rests[name] = alone(named[name], cluster) + max((rests[user] for user in users[name]), default=0.0)
    return rests


class _Simulation:
    def __init__(self, jobs: Sequence[Job], cluster: Cluster) -> None:
        self.cluster = cluster
        self.jobs = {job.name: job for job in jobs}
        self.rank = {job.name: number for number, job in enumerate(jobs)}
        self.users = _users(jobs)
        self.missing = {job.name: len(set(job.needs)) for job in jobs}
        self.left = {job.name: job.seconds for job in jobs}
        self.free = [Fraction(1)] * cluster.gpus
        self.held: dict[str, dict[int, Fraction]] = {}
        self.waiting: list[str] = []
        self.ended: list[str] = []
        self.submitted = 0
        self.locals = cluster.local
        self.ready: list[tuple[int, str]] = []
        self.ready_here: list[tuple[int, str]] = []
        self.events: list[tuple[float, int, int, str]] = []
        self.order = itertools.count()
        self.attempts: list[Attempt] = []
        self.open = len(self.jobs)
        if len(self.jobs) < len(jobs):
            raise ValueError("two jobs have one name")
        if cluster.walltime <= cluster.startup:
            raise ValueError("a walltime that ends during the start-up lets no job run")
        if any(job.gpus > cluster.gpus for job in jobs):
            raise ValueError(f"a job wants more than {cluster.gpus} GPUs")

    def run(self) -> Outcome:
        for name, count in self.missing.items():
            if count == 0:
                self.make_ready(name)
        self.submit(0.0)
        now, interval = 0.0, 0.0
        if self.cluster.checks and self.open:
            interval = self.cluster.checks.first
            self.push(interval, CHECK)
        while self.open:
            if not self.events:
                raise ValueError("some jobs wait for each other or for one that does not exist")
            now, kind, _, name = heapq.heappop(self.events)
            if kind == ARRIVAL:
                self.waiting.append(name)
            elif kind == END:
                if self.jobs[name].local:
                    self.locals += 1
                    self.finish(name)
                    self.submit(now)
                else:
                    self.leave(name)
                if self.cluster.checks is None:
                    self.notice(now)
            elif checks := self.cluster.checks:
                interval = checks.first if self.ended else min(interval + checks.more, checks.most)
                self.notice(now)
                self.push(now + interval, CHECK)
            self.place(now)
        return Outcome(self.attempts, now)

    def push(self, time: float, kind: int, name: str = "") -> None:
        heapq.heappush(self.events, (time, kind, next(self.order), name))

    def make_ready(self, name: str) -> None:
        heapq.heappush(self.ready_here if self.jobs[name].local else self.ready, (self.rank[name], name))

    def submit(self, now: float) -> None:
        while self.ready_here and self.locals:
            self.locals -= 1
            job = self.jobs[heapq.heappop(self.ready_here)[1]]
            self.attempts.append(Attempt(job, now, now + job.seconds))
            self.push(now + job.seconds, END, job.name)
        while self.ready and (self.cluster.submitted is None or self.submitted < self.cluster.submitted):
            self.submitted += 1
            self.push(now + self.cluster.queue, ARRIVAL, heapq.heappop(self.ready)[1])

    def place(self, now: float) -> None:
        """Start what fits, in the order of arrival; what does not fit lets later ones pass."""
        for name in list(self.waiting):
            held = self.room(self.jobs[name].gpus)
            if held is None:
                continue
            self.waiting.remove(name)
            self.held[name] = held
            for gpu, part in held.items():
                self.free[gpu] -= part
            length = min(self.left[name], self.cluster.walltime - self.cluster.startup)
            self.left[name] -= length
            end = now + self.cluster.startup + length
            self.attempts.append(Attempt(self.jobs[name], now, end))
            self.push(end, END, name)

    def room(self, gpus: Fraction) -> dict[int, Fraction] | None:
        """Parts of GPUs for a job; a part of one is taken of the fullest that has it."""
        if gpus == 0:
            return {}
        if gpus < 1:
            fitting = [gpu for gpu, free in enumerate(self.free) if free >= gpus]
            return {min(fitting, key=lambda gpu: self.free[gpu]): gpus} if fitting else None
        whole = [gpu for gpu, free in enumerate(self.free) if free == 1][: int(gpus)]
        return dict.fromkeys(whole, Fraction(1)) if len(whole) == gpus else None

    def leave(self, name: str) -> None:
        for gpu, part in self.held.pop(name).items():
            self.free[gpu] += part
        self.ended.append(name)

    def notice(self, now: float) -> None:
        for name in self.ended:
            self.submitted -= 1
            if self.left[name] > 0:
                self.make_ready(name)
            else:
                self.finish(name)
        self.ended.clear()
        self.submit(now)

    def finish(self, name: str) -> None:
        self.open -= 1
        for user in self.users[name]:
            self.missing[user] -= 1
            if self.missing[user] == 0:
                self.make_ready(user)
