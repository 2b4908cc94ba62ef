"""Data of one's own without a recipe: schedules that fit their number of images, and text recipes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longtail.config import load, own, settings

TITLES = "".join(f"title {n}\t{n % 2}\n" for n in range(200))


def stage1(method: str, backbone: str = "resnet32", **definition: Any) -> dict[str, Any]:
    registry = load.load({"datasets": {"mine": {"title": "Mine", **definition}}}, [])
    return settings.stage1(registry, "mine", "natural", backbone, method, 0)


@pytest.fixture
def few(image_tree: Callable[..., Path]) -> dict[str, Any]:
    """A data set of 24 training images."""
    return {"kind": "folder", "data_dir": str(image_tree("a", "b"))}


def recipe(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, method: str = "ce", **own: Any) -> dict[str, Any]:
    monkeypatch.setattr("longtail.config.own._class_sizes", lambda _: sizes)
    found: dict[str, Any] = stage1(method, kind="folder", data_dir="x", **own)["recipe"]
    return found


def test_epochs_fit_the_number_of_images(monkeypatch: pytest.MonkeyPatch) -> None:
    # 12,800 images are 100 steps an epoch.
    found = recipe((12000, 800), monkeypatch)

    assert (found["name"], found["epochs"]) == ("MiSLAS-S1", 40)
    assert found["schedule"]["warmup"] == 1
    assert found["schedule"]["milestones"] == [32, 36]
    assert found["evaluate"] == {"every": 5, "each_from": 32}


@pytest.mark.parametrize(("images", "epochs"), [(100, 200), (10**6, 10)])
def test_there_are_at_least_ten_epochs_and_never_more_than_the_recipe_has(
    images: int, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recipe((images, images), monkeypatch)["epochs"] == epochs


def test_what_is_deferred_still_takes_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recipe((10**6, 10), monkeypatch, "ldam_drw")["defer"] == 8


def test_the_horizon_of_bbn_moves_with_the_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"recipes": {"BBN": "BBN-big-inaturalist"}, "steps": 1000}
    found = recipe((10**6, 10), monkeypatch, "bbn", **changes)
    assert (found["epochs"], found["horizon"]) == (10, 11)  # of 180 and 200


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [({"recipes": {"TDE": "BBN"}}, 200), ({"like": "cifar10"}, 200), ({"steps": None}, 200), ({"steps": 1000}, 10)],
)
def test_who_names_a_recipe_or_steps_gets_them(
    changes: dict[str, Any], epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recipe((12000, 800), monkeypatch, **changes)["epochs"] == epochs


def test_shipped_data_sets_keep_the_recipes_of_the_papers() -> None:
    registry = load.load({"datasets": {"cifar10": {"data_dir": None}}}, [])

    assert settings.stage1(registry, "cifar10", "if100", "resnet32", "ce", 0)["recipe"]["epochs"] == 200
    assert [name for name in registry.datasets if own.steps(registry, name)] == []


def test_validation_images_are_left_out_of_the_number_of_images(few: dict[str, Any]) -> None:
    registry = load.load({"datasets": {"mine": {"title": "Mine", "validation": 0.25, **few}}}, [])

    assert own.training_images(registry.datasets["mine"], "natural") == 18
    assert settings.splitting(registry, "mine") == {"validation": 0.25}


@pytest.mark.parametrize(("method", "defer"), [("ce", None), ("ce_drw", 16)])
def test_titles_get_the_recipe_of_texts_and_a_validation_split(
    tmp_path: Path, method: str, defer: int | None
) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.txt").write_text(TITLES.replace("title", name))
    mine = {"title": "Mine", "kind": "titles", "data_dir": str(tmp_path)}
    registry = load.load({"datasets": {"mine": mine}}, [])

    found = settings.stage1(registry, "mine", "natural", "textcnn", method, 0)["recipe"]

    assert (found["name"], found["optimizer"]) == ("TextCNN", "adam")
    # 180 titles are two steps an epoch, and early stopping ends what is too long.
    assert found["epochs"] == 1000
    assert found.get("defer") == (defer and 800)
    assert own.validation(registry.datasets["mine"]) == 0.1
    assert settings.stage2(registry, "mine", "natural", "textcnn", "lws", 0)["recipe"]["name"] == "LADC-S2"


def test_small_sets_are_trained_in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # 1,000 images in 200 epochs are 1,600 steps of 128, and 6,400 of 32.
    found = recipe((900, 100), monkeypatch)

    assert (found["batch_size"], found["learning_rate"], found["epochs"]) == (32, 0.025, 125)
    # 100 steps are four epochs.
    assert found["schedule"]["warmup"] == 4
