import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from longtail.config.graph import Graph
from longtail.config.registry import CONFIG, merge

OF_MISLAS = {"dataset": "cifar10", "imbalance": "if100", "backbone": "resnet32", "seed": "0"}


def graph(**own: Any) -> Graph:
    return Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), own), [CONFIG / "config.yaml"])


def wildcards(**values: str) -> SimpleNamespace:
    return SimpleNamespace(**values)


@pytest.fixture(scope="module")
def cifar_table() -> Graph:
    return graph(tables=["mislas_cifar"], figures=[])


def test_targets_of_the_cifar_table(cifar_table: Graph) -> None:
    # 6 settings x {ce, mixup} x 3 seeds; the 3 methods with a Stage 2 in 6 settings x 3 seeds; scores of all 5.
    assert len(cifar_table.stage1_files()) == 6 * 2 * 3
    assert len(cifar_table.stage2_files()) == 6 * 3 * 3
    assert len(cifar_table.metrics(cifar_table.plan.runs)) == 6 * 5 * 3
    # 6 subsets, and the class counts of the 2 data sets.
    assert len(cifar_table.dataset_files()) == 6 + 2
    # SVG and PNG of: class counts of 2 data sets, curves and smoothing of 6 settings, reliability of 90 runs.
    assert len(cifar_table.figure_files()) == 2 * (2 + 6 + 6 + 90)
    assert len(cifar_table.table_files()) == 4


def test_no_target_is_listed_twice(cifar_table: Graph) -> None:
    files = [
        *cifar_table.figure_files(),
        *cifar_table.table_files(),
        *cifar_table.stage1_files(),
        *cifar_table.stage2_files(),
    ]

    assert max(Counter(files).values()) == 1


def test_three_stage2s_stand_on_one_mixup_network(cifar_table: Graph) -> None:
    runs = [
        cifar_table.run_of(wildcards(**OF_MISLAS, method=method)) for method in ("crt_mixup", "lws_mixup", "mislas")
    ]

    assert len({run.folder for run in runs}) == 1
    assert (
        cifar_table.provenance(runs)[-1] == "results/runs/cifar10/if100/resnet32/mixup/seed0/stage1/provenance.json"
    )
    assert len(cifar_table.provenance(runs)) == 4


def test_a_one_stage_method_is_scored_on_its_features(cifar_table: Graph) -> None:
    folder = "results/runs/cifar10/if100/resnet32/mixup/seed0"
    of_mixup = wildcards(**OF_MISLAS, stage1="mixup")

    assert cifar_table.logits(wildcards(**vars(of_mixup), method="mixup")) == f"{folder}/features.npz"
    assert cifar_table.logits(wildcards(**vars(of_mixup), method="mislas")) == f"{folder}/mislas/logits.npz"


def test_parameters_are_json_with_sorted_keys(cifar_table: Graph) -> None:
    """Equal settings are equal text, whatever order their YAML has."""
    for text in (
        cifar_table.stage1(wildcards(**OF_MISLAS, stage1="ce")),
        cifar_table.stage2(wildcards(**OF_MISLAS, method="mislas")),
        cifar_table.table(wildcards(table="mislas_cifar")),
        cifar_table.source(wildcards(dataset="cifar10")),
    ):
        assert text == json.dumps(json.loads(text), sort_keys=True)


def test_the_order_of_keys_in_a_persons_file_changes_no_parameter(cifar_table: Graph) -> None:
    recipe = yaml.safe_load((CONFIG / "recipes.yaml").read_text())["MiSLAS-S1"]
    turned = graph(tables=["mislas_cifar"], figures=[], recipes={"MiSLAS-S1": dict(reversed(recipe.items()))})

    assert turned.stage1(wildcards(**OF_MISLAS, stage1="ce")) == cifar_table.stage1(
        wildcards(**OF_MISLAS, stage1="ce")
    )


def test_only_what_a_job_reads_is_among_its_parameters(cifar_table: Graph) -> None:
    """Another number of confidence bins scores anew, and trains nothing."""
    finer = graph(tables=["mislas_cifar"], figures=[], evaluation={"bins": 20})
    of_ce = wildcards(**OF_MISLAS, stage1="ce", method="mislas")

    assert finer.evaluation(of_ce) != cifar_table.evaluation(of_ce)
    for answer in ("stage1", "stage2", "features", "long_tail", "source"):
        assert getattr(finer, answer)(of_ce) == getattr(cifar_table, answer)(of_ce)


def test_features_depend_on_no_recipe(cifar_table: Graph) -> None:
    longer = graph(tables=["mislas_cifar"], figures=[], recipes={"MiSLAS-S1": {"epochs": 201}})
    of_ce = wildcards(**OF_MISLAS, stage1="ce")

    assert longer.stage1(of_ce) != cifar_table.stage1(of_ce)
    assert longer.features(of_ce) == cifar_table.features(of_ce)


def test_the_code_of_a_job_counts_the_parts_its_settings_name(cifar_table: Graph) -> None:
    codes = {
        method: cifar_table.code("train_stage2", wildcards(**OF_MISLAS, method=method))
        for method in ("crt_mixup", "lws_mixup", "mislas")
    }

    assert codes["crt_mixup"] == codes["lws_mixup"] != codes["mislas"]


def test_subsets_run_from_balanced_to_most_imbalanced() -> None:
    whole = graph()

    assert [Path(path).parent.name for path in whole.subsets("cifar10")] == ["if1", "if10", "if50", "if100"]
    assert json.loads(whole.subset_labels("cifar10")) == {
        "title": "CIFAR-10",
        "series": ["balanced", "factor 10", "factor 50", "factor 100"],
    }


def test_titles_are_words(cifar_table: Graph) -> None:
    assert cifar_table.run_title(wildcards(**OF_MISLAS, method="mislas")) == "MiSLAS on CIFAR-10, factor 100, seed 0"
    assert cifar_table.imbalance_label("cifar10", "if1") == "CIFAR-10, balanced"
    assert cifar_table.imbalance_label("cifar10", "natural") == "CIFAR-10, natural imbalance"


def test_a_comparison_without_a_run_is_not_drawn(tmp_path: Path) -> None:
    figure = {
        "title": "x",
        "dataset": "places_lt",
        "factor": "natural",
        "backbone": "resnet152",
        "panels": [{"method": "ce"}],
    }
    (tmp_path / "empty.yaml").write_text(yaml.safe_dump(figure))

    assert graph(tables=["mislas_places_lt"], figures=[str(tmp_path / "empty.yaml")]).figure_files() == []


def test_contents_of_a_data_set_of_lists_are_those_of_its_lists(tmp_path: Path) -> None:
    held = {"data_dir": str(tmp_path)}
    for key in ("train_list", "test_list"):
        (tmp_path / key).write_text("a/1.jpg 0\nb/1.jpg 1\n")
        held[key] = str(tmp_path / key)
    of_imagenet = wildcards(dataset="imagenet_lt")
    contents = graph(tables=["mislas_imagenet_lt"], figures=[], datasets={"imagenet_lt": held}).contents

    seen = [contents(of_imagenet)]
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.jpg").touch()
    assert contents(of_imagenet) == seen[0]
    for key in ("train_list", "test_list"):
        (tmp_path / key).write_text("a/1.jpg 0\nb/2.jpg 1\n")
        seen.append(contents(of_imagenet))
    assert len(set(seen)) == 3


@pytest.mark.parametrize(("device", "expected"), [("cpu", 0), ("cuda", 1)])
def test_only_training_on_a_gpu_waits_for_one(device: str, expected: int) -> None:
    assert graph(tables=["mislas_cifar"], figures=[], compute={"device": device}).gpus == expected
