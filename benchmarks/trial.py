"""How many Stage 1s one GPU does best at a time, in about a minute: what `compute.jobs_per_gpu: auto` runs once.

More and more trainings share the GPU, until more of them are no faster together, or time is up. MPS must run already
to count. `python -m benchmarks.packed` measures the same with care.
"""

import argparse
import contextlib
import datetime
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import data, harness
from benchmarks.harness import Contestant, Heat

from longtail.graph.sharing import IN_TURN, MPS, NEAR_BEST
from longtail.runtime import files, gpus, mps, provenance, visible_gpus

COUNTS = (1, 2, 4, 8, 16)
# The warm-up is an epoch, so that steps of every shape have been captured.
SECONDS, WARM_UP = 3.0, 100
# No larger number is begun after so many seconds.
ENOUGH = 45.0


def heats(settings: dict[str, Any], most: int) -> Iterator[tuple[Contestant, Heat]]:
    """A heat of each number of trainings up to `most` that is worth it, with these settings of `engine.stage1`."""
    start, best = time.monotonic(), 0.0
    how = MPS if mps.is_running() else IN_TURN
    contestants = [
        Contestant(f"{count} ({how})", "benchmarks.engine:stage1", settings, count)
        for count in COUNTS
        if count <= most
    ]
    with contextlib.closing(harness.growing(contestants, SECONDS, WARM_UP)) as found:
        for contestant, heat in found:
            yield contestant, heat
            if NEAR_BEST * heat.images_per_second < best or time.monotonic() - start > ENOUGH:
                return
            best = max(best, heat.images_per_second)


def record(contestant: Contestant, heat: Heat, first: Heat) -> dict[str, Any]:
    """A heat as a record of the benchmark `packed`; the GPU's name is that which its driver tells."""
    common = {"benchmark": "packed", "trial": True, "accelerator": visible_gpus.model()}
    common |= {"date": datetime.date.today().isoformat(), **provenance.machine()}
    about = {"contestant": contestant.name, "processes": contestant.processes, "round_seconds": SECONDS}
    return common | about | harness.summary([heat], [first])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="trainings at a time (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of each training (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="as compute.precision (default: %(default)s)")
    parser.add_argument("--record", type=Path, metavar="FILE", help="add the records to this file")
    options = parser.parse_args()
    made: list[dict[str, Any]] = []
    first: Heat | None = None
    # Alone on the GPU, since jobs of another Snakemake would count as well.
    with tempfile.TemporaryDirectory() as folder, gpus.reserved(1, 1):
        settings = {"data": data.save(Path(folder), "cifar")}
        settings |= {"threads": options.threads, "precision": options.precision}
        for contestant, heat in heats(settings, options.most):
            first = first or heat
            made.append(record(contestant, heat, first))
            print(f"{contestant.name}: {heat.images_per_second:,.0f} images/s together", flush=True)
            if options.record:
                write(options.record, made)


def write(path: Path, made: list[dict[str, Any]]) -> None:
    """Write records to a file beside those of other GPUs and versions of PyTorch."""
    before = files.read_json(path) if path.exists() else []
    ours = {_kind(each) for each in made}
    files.write_json(path, [each for each in before if _kind(each) not in ours] + made)


def _kind(record: dict[str, Any]) -> tuple[Any, ...]:
    how = record["contestant"].split(" ", 1)[1]
    return record["accelerator"], record["versions"].get("torch"), record["threads"], record["precision"], how


if __name__ == "__main__":
    main()
