"""What Snakemake itself makes of the shipped configuration, without running anything."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.workflow.command import jobs, snakemake

from longtail.config.plan import NETWORK
from longtail.config.registry import CONFIG, merge
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.overview.jobs import listed

SMOOTHED = ("mislas", "re_crt_las", "re_lws_las")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], list[str]]:
    """A writer of configurations; gives the arguments to run one."""

    def write(text: str) -> list[str]:
        (tmp_path / "mine.yaml").write_text(text)
        return ["-n", "--configfile", "mine.yaml"]

    return write


def test_jobs_of_the_cifar_table(tmp_path: Path, configured: Callable[[str], list[str]]) -> None:
    code, output = snakemake(tmp_path, *configured("{tables: [mislas_cifar], figures: []}"))

    assert code == 0, output
    assert jobs(output) == {
        "download": 2,  # CIFAR-10 and CIFAR-100
        "build_arrays": 2,
        "build_long_tail": 6,  # 2 data sets x factors 100, 50, 10
        "train_stage1": 90,  # 6 settings x {ce, mixup, ldam_drw, bbn, remix_drw} x 3 seeds
        "extract_features": 90,  # one for each network
        "train_stage2": 54,  # 6 settings x {crt_mixup, lws_mixup, mislas} x 3 seeds
        "evaluate": 144,  # 90 networks as they are, 54 after Stage 2
        "make_table": 1,
        "draw_class_counts": 2,
        "draw_training_curves": 6,
        "draw_smoothing": 6,  # mislas is in each setting
        "draw_reliability_overview": 6,
        "all": 1,
    }


def test_one_mixup_network_serves_its_three_stage2s(tmp_path: Path, configured: Callable[[str], list[str]]) -> None:
    folder = "results/runs/cifar100/if50/resnet32/mixup/seed1"
    methods = ("crt_mixup", "lws_mixup", "mislas")
    wanted = [f"{folder}/{method}/metrics.json" for method in methods]

    code, output = snakemake(tmp_path, *wanted, *configured("{tables: [mislas_cifar], figures: []}"))

    assert code == 0, output
    assert jobs(output) == {
        "download": 1,
        "build_arrays": 1,
        "build_long_tail": 1,
        "train_stage1": 1,
        "extract_features": 1,
        "train_stage2": 3,
        "evaluate": 3,
    }
    for method in methods:
        (reason,) = re.findall(rf"Stage 2: train {method} on .*\nReason: (.*)", output)
        assert f"{folder}/stage1/last.pt" in reason
        assert f"{folder}/features.npz" in reason


def test_the_default_configuration_lists_its_whole_grid(
    tmp_path: Path, configured: Callable[[str], list[str]]
) -> None:
    default = (CONFIG / "config.yaml").read_text()
    graph = Graph.of(yaml.safe_load(default), [CONFIG / "config.yaml"])
    runs, settings = graph.plan.runs, graph.plan.settings
    described = {(name, factor) for name in ("cifar10", "cifar100") for factor in ("if10", "if200")}

    code, output = snakemake(tmp_path, *configured(default))

    assert code == 0, output
    assert jobs(output) == {
        "download": 3,  # CIFAR-10, CIFAR-100 and the titles
        "build_arrays": 3,
        "build_long_tail": len({(s.dataset, s.imbalance) for s in settings} | described),
        "train_stage1": len({t for t in graph.plan.trainings if t.block == NETWORK}),
        "extract_features": len({run.folder for run in runs}),
        "train_stage2": sum(run.classifier is not None for run in runs),
        "adjust_classifier": sum(run.post_hoc for run in runs),
        "project_features": 1,  # of the first seed
        "evaluate": len(runs),
        "make_table": len(graph.plan.tables),
        "make_statistics": 1,
        "draw_class_counts": 3,
        "draw_training_curves": len(settings),
        "draw_smoothing": sum(any(r.method in SMOOTHED for r in runs if r.setting == s) for s in settings),
        "draw_reliability_overview": len(settings),
        "draw_comparison": 3,
        "draw_similarity": 1,
        "draw_projection": 1,
        "draw_probabilities": 1,
        "all": 1,
    }
    # MiSLAS's table: 8 methods in 6 settings; cRT, LWS in 2 of them, CE on 2 balanced sets; 3 seeds.
    assert len(runs) >= 3 * (6 * 8 + 2 * 2 + 2)
    assert counted(graph) == jobs(output)


def counted(graph: Graph) -> dict[str, int]:
    """Number of jobs of each rule as the overviews count them, with the target."""
    found = listed(graph, costs.trainings(graph, graph.plan.runs))
    return Counter(job.rule for job in found) | {"all": 1}


def test_the_overviews_count_the_jobs_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [CONFIG / "config.yaml", CONFIG / "demo.yaml"]
    default, demo = (yaml.safe_load(file.read_text()) for file in files)

    code, output = snakemake(tmp_path, "-n", "--configfile", str(files[1]))

    assert code == 0, output
    assert counted(Graph.of(merge(default, demo), files)) == jobs(output)
