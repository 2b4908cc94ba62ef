"""Seconds that Snakemake takes to read the rules and build the whole grid of the papers, all data sets present.

A dry run under each profile named: of everything, and of one small file, which is what a job of a cluster starts with
once more. Nothing is on the disk but stand-ins of the lists, so that every job is to be run. The processor's seconds
tell what it takes where other work slows the machine down.
"""

import argparse
import re
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import grid, harness, records

from longtail.runtime.fingerprint import ROOT

ONE = "results/data/cifar10/arrays.npz"


def count(folder: Path, config: dict[str, Any], target: tuple[str, ...]) -> int:
    """Jobs that a dry run lists."""
    output = grid.snakemake(folder, config, *target, "--dry-run", "--quiet", "rules", *_profile("none"))
    return int(re.findall(r"^total +(\d+)", output, re.MULTILINE)[-1])


def seconds(folder: Path, config: dict[str, Any], profile: str, target: tuple[str, ...]) -> tuple[float, float]:
    """Of one dry run, from the start of the process to its end, and of the processor."""
    start, before = time.monotonic(), _processor()
    grid.snakemake(folder, config, *target, "--dry-run", "--quiet", *_profile(profile))
    return time.monotonic() - start, _processor() - before


def measured(folder: Path, config: dict[str, Any], profiles: list[str], rounds: int) -> list[dict[str, Any]]:
    """Values of a record for each profile and target, all of them once a round."""
    targets: dict[str, tuple[str, ...]] = {"the whole grid": (), "one file": (ONE,)}
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for number in range(rounds):
        for profile in profiles:
            for what, target in targets.items():
                times.setdefault((profile, what), []).append(seconds(folder, config, profile, target))
        print(f"round {number + 1}/{rounds} done")
    jobs = {what: count(folder, config, target) for what, target in targets.items()}
    return [
        {"contestant": f"{what}, profile {profile}", "jobs": jobs[what], "rounds": rounds}
        | records.spread("seconds", [wall for wall, _ in found])
        | records.spread("processor_seconds", [processor for _, processor in found])
        for (profile, what), found in times.items()
    ]


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _profile(name: str) -> tuple[str, str]:
    return "--workflow-profile", "none" if name == "none" else str(ROOT / "profiles" / name)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="*", default=["default"], help="folders of profiles/ (default: default)")
    parser.add_argument("--rounds", type=int, default=3, help="dry runs of each (default: %(default)s)")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/graph.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = grid.stand_ins(Path(folder))
        found = measured(Path(folder), config, options.profiles, options.rounds)
    harness.finish("graph", found, options)


if __name__ == "__main__":
    main()
