import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests import elsewhere

from longtail.config.plan import Setting
from longtail.config.registry import CONFIG, Registry, merge
from longtail.data.sources import digits
from longtail.graph import costs
from longtail.graph.costs import TrainingJob
from longtail.graph.graph import Graph
from longtail.overview.speeds import Kind
from longtail.runtime import parts
from longtail.runtime.errors import InputError


@pytest.fixture(autouse=True)
def _nothing_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without results."""
    monkeypatch.chdir(tmp_path)


def graph(**own: Any) -> Graph:
    return Graph.of(merge(yaml.safe_load((CONFIG / "config.yaml").read_text()), own), [CONFIG / "config.yaml"])


def trainings(built: Graph) -> dict[str, TrainingJob]:
    return {training.folder: training for training in costs.trainings(built, built.plan.runs)}


@pytest.fixture(scope="module")
def default() -> dict[str, TrainingJob]:
    return trainings(graph())


# Epochs x images of Stage 1; epochs x 128 x (ceil(images / 128) + 1) of Stage 2.
PASSES = {
    "cifar10/if100/resnet32/ce/seed0/stage1": 200 * 12_406,
    "cifar10/if100/resnet32/mixup/seed0/stage1": 200 * 12_406,
    "cifar10/if100/resnet32/mixup/seed0/mislas": 10 * 128 * (97 + 1),
    "cifar10/if10/resnet32/ce/seed2/stage1": 200 * 20_431,
    "cifar10/if1/resnet32/ce/seed0/stage1": 200 * 50_000,
    "cifar100/if100/resnet32/ce/seed0/stage1": 200 * 10_847,
    "cifar100/if50/resnet32/ce/seed0/lws": 10 * 128 * (99 + 1),
}


@pytest.mark.parametrize("folder", PASSES)
def test_image_passes_worked_out_by_hand(default: dict[str, TrainingJob], folder: str) -> None:
    assert default[folder].passes == PASSES[folder]


def test_an_imported_stage1_costs_nothing_and_methods_on_it_cost_the_same(default: dict[str, TrainingJob]) -> None:
    folder = "cifar10/if100/resnet32/mixup/seed0"
    stage1, mislas = default[f"{folder}/stage1"], default[f"{folder}/mislas"]
    source = elsewhere.trained(Path("far/stage1").absolute(), stage1.settings)

    found = trainings(graph(stage1={folder: {"source": str(source), "sha256": "0" * 64}}))

    taken = dataclasses.replace(stage1, imported=True, code="c0de00000000")
    assert (taken.passes, taken.work) == (0, 0)
    assert found == default | {stage1.folder: taken}
    assert found[mislas.folder] == mislas


def test_a_frozen_backbone_is_a_third_of_the_work(default: dict[str, TrainingJob]) -> None:
    stage1 = default["cifar10/if100/resnet32/mixup/seed0/stage1"]
    mislas = default["cifar10/if100/resnet32/mixup/seed0/mislas"]

    assert (stage1.block, stage1.work) == ("stage1", 2_481_200)
    assert (mislas.block, mislas.passes, mislas.work) == ("stage2", 125_440, pytest.approx(125_440 / 3))


def test_a_stage1_that_trains_the_head_alone_is_a_third_of_the_work(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    recipes = {"cifar": "fine_tune", "cifar_head": "fine_tune_head"}
    entries = {
        name: {"backbone": "resnet32", "weights": str(tmp_path / "w.pth"), "recipe": recipe}
        for name, recipe in recipes.items()
    }
    columns = [{"dataset": "cifar10", "factor": 100, "backbone": name} for name in entries]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"title": "x", "columns": columns, "rows": [{"method": "ce"}]}))
    built = graph(tables=["own.yaml"], figures=[], seeds={"runs": [0]}, backbones=entries)
    work = {folder.split("/")[2]: training.work for folder, training in trainings(built).items()}

    assert work == {"cifar": 20 * 12_406, "cifar_head": pytest.approx(20 * 12_406 / 3)}
    assert {str(Kind.of(training)) for training in trainings(built).values()} == {"resnet32 at 32x32"}


def test_a_step_counts_as_much_as_its_algorithm_declares(tmp_path: Path) -> None:
    column = {"dataset": "cifar10", "factor": 100, "backbone": "resnet32"}
    rows = [{"method": name} for name in ("ce", "bbn", "mcw_ldam", "smote")]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"title": "x", "columns": [column], "rows": rows}))
    built = graph(tables=["own.yaml"], figures=[], seeds={"runs": [0]})
    found = {folder.split("/")[3]: training for folder, training in trainings(built).items()}

    # BBN's recipe has whole batches only: 96 of 128 images.
    assert (found["bbn"].passes, found["bbn"].work) == (200 * 12_288, 2 * 200 * 12_288)
    assert (found["mcw_ldam"].passes, found["mcw_ldam"].work) == (200 * 12_406, 1.8 * 200 * 12_406)
    assert found["smote"].work == found["ce"].work == 200 * 12_406


def test_shared_stage1s_of_the_default_are_counted_once(default: dict[str, TrainingJob]) -> None:
    # MiSLAS's CIFAR table: 6 settings x {ce, mixup}; its figures add CE on the balanced set of each data set.
    # LADC's: 8 settings x {ce_ldam, ce_bot, remix_randaugment}, mixup at factor 200, the control in 3, Remix in 1.
    # Of the baselines CB, Focal, CB-Focal, LDAM, LDAM+DRW, MCW, MetaSAug, TDE, BBN, SMOTE and M2m (its guide is
    # ce_ldam) are in LADC's 8 settings (what it does not print is trained all the same), which hold MiSLAS's 6;
    # Remix+DRW has these. The figure of one-stage models adds balanced softmax, LADE and the CE that PC Softmax
    # stands on in one setting.
    # LDAM-DRW + SSP trains two networks in each of the 8 settings, Bag of tricks three.
    baselines = 8 * 11 + 6 + 3
    # On titles CE, CB and balanced softmax train a network of each of three backbones; LWS and LADC stand on CE's.
    networks = 3 * 3 + 6 * 2 + 2 + 8 * 3 + 2 + 3 + 1 + baselines + 8 * (2 + 3)
    assert sum(training.block == "stage1" for training in default.values()) == 3 * networks
    # MiSLAS's: 6 settings x 3 methods, and cRT and LWS in the settings of the two figures. LADC's: cRT, LWS and LADC
    # in 8 settings, MiSLAS in 2 more, LADC with LWS in 3, DC and the average in 4, five more of its Table 9 in 3.
    assert sum(training.block == "stage2" for training in default.values()) == 3 * (
        3 * 2 + 6 * 3 + 2 * 2 + 8 * 3 + 2 + 3 + 4 * 2 + 5 * 3
    )
    assert list(default) == sorted(default)


def test_trainings_behind_some_runs() -> None:
    built = graph(tables=["mislas_cifar"], figures=[], seeds={"runs": [0]})
    mislas = [run for run in built.plan.runs if run.method == "mislas" and run.setting.imbalance == "if100"]

    assert costs.folders(mislas) == {
        f"{data}/if100/resnet32/mixup/seed0/{name}"
        for data in ("cifar10", "cifar100")
        for name in ("stage1", "mislas")
    }
    assert [t.folder for t in costs.trainings(built, mislas)] == sorted(costs.folders(mislas))


def test_a_training_has_the_parameters_of_its_job(default: dict[str, TrainingJob]) -> None:
    job = default["cifar10/if100/resnet32/mixup/seed1/stage1"]

    assert (job.settings["backbone"], job.settings["recipe"]["epochs"]) == ("resnet32", 200)
    assert job.settings["seeds"] == {"initialisation": 1, "order": 1}
    assert len(job.code) == 12
    assert job.side == 32


def test_a_classifier_on_cached_features_passes_no_image() -> None:
    demo = trainings(graph(tables=["digits"], figures=[]))

    # Without crop, flip and mixup, whatever the method.
    assert {training.passes for training in demo.values() if training.block == "stage2"} == {0}
    # 114 · 10^(-i/9), truncated: 114 + 88 + 68 + 52 + 40 + 31 + 24 + 19 + 14 + 11 = 461.
    assert demo["digits/if10/resnet32/ce/seed0/stage1"].passes == 30 * 461
    assert demo["digits/if10/resnet32/ce/seed0/stage1"].side == 8


def test_class_sizes_of_the_digits_are_those_of_the_source() -> None:
    assert list(digits.CLASS_SIZES) == np.bincount(digits.read({}, None).train_labels).tolist()


def test_sizes_of_cifar_are_those_of_the_archives(shipped: Registry) -> None:
    for name, classes, each in (("cifar10", 10, 5000), ("cifar100", 100, 500)):
        assert costs.images(shipped, Setting(name, "natural", "resnet32")) == classes * each == 50_000


def test_a_natural_set_has_all_its_images(shipped: Registry) -> None:
    assert costs.images(shipped, Setting("digits", "natural", "resnet32")) == 1797 - 600


def test_a_subset_that_is_there_is_believed(shipped: Registry) -> None:
    folder = Path("results/data/cifar10/if100")
    folder.mkdir(parents=True)
    (folder / "subset.json").write_text(json.dumps({"total": 321}))

    assert costs.images(shipped, Setting("cifar10", "if100", "resnet32")) == 321
    assert costs.images(shipped, Setting("cifar10", "if50", "resnet32")) == 13_996


def test_images_in_a_folder_are_counted(image_tree: Callable[..., Path]) -> None:
    birds = {"title": "Birds", "kind": "folder", "data_dir": str(image_tree("cat", "dog", "owl"))}
    built = graph(tables=[], figures=[], datasets={"birds": birds | {"image_size": 64}})
    smaller = graph(tables=[], figures=[], datasets={"birds": birds | {"n_max": 8}})

    assert costs.images(built.registry, Setting("birds", "natural", "resnet32")) == 36
    # 12, 12 / √4 = 6 and 12 / 4 = 3; of at most 8, 8 + 4 + 2.
    assert costs.images(built.registry, Setting("birds", "if4", "resnet32")) == 21
    assert costs.images(smaller.registry, Setting("birds", "if4", "resnet32")) == 14
    assert costs.side(built.registry.datasets["birds"]) == 64


def test_images_of_a_list_are_counted_and_their_side_is_what_the_network_sees(shipped: Registry) -> None:
    lines = [f"train/{number}.jpg {label}" for label, many in enumerate((9, 4, 2)) for number in range(many)]
    Path("train.txt").write_text("\n".join(["path label", *lines]) + "\n\n")
    definition = shipped.datasets["imagenet_lt"] | {
        "train_list": "train.txt",
        "test_list": "train.txt",
        "data_dir": ".",
    }
    found = dataclasses.replace(shipped, datasets={"imagenet_lt": definition})

    assert costs.images(found, Setting("imagenet_lt", "natural", "resnet50")) == 15
    # 2, 2 / √2 and 2 / 2, truncated.
    assert costs.images(found, Setting("imagenet_lt", "if2", "resnet50")) == 2 + 1 + 1
    assert costs.side(definition) == 224


def test_a_source_that_nobody_has_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    built = graph(tables=["digits"], figures=[])
    literal = parts.literal
    monkeypatch.setattr(parts, "literal", lambda *a: None if a[2] == "CLASS_SIZES" else literal(*a))

    found = trainings(built)

    assert {training.images for training in found.values()} == {None}
    stage1 = found["digits/if10/resnet32/ce/seed0/stage1"]
    assert (stage1.passes, stage1.work) == (None, None)
    # On cached features no image is passed, however many there are.
    assert found["digits/if10/resnet32/ce/seed0/crt"].work == 0


def test_a_factor_beyond_the_data_set_is_refused(shipped: Registry) -> None:
    with pytest.raises(InputError, match="leaves class 9 without images"):
        costs.images(shipped, Setting("digits", "if1000", "resnet32"))


@pytest.fixture
def on_one_pixel() -> Callable[..., Graph]:
    """A graph of CE and MiSLAS with ResNet-10 on digits, whose images have 8 pixels a side."""

    def build(batch_size: int, recipe: str = "digits-S1", **compute: int) -> Graph:
        columns = [{"dataset": "digits", "factor": 10, "backbone": "resnet10"}]
        Path("own.yaml").write_text(
            yaml.safe_dump({"title": "x", "columns": columns, "rows": [{"method": "ce"}, {"method": "mislas"}]})
        )
        recipes = {recipe: {"batch_size": batch_size, "batches": "ceil"}}
        shifted = [{"dataset": "digits", "stage2": {"batch_norm": "shifted"}}]
        methods = {"mislas": {"overrides": shifted}}
        return graph(tables=["own.yaml"], figures=[], recipes=recipes, methods=methods, compute=compute)

    return build


@pytest.mark.parametrize(("recipe", "method"), [("digits-S1", "ce"), ("digits-S2", "mislas")])
def test_a_batch_of_one_image_is_refused_before_the_run(
    on_one_pixel: Callable[..., Graph], recipe: str, method: str
) -> None:
    built = on_one_pixel(10, recipe)
    images = costs.images(built.registry, Setting("digits", "if10", "resnet10"))
    assert images

    with pytest.raises(InputError) as caught:
        costs.check_batches(on_one_pixel(images - 1, recipe))
    assert str(caught.value) == (
        f"the configuration, recipe '{recipe}' (method '{method}' on digits): batch_size: {images - 1} makes a batch "
        f"of one of {images} images, which batch norm of resnet10 cannot learn from at 8 pixels a side: write "
        "batches: floor, or another batch_size"
    )
    costs.check_batches(on_one_pixel(images, recipe))


def test_micro_batches_of_one_image_are_refused_before_the_run(on_one_pixel: Callable[..., Graph]) -> None:
    with pytest.raises(InputError, match=r"micro_batches: 20 cuts a batch of 32 into single images"):
        costs.check_batches(on_one_pixel(32, micro_batches=20))
    costs.check_batches(on_one_pixel(32, micro_batches=20, processes=2))
