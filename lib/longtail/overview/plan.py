"""What a run will cost: trainings, image passes and hours of every table, before anything runs."""

import time
from collections.abc import Collection

from longtail.config import own
from longtail.config.plan import CLASSIFIER, NETWORK, Claims, Table
from longtail.graph import costs
from longtail.graph.costs import FORWARD
from longtail.graph.graph import Graph
from longtail.overview import states, text
from longtail.overview.speeds import Machine, Remaining, Speeds, duration
from longtail.overview.work import Work

HEAD = (
    ("", "cells", "Stage 1", "Stage 2", "passes to do", "passes to do", "time"),
    ("", "that run", "done / all", "done / all", "in Stage 1", "in Stage 2", "here"),
)
ALL = "all, shared ones once"
FIGURES = "in figures only"


def lines(graph: Graph, machine: Machine) -> list[str]:
    """The overview, line by line.

    Raises InputError if the plan's subsets or the recorded speeds cannot be read.
    """
    work = Work(graph, time.time())
    sheet = _Sheet(work.remaining, Speeds(graph, machine), machine)
    rows: list[tuple[str, ...]] = [*HEAD]
    in_tables: set[str] = set()
    for name, table in _tables(graph).items():
        needed = costs.folders(run for cell in table.cells for run in cell.runs)
        in_tables |= needed
        runnable = sum(cell.needs is None for cell in table.cells)
        rows.append((name, f"{runnable} / {len(table.cells)}", *sheet.row(needed)))
    if in_figures := work.trainings.keys() - in_tables:
        rows.append((FIGURES, "", *sheet.row(in_figures)))
    rows.append((ALL, "", *sheet.row(work.trainings.keys())))
    notes = [*_notes(graph, sheet, work), *states.outdated(work.states.values())]
    return [*text.table(rows), "", *text.notes(notes)]


class _Sheet:
    def __init__(self, remaining: dict[str, Remaining], speeds: Speeds, machine: Machine) -> None:
        self.remaining = remaining
        self.speeds = speeds
        self.machine = machine

    def row(self, folders: Collection[str]) -> tuple[str, ...]:
        """Trainings done and in all, per stage; image passes to do, per stage; and their time."""
        items = [self.remaining[folder] for folder in folders]
        stages = [[item for item in items if item.training.block == block] for block in (NETWORK, CLASSIFIER)]
        done = [f"{sum(i.fraction == 0 for i in stage)} / {len(stage)}" if stage else "-" for stage in stages]
        return (*done, *(_passes(stage) for stage in stages), self.time(items))

    def time(self, items: list[Remaining]) -> str:
        """The time that trainings still take."""
        if not any(item.fraction for item in items):
            return "-"
        seconds, complete = duration(items, self.speeds, self.machine.side_by_side)
        roughly = "~" if any(item.fraction and self.speeds.is_guess(item.training) for item in items) else ""
        known = f"{roughly}{text.span(seconds)}"
        return known if complete else f"{known} + ?" if seconds else "?"


def _tables(graph: Graph) -> dict[str, Table | Claims]:
    """The tables that show runs."""
    return graph.plan.tables | graph.plan.claims


def _passes(items: list[Remaining]) -> str:
    if not items:
        return "-"
    known = [item.passes for item in items if item.passes is not None]
    return f"{sum(known):,}" + (" + ?" if len(known) < len(items) else "")


def _notes(graph: Graph, sheet: _Sheet, work: Work) -> list[str]:
    trainings = list(work.trainings.values())
    notes = [_here(sheet.machine)]
    notes += _schedules(graph, work)
    notes += sheet.speeds.notes(trainings)
    notes.append(
        "A pass is one training image through the network. In Stage 2 it goes forwards only and counts as "
        f"{FORWARD:.2f} of one in Stage 1; on cached features there is none."
    )
    steps = {t.settings["algorithm"]["name"]: t.step for t in trainings if t.block == NETWORK}
    if dearer := [f"{name} {step:g}" for name, step in sorted(steps.items()) if step != 1]:
        notes.append(f"Passes of these algorithms take longer by the factor that they declare: {', '.join(dearer)}.")
    notes += _other_jobs(sheet.machine, work)
    if number := sum(training.imported for training in trainings):
        notes.append(f"Imported, with nothing to train: {text.count(number, 'Stage 1')}.")
    if unknown := sorted({t.setting for t in trainings if t.images is None}):
        names = ", ".join(f"{setting.dataset} {setting.imbalance}" for setting in unknown)
        notes.append(f"The number of images is unknown until the data are read (snakemake datasets): {names}.")
    if waiting := sum(cell.needs is not None for table in _tables(graph).values() for cell in table.cells):
        notes.append(f"{text.count(waiting, 'cell')} cannot run yet: their tables say what they need.")
    return notes


def _here(machine: Machine) -> str:
    together, alone = machine.side_by_side, machine.side_by_side_alone
    if alone is not None and alone < together:
        return f"Here: {machine}; {text.count(together, 'small training')} side by side, of others {alone}."
    here = f"Here: {machine}; {text.count(together, 'training')} side by side."
    unknown = "" if machine.is_measured else " The first run measures how many small ones share a GPU."
    return here + unknown


def _schedules(graph: Graph, work: Work) -> list[str]:
    """The lengths of trainings whose recipes are fitted to the number of images."""
    lengths: dict[str, list[str]] = {}
    for training in work.trainings.values():
        dataset, recipe = training.setting.dataset, training.settings["recipe"]
        if training.block == NETWORK and (steps := own.steps(graph.registry, dataset)):
            length = f"{recipe['name']} for {text.count(recipe['epochs'], 'epoch')} ({training.setting.imbalance})"
            lengths.setdefault(f"Schedule of {dataset}, about {steps:,} steps (its key 'steps')", []).append(length)
    return [f"{what}: {', '.join(dict.fromkeys(each))}." for what, each in lengths.items()]


def _other_jobs(machine: Machine, work: Work) -> list[str]:
    """The time of the jobs that train nothing, which the rows do not contain."""
    if not work.others:
        return []
    seconds, untimed = work.others_take(machine) / machine.side_by_side, work.untimed()
    takes = f": {'more than' if untimed else 'about'} {text.span(seconds)}" if seconds else ""
    notes = [
        f"The times are those of training. On top come {text.count(len(work.others), 'other job')} "
        f"(reading data, extracting features, scoring, drawing){takes}."
    ]
    if untimed:
        notes.append(f"Jobs not yet timed here, and not counted: {', '.join(untimed)}.")
    return notes
