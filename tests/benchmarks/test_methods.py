"""Which methods are timed and how their times become costs; no test looks at how fast."""

import argparse
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks import engine, methods, records
from benchmarks.harness import Heat
from benchmarks.methods import Method

from longtail.config.registry import Registry
from longtail.data import arrays
from longtail.data.forms.images import Arrays


@pytest.fixture(scope="module")
def found(shipped: Registry) -> dict[str, Method]:
    return {method.name: method for method in methods.methods(shipped)}


@pytest.fixture
def images(tmp_path: Path) -> str:
    """400 random 8x8 images of ten classes."""
    pixels = np.random.default_rng(0).integers(0, 256, (400, 8, 8, 3), dtype=np.uint8)
    labels = np.sort(np.arange(400) % 10)
    arrays.save(tmp_path / "few.npz", Arrays(pixels, labels, pixels, labels, [str(label) for label in range(10)]))
    return str(tmp_path / "few.npz")


def test_every_one_stage_method_is_timed_unless_only_its_recipe_is_its_own(
    shipped: Registry, found: dict[str, Method]
) -> None:
    one_stage = {name for name, each in shipped.methods.items() if isinstance(each.get("stage1"), dict)}

    assert next(iter(found)) == "ce"
    assert one_stage - found.keys() == {"ce_ladc", "ce_ldam"}
    assert found.keys() <= one_stage


def test_all_have_one_batch_size_and_one_thread(found: dict[str, Method]) -> None:
    assert {method.settings["recipe"]["batch_size"] for method in found.values()} == {128}
    assert {method.settings["compute"]["threads"] for method in found.values()} == {1}
    # 100 meta images beside 100 others in its own recipe.
    assert found["mcw_ldam"].settings["algorithm"]["batch_size"] == 128
    assert found["remix_drw"].epochs == 300


def test_only_an_algorithm_that_changes_its_step_has_two_phases(found: dict[str, Method]) -> None:
    phases = {name: [(each.first_epoch, each.share) for each in method.phases] for name, method in found.items()}

    for name in ("m2m", "mcw_ldam", "metasaug"):
        assert phases.pop(name) == [(1, 0.8), (161, pytest.approx(0.2))]
    assert set(map(tuple, phases.values())) == {((1, 1.0),)}


@pytest.mark.parametrize(
    ("name", "epoch", "passed"),
    [
        ("bbn", 1, 256),
        ("mcw_ldam", 161, 256),
        ("smote", 1, 128),
        ("ldam_drw_ssp", 1, 128),
        ("m2m", 161, 128),
        ("bag_of_tricks_cam", 1, 128),
    ],
)
def test_a_step_counts_the_images_of_the_set(
    found: dict[str, Method], images: str, name: str, epoch: int, passed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    seen: list[int] = []
    make = engine.steps.make

    def watched(learner: Any) -> Any:
        step = make(learner)
        return lambda batch: (seen.append(len(batch.labels)), step(batch))[1]

    monkeypatch.setattr(engine.steps, "make", watched)
    training = engine.method(images, found[name].settings, epoch)

    assert list(itertools.islice(training.steps, 1)) == [128]
    assert seen == [passed]
    assert training.facts["seconds_once"] > 0
    torch.set_num_threads(threads)


def test_a_cost_is_the_mean_over_the_epochs_of_ratios_within_a_round(found: dict[str, Method]) -> None:
    def pairs(*speeds: tuple[float, float]) -> list[tuple[Heat, Heat]]:
        facts = {"precision": "float32", "seconds_once": 0.5}
        return [(Heat(base, None, facts), Heat(own, None, facts)) for base, own in speeds]

    # 0.8·1 + 0.2·4 = 1.6, and 0.8·1 + 0.2·5 = 1.8 in a round that is slower by half.
    rounds = [pairs((128, 128), (64, 64)), pairs((128, 32), (64, 12.8))]
    whole, first, second = methods.summary(found["mcw_ldam"], rounds, found["ce"])

    assert (whole["cost"], whole["cost_min"], whole["cost_max"]) == pytest.approx((1.7, 1.6, 1.8))
    # 0.8·1 s + 0.2·4 s, and 0.8·2 s + 0.2·10 s.
    assert (whole["set_milliseconds_min"], whole["set_milliseconds_max"]) == pytest.approx((1600, 3600))
    assert (whole["runs"], whole["declared"], whole["seconds_once"]) == (pytest.approx(1.7), 1.8, 0.5)
    assert (first["contestant"], first["cost"]) == ("mcw_ldam, epochs 1 to 160", 1)
    assert (second["contestant"], second["cost_max"]) == ("mcw_ldam, epochs 161 to 200", 5)
    (longer,) = methods.summary(found["remix_drw"], [pairs((128, 128))], found["ce"])
    assert longer["runs"] == 1.5


@pytest.mark.slow
def test_methods_train_beside_ce_and_fill_a_table(
    found: dict[str, Method], images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "accelerator", lambda: "Some GPU")
    options = argparse.Namespace(rounds=1, seconds=0.1, only=["bbn"])

    made = records.stamped("methods", methods.compared(list(found.values()), images, options, warm_up=0))

    assert [(each["contestant"], each["accelerator"], each["threads"]) for each in made] == [
        ("ce", None, 1),
        ("bbn", None, 1),
    ]
    assert [each["backbone"] for each in made] == ["resnet32", "bbn_resnet32"]
    assert all(each["cost"] > 0 for each in made)
    head, _, _, bbn = records.table(made).splitlines()[2:]
    shown = dict(zip(head.split(" | "), bbn.split(" | "), strict=True))
    assert (shown["declared"], shown["epochs"]) == ("2.0", "200")
