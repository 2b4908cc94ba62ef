"""Dry runs under the profiles that are named, of everything and of one file."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks import graph

from longtail.config import schema
from longtail.config.plan import Setting
from longtail.config.registry import CONFIG, merge
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.runtime.fingerprint import ROOT


def test_each_profile_is_timed_on_the_grid_and_on_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []

    def snakemake(folder: Path, config: dict[str, Any], *arguments: str) -> str:
        seen.append(arguments)
        return (
            "Job stats:\njob    count\ntotal  2\n\nJob stats:\ntotal  2\n" if graph.ONE in arguments else "total  9\n"
        )

    monkeypatch.setattr(graph, "snakemake", snakemake)
    values = graph.measured(tmp_path, {}, ["default", "slurm"], rounds=2)

    assert {each["contestant"]: (each["jobs"], each["rounds"]) for each in values} == {
        "the whole grid, profile default": (9, 2),
        "one file, profile default": (2, 2),
        "the whole grid, profile slurm": (9, 2),
        "one file, profile slurm": (2, 2),
    }
    assert all({"seconds", "processor_seconds_max"} <= each.keys() for each in values)
    assert all("--dry-run" in arguments for arguments in seen)
    profiles = [arguments[arguments.index("--workflow-profile") + 1] for arguments in seen]
    assert profiles.count(str(ROOT / "profiles" / "slurm")) == 4


def test_one_file_is_a_job_or_two_of_the_real_graph(tmp_path: Path) -> None:
    assert graph.count(tmp_path, {"tables": ["mislas_cifar"], "figures": []}, (graph.ONE,)) == 2


def test_every_large_data_set_runs_on_its_stand_in(tmp_path: Path) -> None:
    default = CONFIG / "config.yaml"
    config = merge(schema.read_yaml(default), graph.stand_ins(tmp_path))
    plan = Graph.of(config, [default])

    assert {setting.dataset for setting in plan.plan.settings} == {"cifar10", "cifar100", *graph.LARGE}
    for name, (train, classes, test) in graph.LARGE.items():
        # The definitions give the numbers in a comment, from the methods card.
        definition = " ".join((CONFIG / "datasets" / f"{name}.yaml").read_text().replace("#", " ").split())
        for words in (f"{classes} classes", f"{train:,} training images", f"{test:,}"):
            assert words in definition
        assert costs.images(plan.registry, Setting(name, "natural", "resnet50")) == train
        assert len((tmp_path / f"{name}_test.txt").read_text().splitlines()) == test
