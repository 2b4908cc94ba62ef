"""Trains several learners in one process, round by round: a batch and a step of each.

On a GPU the steps of a round are one CUDA graph, in which each learner is a branch: kernels of small networks leave
most of a GPU idle, and branches run at the same time. On a CPU the learners take their steps one after the other. No
learner knows of the others, so each ends with what it ends with alone. Networks that draw random numbers within
themselves (`DRAWS`) must not be among them: PyTorch has one generator for all.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from longtail.engine import graphs, loop, step
from longtail.engine.batches import Batch
from longtail.engine.learner import Learner
from longtail.engine.loop import Fitted
from longtail.engine.resume import Resume
from longtail.engine.step import Step
from longtail.settings.recipe import Recipe

# A step of every learner: from a batch of each to the mean loss of each before its update.
Steps = Callable[[Sequence[Batch]], list[Tensor]]
# Capturing a round takes about a second: it is done for shapes that have come this often in an unchanged group.
OFTEN = 20


def make(learners: Sequence[Learner]) -> Steps:
    """One step of every learner of a device; on a GPU they are captured together, for every combination of shapes.

    Resumed learners must be restored before, as for `step.make`.
    """
    own = [step.make(learner) for learner in learners]
    if all(learner.backend.capture for learner in learners):
        return _Branches(learners, own)
    return partial(_in_turn, own)


def _in_turn(own: Sequence[Step], batches: Sequence[Batch]) -> list[Tensor]:
    return [train(batch) for train, batch in zip(own, batches, strict=True)]


class _Branches:
    """The steps of several learners in one CUDA graph; if it cannot be captured, each learner's `own` step."""

    def __init__(self, learners: Sequence[Learner], own: Sequence[Step]) -> None:
        self.learners = learners
        self.own = own
        self.streams = graphs.streams(learner.backend.device for learner in learners)
        self.sizes: list[int] = []
        self.captured = graphs.Captured(self._of_tensors, self._undisturbed)

    def __call__(self, batches: Sequence[Batch]) -> list[Tensor]:
        tensors = [step.tensors(batch) for batch in batches]
        self.sizes = [len(each) for each in tensors]
        return list(self.captured(*(value for each in tensors for value in each)).unbind())

    def _of_tensors(self, *values: Tensor) -> Tensor:
        rest = iter(values)
        batches = [Batch(*(next(rest) for _ in range(size))) for size in self.sizes]
        if not self.captured.possible:
            return torch.stack(_in_turn(self.own, batches))
        steps = [partial(step.once, *each) for each in zip(self.learners, batches, strict=True)]
        return torch.stack(graphs.side_by_side(steps, self.streams))

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with contextlib.ExitStack() as restored:
            for learner in self.learners:
                restored.enter_context(step.undisturbed(learner))
            yield


class Member:
    """One of several trainings in a process, restored from `resume`; it ends as `loop.fit` does.

    `stop_signal` returns the number of a signal that asks this training to stop, or 0. `ended` is the finished
    training, or what ended it; None as long as it runs.
    """

    def __init__(self, learner: Learner, recipe: Recipe, resume: Resume, stop_signal: Callable[[], int]) -> None:
        self.learner = learner
        self.resume = resume
        progress = resume.restore(learner)
        self.train = step.make(learner)
        self.running = loop.training(learner, recipe, resume, progress, stop_signal)
        self.batch: Batch | None = None
        self.ended: Fitted | Exception | None = None

    def own_step(self) -> Tensor | Exception | None:
        """The loss of the member's own step, or its error; None before its first batch."""
        return None if self.batch is None else loop.attempted(self.train, self.batch)

    def proceed(self, result: Tensor | Exception | None) -> None:
        """Draw the next batch, or end."""
        try:
            turn = loop.proceed(self.running, result)
        except Exception as error:
            self.ended = error
            return
        if isinstance(turn, Batch):
            self.batch = turn
        else:
            self.ended = turn


class Together:
    """Trainings on one device, which take their steps side by side; they join at any time, and each ends by itself.

    Steps are captured together for the first combination of shapes that has come `OFTEN` times since a member joined
    or left: usually the one in which all batches are full. In all other rounds each member takes its own step.
    """

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._begin_anew()

    def join(self, member: Member) -> None:
        """From the next round on a training is one of the members."""
        self._set([*self.members, member])

    def leave(self, member: Member) -> None:
        """Drop a training as it is, without saving it, as if its process were killed."""
        member.running.close()
        self._set([other for other in self.members if other is not member])

    def round(self) -> list[Member]:
        """Take a step of every member; returns those that have ended with it, which are members no more."""
        for member, result in zip(self.members, self._results(), strict=True):
            member.proceed(result)
        ended = [member for member in self.members if member.ended is not None]
        if ended:
            self._set([member for member in self.members if member.ended is None])
        return ended

    def _set(self, members: list[Member]) -> None:
        self.members = members
        for member in members:
            member.resume.trainings = len(members)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.seen: Counter[tuple[torch.Size, ...]] = Counter()
        self.often: tuple[torch.Size, ...] | None = None
        self.joint: Steps | None = None

    def _results(self) -> Sequence[Tensor | Exception | None]:
        batches = [member.batch for member in self.members if member.batch is not None]
        if len(batches) < len(self.members) or not self._come_often(batches):
            return [member.own_step() for member in self.members]
        if self.joint is None:
            self.joint = _Branches(
                [member.learner for member in self.members], [member.train for member in self.members]
            )
        return self.joint(batches)

    def _come_often(self, batches: Sequence[Batch]) -> bool:
        """Whether the steps of these batches are captured together."""
        if len(batches) == 1 or not all(member.learner.backend.capture for member in self.members):
            return False
        shapes = tuple(value.shape for batch in batches for value in step.tensors(batch))
        if self.often is None:
            self.seen[shapes] += 1
            if self.seen[shapes] == OFTEN:
                self.often = shapes
        return shapes == self.often
