"""Seconds that a fresh process needs before it works: what its imports cost, and the way to a first training step.

From the start of the process to the end of the imports of two scripts that need no torch, of single libraries, of
torch in a fork of a process that has imported it, and of what a Stage 1 on the digits does up to its first update.
Then whole `evaluate` jobs as Snakemake runs and times them, with imports, logits of 600 images and 1000 resamples.
Files are in the cache of the system after a first run; `--cold` empties it before each run and needs root.
"""

import argparse
import ast
import csv
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import data, harness, records

from longtail.data import long_tail
from longtail.runtime import files, forks, npz
from longtail.runtime.fingerprint import ROOT

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
LIBRARIES = ("torch", "torchvision", "pandas", "matplotlib.figure")
CLOCK = "import time; print(time.monotonic())"
JOB = """
rule evaluate:
    input: logits="logits.npz", subset="subset.json"
    output: metrics="metrics.json"
    log: "evaluate.log"
    benchmark: repeat("evaluate.tsv", {rounds})
    params: settings='{{"bins": 15, "resamples": 1000}}'
    script: "{script}"
"""


def imports(script: str) -> str:
    """The imports of a script of `workflow_scripts/`, as Python; not that of its job, which there is none of."""
    tree = ast.parse((ROOT / "workflow_scripts" / f"{script}.py").read_text())
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(line for line in found if line != "from _script import snakemake")


def programs(digits: str) -> dict[str, str]:
    """What is timed, as Python; `digits` is their file of arrays."""
    found = {"nothing": "", **{f"imports of {name}": imports(name) for name in ("evaluate", "make_table")}}
    found |= {f"import {library}": f"import {library}" for library in LIBRARIES}
    first = f"{imports('train_stage1')}\nfrom benchmarks import engine\nengine.first_step({digits!r})"
    return found | {"first step of train_stage1": first}


def seconds(program: str) -> float:
    """From the start of a process to the end of what it runs; leaving is not counted."""
    return until_printed(["-c", f"{program}\n{CLOCK}"])


def until_printed(arguments: list[str]) -> float:
    """From the start of a process of Python to the moment that it prints; both read the clock of the system."""
    environment = harness.importing()
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=True, env=environment
    )
    return float(done.stdout.splitlines()[-1]) - start


def drop_caches() -> None:
    """Have the system read files from disk again."""
    os.sync()
    DROP_CACHES.write_text("3\n")


def measured(found: dict[str, str], rounds: int, cold: bool) -> list[dict[str, Any]]:
    """Values of a record for each program, all of them once a round."""
    times: dict[str, list[float]] = {name: [] for name in found}
    for number in range(rounds):
        for name, program in found.items():
            if cold:
                drop_caches()
            times[name].append(seconds(program))
        print(f"round {number + 1}/{rounds} done")
    return [_values(name, "cold" if cold else "warm", each) for name, each in times.items()]


def jobs(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Values of a record for whole jobs of one Snakemake, the first left out."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(600, 10)).astype(np.float32), np.repeat(np.arange(10), 60)
    npz.save(folder / "logits.npz", {"last": logits, "best": logits, "labels": labels})
    long_tail.save(folder / "subset.json", long_tail.natural(labels, 10))
    script = ROOT / "workflow_scripts" / "evaluate.py"
    files.write_text(folder / "Snakefile", JOB.format(rounds=rounds + 1, script=script))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", "--workflow-profile", "none"]
    subprocess.run(command, cwd=folder, check=True)
    with open(folder / "evaluate.tsv", newline="") as table:
        times = [float(row["s"]) for row in csv.DictReader(table, delimiter="\t")]
    return [_values("a whole job of evaluate", "warm", times[1:])]


def forked(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Values of a record for scripts that import torch in a fork; the first, which starts the server, is left out."""
    forks.allow()
    script = folder / "forked.py"
    script.write_text(f"from longtail.runtime import forks\nforks.pass_on(['torch'])\nimport torch\n{CLOCK}")
    times = [until_printed([str(script)]) for _ in range(rounds + 1)]
    return [_values("import torch in a fork", "warm", times[1:])]


def _values(name: str, cache: str, times: list[float]) -> dict[str, Any]:
    return {"contestant": name, "cache": cache, "rounds": len(times), **records.spread("seconds", times)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="runs of each program (default: %(default)s)")
    parser.add_argument(
        "--cold", action="store_true", help="also with the system's file cache emptied before each run"
    )
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/startup.json")
    options = parser.parse_args()
    if options.cold and not os.access(DROP_CACHES, os.W_OK):
        parser.error(f"--cold has to write {DROP_CACHES}: run as root on Linux, or leave it out")
    with tempfile.TemporaryDirectory() as folder:
        found = programs(data.save(Path(folder), "digits"))
        for program in found.values():
            seconds(program)
        values = measured(found, options.rounds, cold=False)
        if find_spec("snakemake"):
            values += jobs(Path(folder), options.rounds)
        values += forked(Path(folder), options.rounds)
        if options.cold:
            values += measured(found, options.rounds, cold=True)
    harness.finish("startup", values, options)


if __name__ == "__main__":
    main()
