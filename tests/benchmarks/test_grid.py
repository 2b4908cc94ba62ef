"""The jobs are Snakemake's, and the stand-ins have as many images as the sets."""

from collections import Counter
from pathlib import Path

import pytest
from benchmarks import estimates, grid

from longtail.config.plan import Setting
from longtail.config.registry import CONFIG
from longtail.graph import costs
from longtail.graph.graph import Graph

DOT = r"""digraph snakemake_dag {
    node[shape=box];
	0[label = "all", color = "0.02 0.6 0.85", style="rounded"];
	1[label = "make_table\ntable: t", color = "0.44 0.6 0.85", style="rounded"];
	2[label = "evaluate\nmethod: ce", color = "0.35 0.6 0.85", style="rounded"];
	3[label = "train_stage1\nseed: 0\nstage1: ce", color = "0.62 0.6 0.85", style="rounded"];
	4[label = "build_arrays\ndataset: a", color = "0.05 0.6 0.85", style="rounded,dashed"];
	5[label = "build_arrays\ndataset: b", color = "0.05 0.6 0.85", style="rounded"];
	1 -> 0
	2 -> 1
	5 -> 1
	3 -> 2
	4 -> 3
}
"""


def test_wildcards_that_a_label_leaves_out_are_those_of_what_the_job_needs() -> None:
    table, scores, training, first, second = grid.nodes(DOT)
    assert [node.rule for node in (table, scores, training)] == ["make_table", "evaluate", "train_stage1"]
    assert training.wildcards == {"dataset": "a", "stage1": "ce", "seed": "0"}
    assert scores.wildcards == training.wildcards | {"method": "ce"}
    assert (training.needs, scores.needs) == ((first.name,), (training.name,))
    assert set(table.needs) == {scores.name, second.name}
    assert (scores.datasets, table.datasets) == ({"a"}, {"a", "b"})
    # What it needs disagrees about the data set.
    assert table.name == "make_table method=ce seed=0 stage1=ce table=t"


def test_the_jobs_of_snakemake_are_the_trainings_of_the_plan(tmp_path: Path) -> None:
    config = {"tables": ["mislas_cifar"], "figures": [], "seeds": {"runs": [0]}}
    nodes = grid.nodes(grid.snakemake(tmp_path, config, "--dag", "--workflow-profile", "none"))
    plan = grid.graph(config)
    trainings = {training.folder for training in costs.trainings(plan, plan.plan.runs)}

    # As tests/workflow/test_dry_run.py has them, for one seed.
    rules = Counter(node.rule for node in nodes)
    assert {rule: rules[rule] for rule in ("train_stage1", "train_stage2", "evaluate", "make_table", "all")} == {
        "train_stage1": 30,
        "train_stage2": 18,
        "evaluate": 48,
        "make_table": 1,
        "all": 0,
    }
    assert len({node.name for node in nodes}) == len(nodes)
    assert {estimates.training_of(node) for node in nodes if node.rule.startswith("train_")} == trainings
    assert {estimates.training_of(node) for node in nodes if node.rule == "extract_features"} <= trainings
    assert {need for node in nodes for need in node.needs} <= {node.name for node in nodes}


@pytest.mark.parametrize("name", grid.LARGE)
def test_stand_ins_have_the_images_of_the_set(tmp_path: Path, name: str) -> None:
    train, classes, test = grid.LARGE[name]
    # Their definitions say the numbers in a comment, from the methods card.
    said = " ".join((CONFIG / "datasets" / f"{name}.yaml").read_text().replace("#", " ").split())
    for words in (f"{classes} classes", f"{train:,} training images", f"{test:,}"):
        assert words in said
    plan = grid.graph(grid.stand_ins(tmp_path) | {"tables": ["ladc_datasets"], "figures": []})
    assert costs.images(plan.registry, Setting(name, "natural", "resnet50")) == train
    assert len((tmp_path / f"{name}_test.txt").read_text().splitlines()) == test


def test_every_data_set_of_the_papers_runs_on_stand_ins(tmp_path: Path) -> None:
    plan = grid.graph(grid.stand_ins(tmp_path))
    assert {setting.dataset for setting in plan.plan.settings} == {"cifar10", "cifar100", *grid.LARGE}
    assert plan.resources.gpus == 1
    assert isinstance(plan, Graph)
