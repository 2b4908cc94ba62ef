"""A run is a chain of trainings: what stands on what, and what of it a configuration can say."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests import elsewhere
from tests.graph.test_graph import graph

from longtail.config import chain, needs
from longtail.config.registry import Registry
from longtail.graph import costs
from longtail.graph.graph import Graph
from longtail.graph.packs import Packs
from longtail.runtime.errors import InputError

ON = {"dataset": "cifar10", "imbalance": "if100", "backbone": "resnet32"}
RUNS = "cifar10/if100/resnet32"
FIRST = {"label": "First", "paper": "baseline", "extends": "ce"}
SECOND = {"label": "Second", "paper": "baseline", "extends": "ldam", "stage1": {"networks": {"start": "first"}}}
THIRD = {"label": "Third", "paper": "baseline", "extends": "ce", "stage1": {"networks": {"start": "second"}}}
ON_THIRD = {"label": "cRT", "paper": "baseline", "extends": "crt", "stage1": "third"}
METHODS = {"first": FIRST, "second": SECOND, "third": THIRD, "crt_third": ON_THIRD}


def built(tmp_path: Path, *rows: str, methods: dict[str, Any] | None = None, **own: Any) -> Graph:
    """A graph of rows on CIFAR-10 at factor 100 with the methods above, of which `methods` replaces some."""
    table = {"title": "T", "columns": [{"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(table | {"rows": [{"method": row} for row in rows]}))
    asked = {"tables": [str(tmp_path / "own.yaml")], "figures": [], "methods": METHODS | (methods or {})}
    return graph(**asked | {"seeds": {"runs": [3]}} | own)


def test_a_method_trains_exactly_the_networks_that_it_requires(tmp_path: Path) -> None:
    made = built(tmp_path, "crt_third")

    (run,) = made.plan.runs
    folders = [f"{RUNS}/{name}/seed3/stage1" for name in ("first", "second", "third")]
    assert [training.folder for training in run.trainings] == [*folders, f"{RUNS}/third/seed3/crt_third"]
    assert made.targets.stage1() == [f"results/runs/{folder}/last.pt" for folder in folders]
    assert made.inputs.metrics(made.plan.runs) == [f"results/runs/{RUNS}/third/seed3/crt_third/metrics.json"]
    assert len(made.inputs.provenance([run])) == 4
    jobs = {job.folder: job for job in costs.trainings(made, made.plan.runs)}
    assert jobs[folders[1]].networks == (folders[0],)
    assert jobs[run.trainings[-1].folder].networks == (folders[2],)


def test_a_job_reads_the_networks_of_its_own_seed(tmp_path: Path) -> None:
    made = built(tmp_path, "third", seeds={"runs": [3, 4]})

    for seed in ("3", "4"):
        w = SimpleNamespace(**ON, stage1="third", method="third", seed=seed)
        assert made.inputs.networks(w) == [f"results/runs/{RUNS}/second/seed{seed}/stage1/last.pt"]
        assert json.loads(made.parameters.stage1(w))["networks"] == {"start": "second"}
    assert made.inputs.networks(SimpleNamespace(**ON, stage1="first", method="first", seed="3")) == []


def test_curves_and_features_are_of_networks_that_a_table_shows(tmp_path: Path) -> None:
    made = built(tmp_path, "second")

    drawn = made.figures["training_curves"].inputs(SimpleNamespace(**ON))

    assert drawn["histories"] == [f"results/runs/{RUNS}/second/seed3/stage1/history.csv"]


def test_an_imported_network_reads_no_other_networks(tmp_path: Path) -> None:
    w = SimpleNamespace(**ON, stage1="second", method="second", seed="3")
    source = elsewhere.trained(tmp_path / "far", json.loads(built(tmp_path, "third").parameters.stage1(w)))
    line = {f"{RUNS}/second/seed3": {"source": str(source), "sha256": "0" * 64}}

    made = built(tmp_path, "third", stage1=line)

    assert [training.method for training in made.plan.runs[0].trainings] == ["second", "third"]
    # Its line, and a line of what it once stood on, may stay where they are.
    assert set(chain.networks(made.plan)) == {f"{RUNS}/{name}/seed3" for name in ("first", "second", "third")}


def test_what_shares_a_network_shares_a_pack(tmp_path: Path) -> None:
    other = {"label": "Other", "paper": "baseline", "extends": "ce", "stage1": {"networks": {"start": "first"}}}
    made = built(tmp_path, "third", "other", "mixup", methods={"other": other}, compute={"pack": 1})

    packs = [{run.method for run in runs} for runs in Packs(made, {}, []).runs.values()]

    assert sorted(packs, key=len) == [{"mixup"}, {"third", "other"}]


def continuing(start: str, **stage1: Any) -> dict[str, Any]:
    """A second method that takes over the whole network of another."""
    networks = {"networks": {"start": start}} if start else {}
    return SECOND | {"extends": "ce", "stage1": {"algorithm": {"name": "continued"}} | networks | stage1}


def test_a_training_goes_on_from_a_whole_network(tmp_path: Path) -> None:
    made = built(tmp_path, "second", methods={"second": continuing("first")})

    assert [training.method for training in made.plan.runs[0].trainings] == ["first", "second"]


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (continuing(""), "lacks the key 'stage1.networks.start': algorithm 'continued' reads a finished network"),
        (
            continuing("ldam"),
            "takes the whole network of 'ldam', whose classifier is another one: name a method",
        ),
        (continuing("rotation"), "takes the whole network of 'rotation', whose classifier is another one"),
        (continuing("first", head={"name": "cosine", "scale": 30.0}), "learns the classes with the head cosine"),
    ],
)
def test_a_whole_network_that_cannot_be_taken_over_is_refused(
    tmp_path: Path, second: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        built(tmp_path, "second", methods={"second": second})


def test_what_is_made_in_memory_has_no_form_for_images_in_files(shipped: Registry) -> None:
    for name, runs in (("mixup_bot320", True), ("bag_of_tricks_cam", False), ("smote", False), ("rotation", False)):
        assert needs.runs_on_form(shipped, "imagenet_lt", "resnet10", name) is runs
        assert needs.runs_on_form(shipped, "cifar10", "resnet32", name)


def test_what_a_read_network_needs_is_needed(tmp_path: Path) -> None:
    made = built(tmp_path, "second", methods={"first": FIRST | {"stage1": {"backbones": {"resnet50": "resnet50"}}}})

    (cell,) = (cell for table in made.plan.tables.values() for cell in table.cells)
    assert cell.runs == []
    assert cell.needs is not None
    assert "(for 'first', whose network it reads)" in cell.needs


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"first": FIRST | {"stage1": {"networks": {"start": "third"}}}},
            "reads the network of '.*' in turn",
        ),
        (
            {"first": FIRST | {"stage1": {"networks": {"start": "first"}}}},
            "'first' reads the network of 'first' in turn",
        ),
        ({"second": SECOND | {"stage1": {"networks": {"start": "crt"}}}}, "'crt' is not a one-stage method"),
        ({"second": SECOND | {"stage1": {"networks": {"start": "oltr"}}}}, "'oltr' is not a one-stage method"),
        ({"second": SECOND | {"stage1": {"networks": {"start": "frist"}}}}, "did you mean 'first'"),
        ({"second": SECOND | {"stage1": {"networks": {"begin": "first"}}}}, "unknown role 'begin'"),
        ({"second": SECOND | {"stage1": {"networks": {}}}}, "networks"),
        (
            {"first": FIRST | {"stage1": {"backbones": {"resnet32": "bbn_resnet32"}}}},
            "'first' trains bbn_resnet32 and 'second' resnet32: set stage1.backbones alike",
        ),
    ],
)
def test_a_chain_that_cannot_be_is_refused(tmp_path: Path, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        built(tmp_path, "second", methods=changed)


def test_a_guide_is_shared_with_the_method_that_trains_it(tmp_path: Path) -> None:
    made = built(tmp_path, "ce_ldam", "m2m")

    folders = [f"{RUNS}/{name}/seed3/stage1" for name in ("ce_ldam", "m2m")]
    jobs = {job.folder: job for job in costs.trainings(made, made.plan.runs)}
    assert sorted(jobs) == folders
    assert jobs[folders[1]].networks == (folders[0],)
    # The training of the guide is not counted again.
    assert jobs[folders[1]].step == costs.declared("m2m") > 1


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ({"guide": "rotation"}, "'rotation' does not predict the classes: name a method that does"),
        ({"guide": "ldam"}, "'ldam' has the head 'cosine', but a method on a finished network requires a linear one"),
        ({"guid": "ce_ldam"}, "unknown role 'guid': did you mean 'guide'"),
    ],
)
def test_a_guide_that_does_not_classify_alike_is_refused(
    tmp_path: Path, networks: dict[str, str], sentence: str
) -> None:
    mine = {"label": "Mine", "paper": "baseline", "extends": "m2m", "stage1": {"networks": networks}}

    with pytest.raises(InputError, match=sentence):
        built(tmp_path, "mine", methods={"mine": mine})
