"""Results as records: a list in one JSON file a benchmark, one record a contestant and machine."""

import datetime
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from longtail.runtime import files, provenance

Record = dict[str, Any]
RESULTS = Path(__file__).parent / "results"


def spread(name: str, values: Sequence[float]) -> Record:
    """Median, minimum and maximum of the rounds as `name`, `name`_min and `name`_max."""
    return {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}


def accelerator() -> str | None:
    """The GPU's name, read in another process, so that this one does not import torch."""
    command = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip() or None


def stamped(benchmark: str, values: Sequence[Record]) -> list[Record]:
    """Values with the benchmark's name, machine, versions, commit and date."""
    common = stamp(benchmark, accelerator())
    return [common | each for each in values]


def stamp(benchmark: str, gpu: str | None) -> Record:
    """What the records of a benchmark have in common, on a machine with a GPU of this name."""
    common = {"benchmark": benchmark, "accelerator": gpu, "date": datetime.date.today().isoformat()}
    return common | provenance.machine()


def machine(record: Record) -> tuple[str, str | None]:
    """What identifies a machine: processor and accelerator."""
    return record["processor"], record["accelerator"]


def write(benchmark: str, made: Sequence[Record], folder: Path = RESULTS) -> None:
    """Write the records of a benchmark whole: those of other machines stay, those of this one are replaced.

    Of a benchmark in parts, those of other parts stay as well.
    """
    path = folder / f"{benchmark}.json"
    before: list[Record] = files.read_json(path) if path.exists() else []
    ours = {_group(record) for record in made}
    files.write_json(path, [record for record in before if _group(record) not in ours] + list(made))


def table(found: Sequence[Record]) -> str:
    """Records as Markdown: for each machine where they come from, and a table of the columns that they have.

    A benchmark in parts has a table for each part.
    """
    groups = list(dict.fromkeys(map(_group, found)))
    return "\n\n".join(_of_group([record for record in found if _group(record) == each]) for each in groups)


def line(record: Record) -> str:
    """A record in one line."""
    cells = [(title, cell(record)) for key, title, cell in COLUMNS if record.get(key) is not None]
    return f"{cells[0][1]}: {', '.join(f'{title} {text}' for title, text in cells[1:])}"


def _group(record: Record) -> tuple[tuple[str, str | None], str | None]:
    """The records that are measured together: those of a machine, and of a part if the benchmark has parts."""
    return machine(record), record.get("part")


def _of_group(found: Sequence[Record]) -> str:
    shown = [(title, cell) for key, title, cell in COLUMNS if any(record.get(key) is not None for record in found)]
    rows = [[title for title, _ in shown], ["---"] * len(shown)]
    rows += [[cell(record) for _, cell in shown] for record in found]
    return "\n".join([_origin(found[0]), "", *(f"| {' | '.join(row)} |" for row in rows)])


def _origin(record: Record) -> str:
    where = ", ".join(filter(None, [record["processor"], record["accelerator"]]))
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    times = f"{record['rounds']} rounds" if record["rounds"] > 1 else "one round"
    origin = f"{where}; commit {record['commit']}, {record['date']}; {versions}; {times}:"
    return f"**{record['part']}**: {origin}" if record.get("part") else origin


def _plain(key: str) -> Callable[[Record], str]:
    return lambda record: "–" if record.get(key) is None else str(record[key])


def _range(key: str, form: Callable[[float], str] | None = None) -> Callable[[Record], str]:
    def cell(record: Record) -> str:
        if record.get(key) is None:
            return "–"
        middle, least, most = ((form or _number)(record[name]) for name in (key, f"{key}_min", f"{key}_max"))
        return f"{middle} ({least} to {most})"

    return cell


def _scaled(key: str, factor: float, form: str) -> Callable[[Record], str]:
    return lambda record: "–" if record.get(key) is None else format(record[key] * factor, form)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


COLUMNS: list[tuple[str, str, Callable[[Record], str]]] = [
    ("contestant", "what", _plain("contestant")),
    ("value", "value", _plain("value")),
    ("cache", "file cache", _plain("cache")),
    ("jobs", "jobs", _scaled("jobs", 1, ",")),
    ("backbone", "backbone", _plain("backbone")),
    ("image_size", "image size", _plain("image_size")),
    ("batch_size", "batch", _plain("batch_size")),
    ("precision", "precision", _plain("precision")),
    ("processes", "processes", _plain("processes")),
    ("trainings", "trainings in a process", _plain("trainings")),
    ("workers", "loader processes", _plain("workers")),
    ("threads", "threads each", _plain("threads")),
    ("images_per_second", "images/s", _range("images_per_second")),
    ("milliseconds", "ms a batch", _range("milliseconds")),
    ("kernels", "kernels a step", _scaled("kernels", 1, ",.0f")),
    ("step_milliseconds", "ms a step, not profiled", _scaled("step_milliseconds", 1, ".3f")),
    ("busy_milliseconds", "ms busy", _scaled("busy_milliseconds", 1, ".3f")),
    ("idle_milliseconds", "ms idle", _scaled("idle_milliseconds", 1, ".3f")),
    ("set_milliseconds", "ms per 128 of the set", _range("set_milliseconds")),
    ("cost", "times CE", _range("cost", "{:.2f}".format)),
    ("declared", "declared", _plain("declared")),
    ("epochs", "epochs", _plain("epochs")),
    ("runs", "U", _scaled("runs", 1, ".2f")),
    ("seconds_once", "s before training", _range("seconds_once")),
    ("seconds", "s", _range("seconds")),
    ("processor_seconds", "s of the processor", _range("processor_seconds")),
    ("share", "% of a step", _scaled("share", 100, ".1f")),
    ("ratio", "ratio", _scaled("ratio", 1, ".2f")),
    ("peak_memory_bytes", "peak memory (MiB)", _scaled("peak_memory_bytes", 1 / 2**20, ",.0f")),
    ("gpu_allocated_bytes", "tensors on the GPU (MiB)", _scaled("gpu_allocated_bytes", 1 / 2**20, ",.0f")),
    ("gpu_reserved_bytes", "held for tensors (MiB)", _scaled("gpu_reserved_bytes", 1 / 2**20, ",.0f")),
    ("gpu_used_bytes", "whole GPU in use (MiB)", _scaled("gpu_used_bytes", 1 / 2**20, ",.0f")),
]
