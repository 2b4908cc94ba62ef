"""How far a run is: jobs that are done, what each running training says, what failed and what is left."""

import textwrap
import time

from longtail.config.plan import NETWORK
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview import states, text, times
from longtail.overview.speeds import Kind, Machine, Speeds, duration
from longtail.overview.states import DONE, FAILED, RUNNING, STOPPED, WAITING, State
from longtail.overview.work import Work

HEAD = ("running", "epoch", "loss", "test", "images/s", "left")


def lines(graph: Graph, machine: Machine) -> list[str]:
    """The overview, line by line.

    Raises InputError where the plan's subsets or the recorded speeds cannot be read.
    """
    now = time.time()
    work = Work(graph, now)
    looked = [(training, work.states[folder]) for folder, training in work.trainings.items()]
    of = {kind: [pair for pair in looked if pair[1].kind == kind] for kind in states.KINDS}
    waiting = len(of[WAITING]) + len(of[STOPPED])
    told = [
        f"{len(work.jobs) - len(work.to_do):,} of {text.count(len(work.jobs), 'job')} done",
        f"{text.count(len(looked), 'training')}: {len(of[DONE])} done, {len(of[RUNNING])} running, "
        f"{waiting} waiting, {len(of[FAILED])} failed",
    ]
    if of[RUNNING]:
        told += ["", *text.table([HEAD, *(_running(*pair, now) for pair in of[RUNNING])])]
    if of[STOPPED]:
        told += ["", *text.table([("stopped", ""), *(_stopped(*pair) for pair in of[STOPPED])], left=2)]
    if of[FAILED]:
        told += ["", "failed", *(line for pair in of[FAILED] for line in _failed(*pair))]
    if work.to_do:
        told += ["", *_left(graph, machine, work)]
    return told


def _running(training: TrainingJob, state: State, now: float) -> tuple[str, ...]:
    progress = state.progress or {}
    left = state.seconds_left(now)
    remains = "-" if left is None else text.span(left)
    if state.silent_since is not None:
        remains = f"no sign of life since {states.clock(state.silent_since, now)}"
    return (
        training.folder,
        f"{progress['epoch']}/{progress['epochs']}",
        _number(progress["loss"], "{:.4f}"),
        _number(progress["test_top1"], "{:.2%}"),
        _number(progress["images_per_second"], "{:,.0f}"),
        remains,
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _stopped(training: TrainingJob, state: State) -> tuple[str, str]:
    epoch = (state.progress or {})["epoch"]
    if state.saved:
        return training.folder, f"will go on after epoch {epoch} or where it last saved"
    return training.folder, f"nothing saved by epoch {epoch}: will start anew"


def _failed(training: TrainingJob, state: State) -> list[str]:
    # Paths stay whole, so that they can be copied.
    sentence = textwrap.wrap(state.error, text.WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [training.folder, *(f"    {line}" for line in [*sentence, f"log: {states.log(training)}"])]


def _left(graph: Graph, machine: Machine, work: Work) -> list[str]:
    """What all the rest takes, failed ones included, at as many side by side as run now."""
    running = [(work.trainings[folder], state) for folder, state in work.states.items() if state.kind == RUNNING]
    alive = [(training, state.progress) for training, state in running if not state.silent_since and state.progress]
    rates = [
        (Kind.of(training), float(progress["images_per_second"]))
        for training, progress in alive
        if training.block == NETWORK and progress["images_per_second"]
    ]
    speeds = Speeds(graph, machine, rates)
    side_by_side = _side_by_side(machine, {training.folder for training, _ in alive}, work)
    rest = work.remaining.values()
    seconds, complete = duration(rest, speeds, side_by_side, work.others_take(machine))
    untimed = work.untimed()
    notes = []
    if seconds:
        known = "More than" if untimed or not complete else "About"
        notes.append(f"{known} {text.span(seconds)} left for all that is not done, {side_by_side} side by side.")
    notes += speeds.notes(item.training for item in rest if item.fraction)
    if untimed:
        notes.append(f"Jobs not yet timed here, and not counted: {', '.join(untimed)}.")
    return text.notes([*notes, *states.outdated(work.states.values())])


def _side_by_side(machine: Machine, alive: set[str], work: Work) -> int:
    """How many jobs run now, as far as that is known; as many as this machine takes where no training does."""
    if not alive:
        return machine.side_by_side
    # Jobs that train nothing, and trainings that are still being started.
    silent = [job for job in work.to_do if not job.training or job.training.folder not in alive]
    return min(len(alive) + times.under_way(silent), max(len(alive), machine.side_by_side))
