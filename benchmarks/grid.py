"""The whole grid of the papers on images as Snakemake plans it, with stand-ins for the lists of the large sets.

A plan reads the lists of a data set and no image, so that lists of as many lines as the true ones make the same jobs.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yte

from longtail.config import schema
from longtail.config.registry import CONFIG, merge
from longtail.graph.graph import Graph
from longtail.runtime import files
from longtail.runtime.fingerprint import ROOT

# Training images, classes and test images, as config/datasets says them.
LARGE = {
    "imagenet_lt": (115_846, 1000, 50_000),
    "places_lt": (62_500, 365, 36_500),
    "inaturalist2018": (437_513, 8142, 24_426),
}
# Its networks have no speed that was cited or measured on a GPU; beside the others they take next to nothing.
TEXT = "ladc_text"
NODE = re.compile(r'\s*(\d+)\[label = "(.*?)"')
EDGE = re.compile(r"\s*(\d+) -> (\d+)$")


@dataclass(frozen=True)
class Node:
    """A job of Snakemake's: its rule, wildcards, the jobs it needs, and the data sets that it or they are about."""

    name: str
    rule: str
    wildcards: dict[str, str]
    needs: tuple[str, ...]
    datasets: frozenset[str]


def stand_ins(folder: Path) -> dict[str, Any]:
    """Write lists, and weights of no bytes, into a folder; the configuration that names them, with jobs on GPUs."""
    datasets = {}
    for name, (train, classes, test) in LARGE.items():
        for split, images in (("train", train), ("test", test)):
            files.write_text(folder / f"{name}_{split}.txt", "".join(_lines(images, classes)))
        datasets[name] = {"data_dir": str(folder)} | {
            f"{split}_list": str(folder / f"{name}_{split}.txt") for split in ("train", "test")
        }
    files.write_text(folder / "weights.pth", "")
    datasets["places_lt"]["pretrained"] = str(folder / "weights.pth")
    asked = schema.read_yaml(CONFIG / "config.yaml")["tables"]
    return {"datasets": datasets, "tables": [name for name in asked if name != TEXT], "compute": {"device": "cuda"}}


def graph(config: dict[str, Any]) -> Graph:
    """The plan of config/config.yaml with another configuration laid upon it."""
    default = CONFIG / "config.yaml"
    return Graph.of(merge(schema.read_yaml(default), config), [default])


def snakemake(folder: Path, config: dict[str, Any], *arguments: str) -> str:
    """What Snakemake prints in a folder, which has no results yet, under a configuration laid upon the default."""
    # JSON is YAML.
    files.write_json(folder / "config.json", config)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments]
    command += ["--configfile", "config.json"]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


def profile(name: str) -> dict[str, Any]:
    """A profile of the project, as Snakemake reads it."""
    with (ROOT / "profiles" / name / "profile.yaml").open() as stream:
        read: dict[str, Any] = yte.process_yaml(stream, require_use_yte=True)
    return read


def local_rules() -> set[str]:
    """The rules whose jobs run where Snakemake does, and the targets, which run nowhere."""
    found = {"all"}
    for source in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", source.read_text(), flags=re.MULTILINE)[1:]:
            if "    localrule: True\n" in rule:
                found.add(rule.split(":")[0])
    return found


def nodes(dot: str) -> list[Node]:
    """The jobs of what `snakemake --dag` prints, in its order, without the target that only collects them.

    A job's label has no wildcard that a job it needs has already: it is found there.
    """
    labels = {number: label.split("\\n") for number, label in NODE.findall(dot)}
    needs: dict[str, list[str]] = {number: [] for number in labels}
    for line in dot.splitlines():
        if edge := EDGE.match(line):
            needs[edge[2]].append(edge[1])
    found: dict[str, Node] = {}
    for number in TopologicalSorter(needs).static_order():
        rule, *own = labels[number]
        before = [found[need] for need in needs[number]]
        told = dict(text.split(": ", 1) for text in own)
        wildcards = _agreed(before) | told
        below = frozenset(dataset for node in before for dataset in node.datasets)
        datasets = below | ({told["dataset"]} if "dataset" in told else set())
        name = " ".join([rule, *(f"{key}={value}" for key, value in sorted(wildcards.items()))])
        found[number] = Node(name, rule, wildcards, tuple(node.name for node in before), datasets)
    return [found[number] for number in labels if found[number].rule != "all"]


def _agreed(found: list[Node]) -> dict[str, str]:
    """Wildcards of which no two jobs have different values."""
    values: dict[str, set[str]] = {}
    for node in found:
        for key, value in node.wildcards.items():
            values.setdefault(key, set()).add(value)
    return {key: each.pop() for key, each in values.items() if len(each) == 1}


def _lines(images: int, classes: int) -> Iterator[str]:
    return (f"{number}.jpg {number % classes}\n" for number in range(images))
