from pathlib import Path
from typing import Any

import pytest
import yaml

from longtail.config.registry import CONFIG, merge
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.overview import jobs, plan

UNTIMED = [
    "Not yet timed here: resnet32 at 32x32.",
    "`make benchmark` times ResNet-32; the first finished training of a kind times that kind.",
]


def test_what_a_table_takes_on_a_measured_machine(tree: Any, shown: Any) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 200.0})

    lines = plan.lines(tree.graph, tree.machine())

    # Both Stage 1s take 24,812 s beside each other; the Stage 2 comes after one of them: (125,440 / 3) / 100 = 418 s.
    expected = ["0 / 2", "0 / 1", "4,962,400", "125,440", "7.0 h"]
    rows = shown(lines)
    assert rows["own"] == ["2 / 3", *expected]
    assert rows["all, shared ones once"] == expected
    assert "in figures only" not in rows
    assert "Here: Old Processor, 2 cores; 2 trainings side by side." in lines
    assert "1 cell cannot run yet: their tables say what they need." in lines


def test_what_is_done_is_not_to_do(tree: Any, shown: Any, gone: Any) -> None:
    tree.finish(tree.MIXUP)
    tree.run(tree.CE, pid=gone)
    tree.save(tree.CE)

    rows = shown(plan.lines(tree.graph, tree.machine(side_by_side=1)))

    # 150 of 200 epochs of CE at the 100 images/s of mixup's, and MiSLAS: 18,609 s and 418 s.
    assert rows["own"] == ["2 / 3", "1 / 2", "0 / 1", "1,860,900", "125,440", "5.3 h"]


def test_an_imported_stage1_is_nothing_to_train(tree: Any, shown: Any, taken: Any) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 200.0})
    taken(tree.CE)

    lines = plan.lines(tree.graph, tree.machine())

    # That of mixup and the Stage 2 after it: 24,812 s and 418 s.
    assert shown(lines)["own"] == ["2 / 3", "1 / 2", "0 / 1", "2,481,200", "125,440", "7.0 h"]
    assert "Imported, with nothing to train: 1 Stage 1." in lines


def test_nothing_to_do_takes_no_time(tree: Any, shown: Any) -> None:
    for folder in (tree.CE, tree.MIXUP, tree.MISLAS):
        tree.finish(folder)

    rows = shown(plan.lines(tree.graph, tree.machine()))

    assert rows["all, shared ones once"] == ["2 / 2", "1 / 1", "0", "0", "-"]
    assert not any("Imported" in line for line in plan.lines(tree.graph, tree.machine()))


def test_an_unmeasured_machine_gets_passes_without_hours(tree: Any, shown: Any) -> None:
    lines = plan.lines(tree.graph, tree.machine())

    assert shown(lines)["own"] == ["2 / 3", "0 / 2", "0 / 1", "4,962,400", "125,440", "?"]
    assert set(UNTIMED) <= set(lines)


def test_jobs_that_train_nothing_come_on_top_as_they_were_timed(tree: Any) -> None:
    tree.make_all()
    for job in tree.jobs():
        if job.rule in ("evaluate", "draw_reliability_overview"):
            Path(job.outputs[0]).unlink()
        if job.rule == "evaluate":
            tree.record(job, 30.0)
    note = "On top come 3 other jobs (reading data, extracting features, scoring, drawing): "

    said = _text(plan.lines(tree.graph, tree.machine()))

    assert f"{note}more than 30 s. Jobs not yet timed here, and not counted: 1 draw_reliability_overview." in said
    for job in tree.jobs():
        tree.record(job, 31.0)
    assert f"{note}about 46 s." in _text(plan.lines(tree.graph, tree.machine()))


def _text(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def test_the_start_of_a_training_is_part_of_its_time(tree: Any, shown: Any) -> None:
    tree.make_all()
    for job in tree.jobs():
        if job.training:
            tree.record(job, 10.0 + 3600.0)
    Path("results/runs", tree.CE, "last.pt").unlink()

    # 2,481,200 images at 100 a second, and an hour.
    assert shown(plan.lines(tree.graph, tree.machine()))["own"][-1] == "7.9 h"


def test_trainings_on_cached_features_take_what_others_took(tree: Any, shown: Any) -> None:
    asked = {"tables": ["digits"], "figures": [], "seeds": {"runs": [0]}, "compute": {"device": "cpu"}}
    graph = Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), asked), [])
    found = {t.folder: t for t in costs.trainings(graph, graph.plan.runs)}
    cached = [job for job in jobs.listed(graph, found.values()) if job.training and job.training.work == 0]
    assert len(cached) == 10
    assert any(f"{len(cached)} train_stage2" in line for line in plan.lines(graph, tree.machine()))
    tree.record(cached[0], 60.0)

    lines = plan.lines(graph, tree.machine())

    # What passes images has no speed yet.
    assert shown(lines)["digits"][-1] == "5 min + ?"
    assert not any("train_stage2" in line for line in lines)


def test_a_shared_stage1_belongs_to_each_table_and_counts_once(tree: Any, shown: Any, tmp_path: Path) -> None:
    other = {"title": "x", "columns": [{"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}]}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**other, "rows": [{"method": "crt_mixup"}]}))
    figure = {"title": "x", "dataset": "cifar10", "factor": 1, "backbone": "resnet32", "panels": [{"method": "ce"}]}
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(figure))
    asked = {"tables": ["own.yaml", "other.yaml"], "figures": ["drawn.yaml"], "seeds": {"runs": [0]}}
    graph = Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), asked), [])

    rows = shown(plan.lines(graph, tree.machine()))

    assert rows["own"][1:5] == ["0 / 2", "0 / 1", "4,962,400", "125,440"]
    assert rows["other"][1:5] == ["0 / 1", "0 / 1", "2,481,200", "125,440"]
    assert rows["in figures only"] == ["0 / 1", "-", "10,000,000", "-", "?"]
    assert rows["all, shared ones once"][:4] == ["0 / 3", "0 / 2", "14,962,400", "250,880"]


def test_dearer_steps_take_longer_and_are_named(tree: Any, shown: Any, tmp_path: Path) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 200.0})
    columns = [{"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}]
    (tmp_path / "dear.yaml").write_text(
        yaml.safe_dump({"title": "x", "columns": columns, "rows": [{"method": "bbn"}]})
    )
    asked = {"tables": ["dear.yaml"], "figures": [], "seeds": {"runs": [0]}}
    asked["compute"] = {"device": "cpu", "precision": "float32"}
    graph = Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), asked), [])

    lines = plan.lines(graph, tree.machine())

    # 200 epochs of 12,288 images, each two passes long, at 100 a second.
    assert shown(lines)["dear"] == ["1 / 1", "0 / 1", "-", "2,457,600", "-", "13.7 h"]
    assert "Passes of these algorithms take longer by the factor that they declare: bbn 2." in lines


def test_claims_are_a_table_that_takes_trainings(tree: Any, shown: Any, tmp_path: Path) -> None:
    claim = {"claim": "it is better", "metric": "top1", "better": "crt_mixup", "than": ["mixup", "oltr"]}
    setting = {"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}
    (tmp_path / "said.yaml").write_text(
        yaml.safe_dump({"kind": "claims", "title": "x", **setting, "claims": [claim]})
    )
    asked = {"tables": ["said.yaml"], "figures": [], "seeds": {"runs": [0]}}
    graph = Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), asked), [])

    lines = plan.lines(graph, tree.machine())

    assert shown(lines)["said"][:3] == ["2 / 3", "0 / 1", "0 / 1"]
    assert "in figures only" not in shown(lines)
    assert "1 cell cannot run yet: their tables say what they need." in lines


def test_a_table_that_cannot_run_is_empty(tree: Any, shown: Any) -> None:
    graph = Graph.of({"tables": ["mislas_places_lt"], "figures": []}, [])

    assert shown(plan.lines(graph, tree.machine()))["mislas_places_lt"] == ["0 / 7", "-", "-", "-", "-", "-"]


def unknown(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the number of images of a data set be unknown."""
    known = costs.images
    monkeypatch.setattr(
        costs, "images", lambda registry, setting: None if setting.dataset == dataset else known(registry, setting)
    )


def test_an_unknown_number_of_images_is_reported(tree: Any, shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 200.0})
    unknown("cifar10", monkeypatch)

    lines = plan.lines(tree.graph, tree.machine())

    assert shown(lines)["own"] == ["2 / 3", "0 / 2", "0 / 1", "0 + ?", "0 + ?", "?"]
    assert "The number of images is unknown until the data are read (snakemake datasets): cifar10 if100." in lines


def test_what_is_known_is_shown_beside_what_is_not(tree: Any, shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.benchmark({"processes": 2, "images_per_second": 200.0})
    graph = Graph.of({"tables": ["own.yaml", "digits"], "figures": [], "seeds": {"runs": [0]}}, [])
    unknown("digits", monkeypatch)

    rows = shown(plan.lines(graph, tree.machine()))

    # The Stage 2s of the digits are known to pass no image, however many there are.
    assert rows["all, shared ones once"] == ["0 / 6", "0 / 11", "4,962,400 + ?", "125,440", "7.0 h + ?"]


def test_outputs_of_other_code_are_reported(tree: Any) -> None:
    tree.finish(tree.CE, code="000000000000")

    assert (
        plan.lines(tree.graph, tree.machine())[-1] == "To be trained again, since settings or code have changed: 1."
    )


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml"])
def test_the_configurations_fit_a_terminal(tree: Any, name: str) -> None:
    files = [CONFIG / "config.yaml", CONFIG / name]
    config = {}
    for file in files:
        config = merge(config, yaml.safe_load(file.read_text()))

    lines = plan.lines(Graph.of(config, files), tree.machine())

    assert max(map(len, lines)) <= 100


def test_small_trainings_share_a_gpu_and_larger_ones_do_not(tree) -> None:
    here = {"accelerator": "NVIDIA H200", "side_by_side": 16}
    machine = tree.machine(**here, jobs_per_gpu=8, side_by_side_alone=2)
    assert "Here: NVIDIA H200; 16 small trainings side by side, of others 2." in plan.lines(tree.graph, machine)
    unknown = tree.machine(accelerator="NVIDIA H200", side_by_side=2, side_by_side_alone=2, is_measured=False)
    expected = "Here: NVIDIA H200; 2 trainings side by side. The first run measures how many small ones share a GPU."
    assert expected in plan.lines(tree.graph, unknown)
