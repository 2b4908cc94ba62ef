"""Seconds that Snakemake takes to read the rules and to build the graph of the papers' tables and figures on images.

A dry run under each profile named: of everything, and of one small file, which every job of a cluster repeats when it
starts. A plan reads the lists of the large data sets and opens no image, so lists with the true number of lines give
the true jobs. There are no results yet, so every job has to run. Processor seconds show what the dry run takes even
where other work slows the machine down.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import harness, records

from longtail.config import schema
from longtail.config.registry import CONFIG
from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT

ONE = "results/data/cifar10/arrays.npz"
# Training images, classes and test images, as config/datasets gives them.
LARGE = {
    "imagenet_lt": (115_846, 1000, 50_000),
    "places_lt": (62_500, 365, 36_500),
    "inaturalist2018": (437_513, 8142, 24_426),
}
# Left out: the records are of the tables of images.
TEXT = "ladc_text"


def stand_ins(folder: Path) -> dict[str, Any]:
    """Write lists of the large sets and an empty file of weights; returns the configuration that names them."""
    datasets = {}
    for name, (train, classes, test) in LARGE.items():
        for split, images in (("train", train), ("test", test)):
            files.write_text(folder / f"{name}_{split}.txt", "".join(_lines(images, classes)))
        datasets[name] = {"data_dir": str(folder)} | {
            f"{split}_list": str(folder / f"{name}_{split}.txt") for split in ("train", "test")
        }
    files.write_text(folder / "weights.pth", "")
    datasets["places_lt"]["pretrained"] = str(folder / "weights.pth")
    tables = schema.read_yaml(CONFIG / "config.yaml")["tables"]
    return {"datasets": datasets, "tables": [name for name in tables if name != TEXT], "compute": {"device": "cuda"}}


def snakemake(folder: Path, config: dict[str, Any], *arguments: str) -> str:
    """The output of Snakemake in a folder without results, with a configuration that overrides the default."""
    # JSON is YAML.
    files.write_json(folder / "config.json", config)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments]
    command += ["--configfile", "config.json"]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


def count(folder: Path, config: dict[str, Any], target: tuple[str, ...]) -> int:
    """Jobs that a dry run lists."""
    output = snakemake(folder, config, *target, "--dry-run", "--quiet", "rules", *_profile("none"))
    return int(re.findall(r"^total +(\d+)", output, re.MULTILINE)[-1])


def seconds(folder: Path, config: dict[str, Any], profile: str, target: tuple[str, ...]) -> tuple[float, float]:
    """Wall seconds and processor seconds of one dry run, from the start of the process to its end."""
    start, before = time.monotonic(), _processor()
    snakemake(folder, config, *target, "--dry-run", "--quiet", *_profile(profile))
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


def _lines(images: int, classes: int) -> Iterator[str]:
    return (f"{number}.jpg {number % classes}\n" for number in range(images))


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
        config = stand_ins(Path(folder))
        found = measured(Path(folder), config, options.profiles, options.rounds)
    harness.finish("graph", found, options)


if __name__ == "__main__":
    main()
