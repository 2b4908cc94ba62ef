"""Names of tables that stand for a backbone with trained weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import torchvision
import yaml
from tests.graph.test_graph import graph, wildcards

from longtail.config import backbones, layers, load, settings
from longtail.config.registry import Registry
from longtail.graph.graph import Graph
from longtail.overview import jobs
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError

RUN = {"settings": {"preprocessing": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "flip": True}}}
PUBLISHED = {"backbone": "resnet50", "weights": "IMAGENET1K_V2"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run with a network, which nothing here opens."""
    folder = tmp_path / "seed0" / "stage1"
    folder.mkdir(parents=True)
    (folder / "last.pt").write_bytes(b"a network")
    (folder / "provenance.json").write_text(json.dumps(RUN))
    return folder.parent


def registry(**entry: Any) -> Registry:
    return load.load({"backbones": {"mine": {"backbone": "resnet32", **entry}}}, [])


def table(tmp_path: Path, backbone: str, dataset: str = "cifar100", method: str = "crt", **own: Any) -> Graph:
    columns = [{"dataset": dataset, "factor": 10, "backbone": name} for name in ("resnet32", backbone)]
    content = {"title": "x", "columns": columns, "rows": [{"method": method}]}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(content))
    return graph(tables=[str(tmp_path / "x.yaml")], figures=[], seeds={"runs": [0]}, **own)


def stage1(found: Registry, backbone: str, method: str = "ce", dataset: str = "cifar100") -> dict[str, Any]:
    return settings.stage1(found, dataset, "if10", backbone, method, 0)


def test_a_run_brings_weights_recipe_and_normalisation(run: Path) -> None:
    found = registry(weights=str(run))
    plain, own = stage1(found, "resnet32"), stage1(found, "mine")

    assert own["weights"] == files.sha256(run / "stage1" / "last.pt")
    assert own["backbone"] == plain["backbone"] == "resnet32"
    assert own["recipe"] == {"name": "fine_tune", **found.recipes["fine_tune"]}
    assert own["preprocessing"] == plain["preprocessing"] | {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    assert own.keys() - plain.keys() == {"weights"}
    stage2 = settings.stage2(found, "cifar100", "if10", "mine", "crt", 0)
    assert stage2["preprocessing"] == own["preprocessing"]
    assert stage2["recipe"]["name"] == "MiSLAS-S2"


def test_a_name_without_weights_changes_nothing(run: Path) -> None:
    assert stage1(registry(weights=str(run)), "resnet32") == stage1(load.load({}, []), "resnet32")


@pytest.mark.parametrize("path", ["stage1", "stage1/last.pt", "."])
def test_a_run_is_its_folder_that_of_its_stage1_or_a_checkpoint(path: str, run: Path) -> None:
    definition = {"backbone": "resnet32", "weights": str(run / path)}
    assert backbones.place(definition) == str(run / "stage1" / "last.pt")
    assert backbones.normalisation(definition, "mine") == {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}


def test_a_method_on_another_backbone_has_the_weights_too(run: Path) -> None:
    own = stage1(registry(weights=str(run)), "mine", "balanced_softmax")
    assert (own["backbone"], own["recipe"]["name"]) == ("bbn_resnet32", "fine_tune")
    assert own["weights"] == files.sha256(run / "stage1" / "last.pt")


def test_stages_that_are_frozen_stay_so_in_stage2(run: Path) -> None:
    for recipe, frozen in {
        "fine_tune_last_stage": ["earlier_stages"],
        "fine_tune_head": ["earlier_stages", "last_stage"],
    }.items():
        found = registry(weights=str(run), recipe=recipe)
        assert settings.stage2(found, "cifar100", "if10", "mine", "mislas", 0)["frozen"] == frozen
    for name in ("mine", "resnet32"):
        found = registry(weights=str(run))
        assert "frozen" not in settings.stage2(found, "cifar100", "if10", name, "mislas", 0)


def test_recipes_may_be_those_of_the_methods(run: Path) -> None:
    assert stage1(registry(weights=str(run), recipe=None), "mine")["recipe"]["name"] == "MiSLAS-S1"


def test_a_foreign_file_has_imagenets_normalisation_unless_another_is_given(tmp_path: Path) -> None:
    (tmp_path / "timm.safetensors").write_bytes(b"weights")
    own = stage1(registry(weights=str(tmp_path / "timm.safetensors")), "mine")
    assert own["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    halves = {"mean": [0.5] * 3, "std": [0.5] * 3}
    given = stage1(registry(weights=str(tmp_path / "timm.safetensors"), normalisation=halves), "mine")
    assert given["preprocessing"] == own["preprocessing"] | halves


@pytest.mark.parametrize(
    "name", [name for name in parts.names("models") if parts.literal("models", name, "PUBLISHED", {})]
)
def test_published_weights_are_torchvisions(name: str) -> None:
    for version, url in parts.literal("models", name, "PUBLISHED", {}).items():
        theirs = torchvision.models.get_model_weights(name)[version]
        assert url == theirs.url
        transforms = theirs.transforms()
        assert {"mean": transforms.mean, "std": transforms.std} == backbones.IMAGENET


def test_published_weights_are_downloaded_and_checked(tmp_path: Path) -> None:
    found = table(tmp_path, "mine", backbones={"mine": PUBLISHED})
    w = wildcards(dataset="cifar100", imbalance="if10", backbone="mine", stage1="ce", seed="0")
    path = "results/weights/resnet50-11ad3fa6.pth"

    assert found.inputs.weights(w) == [path]
    assert found.weights() == {"mine": path}
    assert json.loads(found.parameters.stage1(w))["weights"] == "11ad3fa6"
    assert json.loads(found.parameters.download_weights(wildcards(weights="resnet50-11ad3fa6.pth"))) == {
        "archive": {
            "file": "resnet50-11ad3fa6.pth",
            "sha256": "11ad3fa6",
            "urls": ["https://download.pytorch.org/models/resnet50-11ad3fa6.pth"],
        }
    }
    assert [job.outputs for job in jobs.listed(found, []) if job.rule == "download_weights"] == [[path]]
    assert found.inputs.weights(wildcards(**{**vars(w), "backbone": "resnet32"})) == []


def test_paths_of_weights_are_relative_to_their_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    entries = {"mine": {"backbone": "resnet32", "weights": "runs/a"}, "published": PUBLISHED, "odd": 3}
    file.write_text(yaml.safe_dump({"backbones": entries}))
    read = layers.read([file])["backbones"]
    assert read == entries | {"mine": {"backbone": "resnet32", "weights": f"{tmp_path}/runs/a"}}


@pytest.mark.parametrize(
    ("name", "entry", "sentence"),
    [
        ("resnet50", {}, "backbone 'resnet50': the name must be letters, digits and _, and not that of a backbone"),
        ("a-b", {}, "backbone 'a-b': the name must be letters"),
        ("mine", {"backbone": "resnet23"}, "key 'backbone': unknown backbone 'resnet23', or one .*: did you mean"),
        ("mine", {"backbone": "resnet152_last_block"}, "or one that takes its weights from the data set"),
        ("mine", {"recipe": "fine_tone"}, "key 'recipe': unknown recipe 'fine_tone': did you mean 'fine_tune'"),
        (
            "mine",
            {"backbone": "resnet50", "weights": "IMAGENET1K_V3"},
            "resnet50 has no published weights 'IMAGENET1K_V3': did you mean 'IMAGENET1K_V[12]'.*; or name a file",
        ),
        (
            "mine",
            {"weights": "IMAGENET1K_V1"},
            "resnet32 has no published weights .*: .*known: none.*; or name a file",
        ),
        ("mine", {"weight": "x"}, "unknown key 'weight' in 'backbones.mine': did you mean 'weights'"),
    ],
)
def test_a_wrong_entry_is_refused(name: str, entry: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load.load({"backbones": {name: {"backbone": "resnet32", "weights": "x.pth", **entry}}}, [])


def test_weights_that_are_missing_are_refused_once_they_are_used(tmp_path: Path) -> None:
    entries = {"mine": {"backbone": "resnet32", "weights": "/nowhere/x.pth"}}
    with pytest.raises(
        InputError, match=r"backbone 'mine', key 'weights': there is no file /nowhere/x\.pth, nor a fin"
    ):
        table(tmp_path, "mine", backbones=entries)
    assert table(tmp_path, "resnet10", backbones=entries).weights() == {}


def test_a_damaged_record_of_a_run_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "stage1" / "provenance.json").write_text("{}")
    with pytest.raises(
        InputError, match=r"provenance\.json is not the record of a run: restore it, or give normalis"
    ):
        table(tmp_path, "mine", backbones={"mine": {"backbone": "resnet32", "weights": str(run)}})


def needs(built: Graph) -> list[str | None]:
    return [cell.needs for cell in built.plan.tables["x"].cells]


def test_weights_for_other_channels_are_what_a_cell_needs(run: Path, tmp_path: Path) -> None:
    entries = {"mine": {"backbone": "resnet32", "weights": str(run)}}
    built = table(tmp_path, "mine", "digits", backbones=entries)
    assert needs(built) == [None, "weights for images of 1 channel(s), as those of mine are for 3"]


def test_only_what_starts_from_weights_may_be_frozen(tmp_path: Path) -> None:
    own = {"datasets": {"digits": {"recipes": {"MiSLAS-S1": "fine_tune_head"}}}}
    missing = "weights to start from, as recipe fine_tune_head freezes stages of the backbone"
    assert needs(table(tmp_path, "resnet32", "digits", **own)) == [missing] * 2
    # Chains start from a network of their own.
    ssp = {"methods": {"ldam_drw_ssp": {"stage1": {"recipe": "fine_tune_head"}}}}
    assert needs(table(tmp_path, "resnet32", "digits", "ldam_drw_ssp", **ssp)) == [None] * 2


def test_a_backbone_without_stages_needs_one_rate(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"weights")
    entry = {"backbone": "textcnn", "weights": str(tmp_path / "last.pt"), "recipe": "fine_tune_last_stage"}
    found = table(tmp_path, "mine", "made_titles", backbones={"mine": entry})
    assert needs(found)[1] == "a recipe whose rates are the same in all stages, as textcnn has none"


def test_a_recipe_of_stage2_has_no_rates(tmp_path: Path) -> None:
    own = {"methods": {"crt": {"stage2": {"recipe": "fine_tune"}}}}
    assert (
        needs(table(tmp_path, "resnet32", "digits", **own))
        == ["a recipe of Stage 2 without rates in place of fine_tune"] * 2
    )
