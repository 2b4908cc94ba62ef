"""How far a run is: finished jobs, the progress of each running training, failed jobs and the remaining time."""

import textwrap
import time

from longtail.config.plan import NETWORK
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview import states, text, times
from longtail.overview.speeds import Kind, Machine, Speeds, duration
from longtail.overview.states import DONE, FAILED, RUNNING, STOPPED, WAITING, State
from longtail.overview.work import Work
from longtail.runtime import visible_gpus

HEAD = ("running", "epoch", "loss", "test", "images/s", "left")


def lines(graph: Graph, machine: Machine) -> list[str]:
    """The overview, line by line.

    Raises InputError if the plan's subsets or the recorded speeds cannot be read.
    """
    now = time.time()
    work = Work(graph, now)
    trainings = [(training, work.states[folder]) for folder, training in work.trainings.items()]
    of_kind = {kind: [pair for pair in trainings if pair[1].kind == kind] for kind in states.KINDS}
    waiting = len(of_kind[WAITING]) + len(of_kind[STOPPED])
    overview = [
        f"{len(work.jobs) - len(work.to_do):,} of {text.count(len(work.jobs), 'job')} done",
        f"{text.count(len(trainings), 'training')}: {len(of_kind[DONE])} done, {len(of_kind[RUNNING])} running, "
        f"{waiting} waiting, {len(of_kind[FAILED])} failed",
    ]
    if of_kind[RUNNING]:
        overview += ["", *text.table(_table(of_kind[RUNNING], now)), *_busy(machine)]
    if of_kind[STOPPED]:
        overview += ["", *text.table([("stopped", ""), *(_stopped(*pair) for pair in of_kind[STOPPED])], left=2)]
    if of_kind[FAILED]:
        overview += ["", "failed", *(line for pair in of_kind[FAILED] for line in _failed(*pair))]
    if work.to_do:
        overview += ["", *_left(graph, machine, work)]
    return overview


def _table(running: list[tuple[TrainingJob, State]], now: float) -> list[tuple[str, ...]]:
    """The rows of the running trainings, with a column for their GPUs if they have any."""
    rows = [HEAD, *(_running(*pair, now) for pair in running)]
    gpus = [states.gpu(training) for training, _ in running]
    return [(*row, gpu or "-") for row, gpu in zip(rows, ["GPU", *gpus], strict=True)] if any(gpus) else rows


def _busy(machine: Machine) -> list[str]:
    """How busy the GPUs are that this process may use, as far as NVIDIA's driver tells."""
    if machine.accelerator is None:
        return []
    names, busy = visible_gpus.names(), []
    fields = "index,uuid,utilization.gpu,memory.used,memory.total"
    for line in visible_gpus.nvidia_smi(f"--query-gpu={fields}", "--format=csv,noheader,nounits"):
        index, name, *numbers = line.split(", ")
        # A part of a GPU (MIG) has no numbers of its own.
        if (index in names or name in names) and all(number.isdecimal() for number in numbers):
            percent, used, total = map(int, numbers)
            busy.append(f"GPU {index} {percent} % busy, {used / 1024:.0f} of {total / 1024:.0f} GiB in use")
    return ["", *text.notes([f"Now: {'; '.join(busy)}."])] if busy else []


def _running(training: TrainingJob, state: State, now: float) -> tuple[str, ...]:
    progress = state.progress or {}
    left = state.seconds_left(now)
    remaining = "-" if left is None else text.span(left)
    if state.silent_since is not None:
        remaining = f"no update since {states.clock(state.silent_since, now)}"
    return (
        training.folder,
        f"{progress['epoch']}/{progress['epochs']}",
        _number(progress["loss"], "{:.4f}"),
        _number(progress["test_top1"], "{:.2%}"),
        _number(progress["images_per_second"], "{:,.0f}"),
        remaining,
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _stopped(training: TrainingJob, state: State) -> tuple[str, str]:
    epoch = (state.progress or {})["epoch"]
    if state.saved:
        return training.folder, f"will continue after epoch {epoch} or where it last saved"
    return training.folder, f"nothing saved by epoch {epoch}: will start again"


def _failed(training: TrainingJob, state: State) -> list[str]:
    # Paths are not wrapped, so that they can be copied.
    sentence = textwrap.wrap(state.error, text.WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [training.folder, *(f"    {line}" for line in [*sentence, f"log: {states.log(training)}"])]


def _left(graph: Graph, machine: Machine, work: Work) -> list[str]:
    """The time that all unfinished jobs take, including failed ones, with as many side by side as run now."""
    running = [(work.trainings[folder], state) for folder, state in work.states.items() if state.kind == RUNNING]
    alive = [(training, state.progress) for training, state in running if not state.silent_since and state.progress]
    rates = [
        (Kind.of(training), float(progress["images_per_second"]))
        for training, progress in alive
        if training.block == NETWORK and progress["images_per_second"]
    ]
    speeds = Speeds(graph, machine, rates)
    side_by_side = _side_by_side(machine, {training.folder for training, _ in alive}, work)
    remaining = work.remaining.values()
    seconds, complete = duration(remaining, speeds, side_by_side, work.others_take(machine))
    untimed = work.untimed()
    notes = []
    if seconds:
        about = "More than" if untimed or not complete else "About"
        notes.append(f"{about} {text.span(seconds)} left for all that is not done, {side_by_side} side by side.")
    notes += speeds.notes(item.training for item in remaining if item.fraction)
    if untimed:
        notes.append(f"Jobs not yet timed here, and not counted: {', '.join(untimed)}.")
    return text.notes([*notes, *states.outdated(work.states.values())])


def _side_by_side(machine: Machine, alive: set[str], work: Work) -> int:
    """How many jobs run now, as far as that is known; if no training runs, as many as this machine can run."""
    if not alive:
        return machine.side_by_side
    # Jobs that train nothing, and trainings that are just starting.
    silent = [job for job in work.to_do if not job.training or job.training.folder not in alive]
    return min(len(alive) + times.under_way(silent), max(len(alive), machine.side_by_side))
