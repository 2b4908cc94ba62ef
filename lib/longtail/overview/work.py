"""The jobs of a plan, which of them are still to do, and how long they take."""

from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.overview import jobs, states
from longtail.overview.speeds import Machine, Remaining
from longtail.overview.times import Times


class Work:
    """All `jobs`, and those `to_do`, of which `others` train nothing.

    `trainings`, their `states` and what is `remaining` of them are dictionaries by folder.
    Raises InputError if the plan's subsets cannot be read.
    """

    def __init__(self, graph: Graph, now: float) -> None:
        """The work of a plan at `now` (unix seconds)."""
        self.now = now
        self.trainings = {training.folder: training for training in costs.trainings(graph, graph.plan.runs)}
        self.states = {folder: states.look(training, now) for folder, training in self.trainings.items()}
        self.jobs = jobs.listed(graph, self.trainings.values())
        self.to_do = jobs.to_do(self.jobs, self.states)
        self.others = [job for job in self.to_do if not job.training or job.training.imported]
        self.times = Times(self.jobs)
        by_folder = {job.training.folder: job for job in self.jobs if job.training}
        self.remaining = {folder: self._remaining(job) for folder, job in by_folder.items()}

    def others_take(self, machine: Machine) -> float:
        """Seconds that `others` take, as far as they were timed, in the place of one of the machine's trainings."""
        return self.times.left(self.others, machine.cores / machine.side_by_side)

    def untimed(self) -> list[str]:
        """The number of jobs to do whose time is unknown, by rule, of those that pass no images through a network."""
        cached = [job for job in self.to_do if job.training and self._is_cached(job.training)]
        return self.times.unknown([*self.others, *cached])

    def _is_cached(self, training: costs.TrainingJob) -> bool:
        """Whether a training is on cached features and its remaining seconds are unknown."""
        return training.work == 0 and not training.imported and self.remaining[training.folder].seconds is None

    def _remaining(self, job: jobs.Job) -> Remaining:
        assert job.training
        state = self.states[job.training.folder]
        seconds = state.seconds_left(self.now)
        if state.left and seconds is None and job.training.work == 0:
            seconds = self.times.of(job)
        return Remaining(job.training, state.left, seconds, self.times.start(job))
