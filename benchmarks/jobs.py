"""Memory and seconds that the jobs of each rule take on the CPU, on which the requests of profiles/slurm are based.

Snakemake makes a small table of MiSLAS, one job at a time, and each job's script is looked at twenty times a second
(Linux only): on the digits, and with `--data` on a folder of images (train/<class>/*, test/<class>/*) at factor 100.
Trainings have two epochs: memory does not grow after the first. Seconds are the script's, without what starts it.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import harness

from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT

SCRIPT = re.compile(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py$")
LOOKS_A_SECOND = 20
RECIPES = {
    "MiSLAS-S1-short": {"epochs": 2, "schedule": {"warmup": 1, "milestones": []}, "evaluate": {"every": 1}},
    "MiSLAS-S2": {"epochs": 2},
    "digits-S1": {"epochs": 2, "schedule": {"warmup": 1, "milestones": []}, "evaluate": {"every": 1}},
    "digits-S2": {"epochs": 2},
}
Script = Callable[[int], str | None]


def script(pid: int) -> str | None:
    """The rule whose script a process runs."""
    try:
        command = Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    found = [match[1] for part in command[1:2] if (match := SCRIPT.search(part))]
    return found[0] if found else None


class Watched:
    """Jobs seen while Snakemake runs: by rule, the peak bytes and the seconds of each."""

    def __init__(self) -> None:
        self.rules: dict[int, str] = {}
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.peak: dict[int, int] = defaultdict(int)

    def look(self, folder: Path) -> None:
        """Note every script that runs in a folder."""
        for process in Path("/proc").glob("[0-9]*"):
            pid = int(process.name)
            rule = script(pid)
            try:
                if rule is None or (process / "cwd").readlink() != folder:
                    continue
            except OSError:
                continue
            self.rules[pid] = rule
            self.first.setdefault(pid, time.monotonic())
            self.last[pid] = time.monotonic()
            self.peak[pid] = max(self.peak[pid], harness.peak_memory(pid) or 0)

    def values(self, images: str) -> list[dict[str, Any]]:
        """A record's values for each rule: the largest peak, and the median of the seconds."""
        found = []
        for rule in dict.fromkeys(self.rules.values()):
            jobs = [pid for pid, name in self.rules.items() if name == rule]
            times = [self.last[pid] - self.first[pid] for pid in jobs]
            spread = {"seconds": statistics.median(times), "seconds_min": min(times), "seconds_max": max(times)}
            peak = max(self.peak[pid] for pid in jobs)
            found.append(
                {"contestant": f"{rule}, {images}", "jobs": len(jobs), "peak_memory_bytes": peak, "rounds": 1}
                | spread
            )
        return found


def run(folder: Path, dataset: str, config: dict[str, Any]) -> Watched:
    """Make the table of MiSLAS on a data set in a folder, and watch it; CalledProcessError if Snakemake fails."""
    columns = [{"dataset": dataset, "factor": 100 if "datasets" in config else 50, "backbone": "resnet32"}]
    rows = [{"method": name} for name in ("ce", "crt", "mislas")]
    files.write_json(folder / "jobs.yaml", {"title": "Jobs", "columns": columns, "rows": rows})
    config = {"tables": ["jobs.yaml"], "figures": [], "seeds": {"runs": [0]}, "recipes": RECIPES} | config
    files.write_json(folder / "config.json", config | {"compute": {"device": "cpu"}})
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    watched = Watched()
    with subprocess.Popen([*command, "--configfile", "config.json"], cwd=folder) as process:
        while process.poll() is None:
            watched.look(folder)
            time.sleep(1 / LOOKS_A_SECOND)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    return watched


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of images beside the digits")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/jobs.json")
    options = parser.parse_args()
    found = []
    wanted: dict[str, tuple[str, dict[str, Any]]] = {"digits": ("digits", {})}
    if options.data:
        own = {"title": "Own", "kind": "folder", "like": "cifar10", "data_dir": str(options.data.resolve())}
        own["recipes"] = {"MiSLAS-S1": "MiSLAS-S1-short"}
        wanted["32x32 images, factor 100"] = ("own", {"datasets": {"own": own | {"n_max": 5000}}})
    for images, (dataset, config) in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            found += run(Path(folder).resolve(), dataset, config).values(images)
    harness.finish("jobs", found, options)


if __name__ == "__main__":
    main()
