from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from longtail.config.registry import CONFIG, merge
from longtail.graph.graph import Graph
from longtail.graph.packs import Packs
from longtail.runtime import nested


def packs(**own: Any) -> Packs:
    config = merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), {"figures": []} | own)
    return Packs(Graph.of(config, [CONFIG / "config.yaml"]), config, ["conda"])


def pack(name: str) -> SimpleNamespace:
    return SimpleNamespace(pack=name)


def test_every_run_is_in_one_pack_with_all_that_stand_on_its_network() -> None:
    found = packs(tables=["mislas_cifar"])
    runs = [run for packed in found.runs.values() for run in packed]
    assert sorted(runs) == sorted(found.graph.plan.runs)
    homes = {}
    for name, packed in found.runs.items():
        for run in packed:
            assert homes.setdefault(run.folder, name) == name


@pytest.mark.parametrize("size", [1, 3, 8, 1000])
def test_packs_are_of_one_kind_and_of_the_requested_size(size: int) -> None:
    found = packs(tables=["mislas_cifar"], compute={"pack": size})
    networks = 3 * 5 * 3
    assert len(found.runs) == 2 * -(-networks // size)
    for name, runs in found.runs.items():
        assert len({run.folder for run in runs}) <= size
        assert len({(run.setting.dataset, run.setting.backbone) for run in runs}) == 1
        assert name.startswith(f"{runs[0].setting.dataset}-{runs[0].setting.backbone}-")


def lists(folder: Path) -> dict[str, Any]:
    """Keys of a data set whose images stay in files."""
    held: dict[str, Any] = {"data_dir": str(folder)}
    for key in ("train_list", "test_list"):
        (folder / key).write_text("a/1.jpg 0\nb/1.jpg 1\n")
        held[key] = str(folder / key)
    return held


def test_data_set_in_files_has_a_training_to_a_pack(tmp_path: Path) -> None:
    found = packs(tables=["mislas_imagenet_lt"], datasets={"imagenet_lt": lists(tmp_path)})
    assert found.runs
    for runs in found.runs.values():
        assert len({run.folder for run in runs}) == 1


def test_pack_waits_for_data_that_others_read_too_and_makes_scores() -> None:
    found = packs(tables=["mislas_cifar"], seeds={"runs": [0]}, compute={"pack": 2, "threads": 2})
    name, runs = next(iter(found.runs.items()))
    settings = {run.setting for run in runs}
    expected = {f"results/data/{s.dataset}/{s.imbalance}/subset.json" for s in settings}
    assert set(found.inputs(pack(name))) == expected | {f"results/data/{runs[0].setting.dataset}/arrays.npz"}
    assert found.targets(pack(name)) == [f"results/runs/{run.metrics}" for run in runs]
    assert found.threads(pack(name)) == 2 * 2


def test_contents_change_with_the_settings_of_a_training_and_only_in_its_pack() -> None:
    before = packs(tables=["mislas_cifar"])
    after = packs(tables=["mislas_cifar"], methods={"mislas": {"stage2": {"recipe": "MiSLAS-S1"}}})
    assert before.runs.keys() == after.runs.keys()
    for name, runs in before.runs.items():
        same = before.contents(pack(name)) == after.contents(pack(name))
        assert same == all(run.method != "mislas" for run in runs)


def test_pack_is_the_same_whatever_computes_it() -> None:
    before, after = packs(tables=["mislas_cifar"]), packs(tables=["mislas_cifar"], compute={"jobs_per_gpu": 4})
    name = next(iter(before.runs))
    assert before.contents(pack(name)) == after.contents(pack(name))


@pytest.mark.parametrize(("given", "expected"), [("auto", 6), (2, 2)])
def test_all_trainings_of_a_pack_share_its_gpu_unless_a_number_is_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: Any, expected: int
) -> None:
    found, asked = packs(tables=["mislas_cifar"], compute={"jobs_per_gpu": given}), []
    monkeypatch.setattr(nested, "snakemake", lambda *arguments: asked.append(arguments))
    found.make(pack(next(iter(found.runs))), 6, tmp_path / "made.txt", tmp_path / "log")
    assert asked[0][1] == merge(found.config, {"compute": {"jobs_per_gpu": expected}})


def test_training_on_files_has_the_gpu_of_its_pack_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, asked = packs(tables=["mislas_imagenet_lt"], datasets={"imagenet_lt": lists(tmp_path)}), []
    monkeypatch.setattr(nested, "snakemake", lambda *arguments: asked.append(arguments))
    found.make(pack(next(iter(found.runs))), 6, tmp_path / "made.txt", tmp_path / "log")
    assert asked[0][1]["compute"]["jobs_per_gpu"] == "auto"
