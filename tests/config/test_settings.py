from pathlib import Path
from typing import Any

import pytest

from longtail.config import load, recipes, settings
from longtail.config.registry import Registry
from longtail.runtime import files
from longtail.runtime.errors import InputError

STAGE2 = {"classifier": {"keep_stage1": True, "weight_rate": 0.0, "scale_rate": 1.0}}
# Of the official configs: (ε1, εK, rate of ΔW, shift batch norm). Factor 200 has none and takes those of 100.
MISLAS = {
    ("cifar10", "if200"): (0.3, 0.0, 0.5, False),
    ("cifar10", "if100"): (0.3, 0.0, 0.5, False),
    ("cifar10", "if50"): (0.2, 0.0, 0.2, False),
    ("cifar10", "if10"): (0.1, 0.0, 0.2, False),
    ("cifar100", "if200"): (0.4, 0.1, 0.2, True),
    ("cifar100", "if100"): (0.4, 0.1, 0.2, True),
    ("cifar100", "if50"): (0.3, 0.0, 0.1, True),
    ("cifar100", "if10"): (0.2, 0.0, 0.1, True),
    ("imagenet_lt", "natural"): (0.3, 0.0, 0.05, True),
    ("inaturalist2018", "natural"): (0.3, 0.0, 0.05, True),
    ("places_lt", "natural"): (0.4, 0.1, 0.05, True),
}


def of_mislas(stage2: dict[str, Any]) -> tuple[float, float, float, bool]:
    loss = stage2["loss"]
    return loss["head"], loss["tail"], stage2["classifier"]["weight_rate"], stage2["batch_norm"] == "shifted"


@pytest.mark.parametrize(("dataset", "imbalance"), MISLAS)
def test_hyper_parameters_of_mislas(shipped: Registry, dataset: str, imbalance: str) -> None:
    stage2 = settings.stage2(shipped, dataset, imbalance, "resnet32", "mislas", 0)

    assert of_mislas(stage2) == MISLAS[dataset, imbalance]
    assert (stage2["loss"]["form"], stage2["loss"]["las_form"]) == ("concave", "code")
    assert (stage2["sampler"], stage2["mixing"]) == ({"name": "class_aware"}, None)
    assert stage2["classifier"]["keep_stage1"] is True
    assert stage2["classifier"]["scale_rate"] == 1.0


@pytest.mark.parametrize(
    ("dataset", "imbalance", "alpha"),
    [
        ("cifar10", "if100", 1.0),
        ("cifar100", "if10", 1.0),
        ("imagenet_lt", "natural", 0.2),
        ("places_lt", "natural", 0.2),
    ],
)
def test_mixup_alpha_by_data_set(shipped: Registry, dataset: str, imbalance: str, alpha: float) -> None:
    assert settings.stage1(shipped, dataset, imbalance, "resnet32", "mixup", 0)["mixing"]["alpha"] == alpha


def test_stage1_of_ce_is_that_of_the_paper(shipped: Registry) -> None:
    stage1 = settings.stage1(shipped, "cifar10", "if100", "resnet32", "ce", 0)

    assert (stage1["backbone"], stage1["loss"], stage1["mixing"]) == ("resnet32", {"name": "cross_entropy"}, None)
    assert stage1["recipe"] == {
        "name": "MiSLAS-S1",
        "epochs": 200,
        "batch_size": 128,
        "batches": "ceil",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 2e-4,
        "schedule": {"kind": "step", "warmup": 5, "warmup_from": 0, "milestones": [160, 180], "factor": 0.1},
        "evaluate": {"every": 5, "each_from": 160},
    }


def test_stage2_baselines_differ_from_mislas_as_the_paper_says(shipped: Registry) -> None:
    blocks = {
        name: settings.stage2(shipped, "cifar10", "if100", "resnet32", name, 0)
        for name in ("crt_mixup", "lws_mixup", "mislas")
    }

    assert blocks["crt_mixup"]["classifier"] == {
        "keep_stage1": False,
        "weight_rate": 1.0,
        "scale_rate": 0.0,
        "offset_rate": 0,
    }
    assert blocks["lws_mixup"]["classifier"] == {
        "keep_stage1": True,
        "weight_rate": 0.0,
        "scale_rate": 1.0,
        "offset_rate": 0,
    }
    assert blocks["crt_mixup"]["loss"] == blocks["lws_mixup"]["loss"] == {"name": "cross_entropy"}
    assert blocks["crt_mixup"]["recipe"] == blocks["lws_mixup"]["recipe"] == blocks["mislas"]["recipe"]


def test_a_data_set_takes_the_hyper_parameters_of_the_one_it_is_like() -> None:
    birds = {"title": "Birds", "kind": "folder", "data_dir": "birds"}
    found = load.load({"datasets": {"birds": birds, "finches": {**birds, "like": "cifar100"}}}, [])

    assert (
        of_mislas(settings.stage2(found, "finches", "if100", "resnet32", "mislas", 0)) == MISLAS["cifar100", "if100"]
    )
    # Without `like`, those of CIFAR-10 at factor 100, at every imbalance.
    assert of_mislas(settings.stage2(found, "birds", "if10", "resnet32", "mislas", 0)) == MISLAS["cifar10", "if100"]


def test_an_override_for_factor_one_over_a_hundred_is_one_for_a_hundred() -> None:
    overrides = [{"dataset": "digits", "factors": [0.01], "stage2": {"loss": {"head": 0.123}}}]
    found = load.load({"methods": {"mislas": {"overrides": overrides}}}, [])

    assert settings.stage2(found, "digits", "if100", "resnet32", "mislas", 0)["loss"]["head"] == 0.123
    assert settings.stage2(found, "digits", "if50", "resnet32", "mislas", 0)["loss"]["head"] == 0.3


def test_a_later_override_wins_and_lays_only_what_it_names() -> None:
    overrides = [
        {"dataset": "digits", "stage2": {"loss": {"head": 0.11, "tail": 0.05}}},
        {"dataset": "digits", "factors": [50], "stage2": {"loss": {"head": 0.22}}},
    ]
    found = load.load({"methods": {"mislas": {"overrides": overrides}}}, [])

    at_50 = settings.stage2(found, "digits", "if50", "resnet32", "mislas", 0)["loss"]
    at_10 = settings.stage2(found, "digits", "if10", "resnet32", "mislas", 0)["loss"]
    assert (at_50["head"], at_50["tail"]) == (0.22, 0.05)
    assert (at_10["head"], at_10["tail"]) == (0.11, 0.05)


def test_a_data_set_puts_its_own_recipe_in_place_of_the_methods(shipped: Registry) -> None:
    for block, name in (
        (settings.stage1(shipped, "digits", "if10", "resnet32", "ce", 0), "digits-S1"),
        (settings.stage2(shipped, "digits", "if10", "resnet32", "mislas", 0), "digits-S2"),
    ):
        assert block["recipe"] == {"name": name, **shipped.recipes[name]}


def test_seeds_are_the_runs_own_unless_one_is_fixed_for_all(shipped: Registry) -> None:
    fixed = load.load({"seeds": {"initialisation": 7}}, [])

    free = settings.stage1(shipped, "cifar10", "if100", "resnet32", "ce", 2)
    held = settings.stage1(fixed, "cifar10", "if100", "resnet32", "ce", 2)

    assert free["seeds"] == {"initialisation": 2, "order": 2}
    assert held["seeds"] == {"initialisation": 7, "order": 2}
    assert {**held, "seeds": free["seeds"]} == free


def test_fused_kernels_are_named_only_where_they_are_used(shipped: Registry) -> None:
    """Settings of jobs are what they were before there were any, so that nothing is trained again."""
    chosen = {on: load.load({"compute": {"fused": on}}, []) for on in (True, False)}

    plain = settings.stage1(shipped, "cifar10", "if100", "resnet32", "ce", 0)
    assert "fused" not in plain["compute"]
    assert settings.stage1(chosen[False], "cifar10", "if100", "resnet32", "ce", 0) == plain
    fused = settings.stage1(chosen[True], "cifar10", "if100", "resnet32", "ce", 0)
    assert fused == {**plain, "compute": {**plain["compute"], "fused": True}}


def test_arrays_depend_on_the_source_alone(shipped: Registry) -> None:
    assert settings.source(shipped, "digits") == {"kind": "digits"}
    # An archive found elsewhere is the same archive.
    assert settings.source(shipped, "cifar10") == {"kind": "cifar"}


def test_a_folder_is_how_its_images_are_kept_wherever_it_is() -> None:
    birds = {"title": "Birds", "kind": "folder", "data_dir": "birds", "image_size": 64}
    large = {**birds, "streamed": True, "preprocessing": {"center_crop": 224}}
    found = load.load({"datasets": {"birds": birds, "large": large}}, [])

    own_settings = {"kind": "folder", "image_size": 64}
    assert settings.source(found, "birds") == {**own_settings, "streamed": False}
    assert settings.source(found, "large") == {**own_settings, "streamed": True}
    assert settings.place(found, "birds") == {"data_dir": "birds"}


def test_weights_are_known_by_what_they_are_wherever_they_lie(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"weights")
    held = {"data_dir": "images", "train_list": "train.txt", "test_list": "test.txt", "pretrained": str(weights)}
    found = load.load({"datasets": {"places_lt": held}}, [])

    assert settings.source(found, "places_lt") == {"kind": "image_list"}
    assert settings.place(found, "places_lt") == held
    stage1 = settings.stage1(found, "places_lt", "natural", "resnet152_last_block", "mixup", 0)
    assert stage1["pretrained"] == files.sha256(weights)
    assert "pretrained" not in settings.stage1(found, "places_lt", "natural", "resnet152", "mixup", 0)


# Methods card 1.6, MiSLAS-big, and its Stage 2: epochs and weight decay of Stage 1; batches of 256, cosine from 0.1.
LARGE = {"imagenet_lt": (180, 5e-4), "inaturalist2018": (200, 1e-4), "places_lt": (90, 5e-4)}


@pytest.mark.parametrize("dataset", LARGE)
def test_recipes_of_the_large_sets(shipped: Registry, dataset: str) -> None:
    epochs, decay = LARGE[dataset]
    first = settings.stage1(shipped, dataset, "natural", "resnet50", "ce", 0)["recipe"]
    second = settings.stage2(shipped, dataset, "natural", "resnet50", "mislas", 0)["recipe"]

    assert (first["epochs"], second["epochs"]) == (epochs, 10)
    for recipe, batches in ((first, "ceil"), (second, "ceil_plus_one")):
        assert (recipe["batch_size"], recipe["batches"], recipe["learning_rate"]) == (256, batches, 0.1)
        assert (recipe["schedule"]["kind"], recipe["weight_decay"]) == ("cosine", decay)
        assert (recipe["momentum"], recipe["nesterov"]) == (0.9, False)
    # Every fifth epoch and each of the last fifth, as on CIFAR.
    assert first["evaluate"] == {"every": 5, "each_from": epochs * 4 // 5 + 1}


LARGE_ONLY = ("ce", "mixup", "ce_ldam", "ce_drw", "focal_drw", "remix_drw")
ALWAYS = ("ce_bot", "remix", "bbn", "ce_lade", "lade", "balanced_softmax")
NEVER = ("smote", "rotation", "ce_drs", "cb", "remix_randaugment", "ce_ladc")


@pytest.mark.parametrize("method", [*LARGE_ONLY, *ALWAYS, *NEVER])
def test_heads_begin_as_those_of_the_official_code(shipped: Registry, method: str) -> None:
    def head(dataset: str) -> str:
        factor = "natural" if dataset in LARGE else "if100"
        return str(settings.stage1(shipped, dataset, factor, "resnet50", method, 0)["head"]["name"])

    small, large = {"linear"} if method not in ALWAYS else {"linear_uniform"}, {"inaturalist2018"}
    large |= {"imagenet_lt", "places_lt"} if method in ("ce", "mixup") else set()
    assert {head(dataset) for dataset in ("cifar10", "cifar100", "digits")} == small
    assert {head(dataset) for dataset in large} == ({"linear"} if method in NEVER else {"linear_uniform"})


def test_balanced_softmax_keeps_the_head_of_text_networks(shipped: Registry) -> None:
    stage1 = settings.stage1(shipped, "thucnews", "if100", "textcnn", "balanced_softmax", 0)
    assert stage1["head"] == {"name": "linear"}


@pytest.mark.parametrize(
    ("method", "dataset", "head"),
    [
        ("crt", "cifar100", None),
        ("crt_mixup", "cifar100", None),
        ("crt_bot", "cifar100", {"name": "linear_uniform"}),
        ("ladc_crt", "cifar100", None),
        ("crt", "imagenet_lt", {"name": "linear_uniform"}),
        ("crt_mixup", "places_lt", {"name": "linear_uniform"}),
        ("crt_bot", "inaturalist2018", {"name": "linear_uniform"}),
        ("lws_bot", "cifar100", None),  # keeps the classifier of Stage 1
        ("mislas", "imagenet_lt", None),
    ],
)
def test_a_new_classifier_begins_as_that_of_its_stage1(
    shipped: Registry, method: str, dataset: str, head: dict[str, str] | None
) -> None:
    factor = "natural" if dataset in LARGE else "if100"
    assert settings.stage2(shipped, dataset, factor, "resnet50", method, 0).get("head") == head


def test_preprocessing_of_the_large_sets(shipped: Registry) -> None:
    blocks = {name: shipped.datasets[name]["preprocessing"] for name in LARGE}

    for block in blocks.values():
        assert (block["random_resized_crop"], block["resize"], block["center_crop"]) == (224, 256, 224)
        assert (block["flip"], block["crop_padding"], block["color_jitter"]) == (True, 0, [0.4, 0.4, 0.4, 0.0])
    for name in ("imagenet_lt", "places_lt"):
        assert (blocks[name]["mean"], blocks[name]["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert blocks["inaturalist2018"]["mean"] == [0.466, 0.471, 0.380]
    assert blocks["inaturalist2018"]["std"] == [0.195, 0.194, 0.192]


def test_recipes_augment_and_normalise_as_their_code_does() -> None:
    """On iNaturalist without colour jitter, BBN normalises as on ImageNet, and Stage 2 does as its Stage 1."""
    crt = {"label": "Mine", "paper": "mine", "stage1": "bbn", "stage2": {"recipe": "MiSLAS-S2", **STAGE2}}
    found = load.load({"methods": {"on_bbn": crt}}, [])
    own = found.datasets["inaturalist2018"]["preprocessing"]
    still = own | {"color_jitter": None}
    as_bbn = still | {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}

    def one(method: str, dataset: str = "inaturalist2018") -> Any:
        return settings.stage1(found, dataset, "natural", "resnet50", method, 0)["preprocessing"]

    def two(method: str) -> Any:
        return settings.stage2(found, "inaturalist2018", "natural", "resnet50", method, 0)["preprocessing"]

    assert own["color_jitter"] == [0.4, 0.4, 0.4, 0.0]
    assert (one("ce"), two("mislas")) == (own, own)
    assert (one("ce_bot"), one("ldam_drw"), two("crt_bot"), two("lws_bot")) == (still, still, still, still)
    assert (one("bbn"), two("on_bbn")) == (as_bbn, as_bbn)
    assert one("ce_bot", "imagenet_lt") == found.datasets["imagenet_lt"]["preprocessing"]
    assert "preprocessing" not in settings.stage1(found, "inaturalist2018", "natural", "resnet50", "bbn", 0)["recipe"]


def test_a_recipe_of_a_stage2_changes_the_augmentation_but_not_the_normalisation() -> None:
    changes = {"preprocessing": {"color_jitter": None, "mean": [0.5] * 3, "std": [0.5] * 3}}
    found = load.load({"recipes": {"MiSLAS-big-inaturalist-S2": changes}}, [])
    stage2 = settings.stage2(found, "inaturalist2018", "natural", "resnet50", "mislas", 0)
    assert stage2["preprocessing"] == found.datasets["inaturalist2018"]["preprocessing"] | {"color_jitter": None}


def test_a_recipe_for_images_in_colour_is_refused_for_grey_ones() -> None:
    found = load.load({"recipes": {"digits-S1": {"preprocessing": {"mean": [0.5] * 3}}}}, [])
    with pytest.raises(InputError, match=r"key 'preprocessing\.mean': 3 given, but the images have 1 channel"):
        recipes.check_channels(found, "digits", "digits-S1", "here")
    recipes.check_channels(found, "cifar10", "digits-S1", "here")


@pytest.mark.parametrize("dataset", LARGE)
def test_mixup_of_the_large_sets_is_weaker(shipped: Registry, dataset: str) -> None:
    both = [settings.stage1(shipped, dataset, "natural", "resnet50", "mixup", 0)]
    for name in ("crt_mixup2", "lws_mixup12"):
        both.append(settings.stage2(shipped, dataset, "natural", "resnet50", name, 0))

    assert [block["mixing"]["alpha"] for block in both] == [0.2] * 3
