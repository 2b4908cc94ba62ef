"""Trained weights in every form that they come in, made up here, and what starts from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tests import small
from tests.small import STAGE1, changed
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from longtail.engine import checkpoint
from longtail.models import bbn_resnet50, network, resnet10, resnet50
from longtail.models._titles import TitleInputs
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.files import sha256
from longtail.stage1 import train
from longtail.stage1.weights import Weights, _renamed

State = dict[str, Tensor]
HEAD = "the head, which is new"


@pytest.fixture(scope="module")
def state() -> State:
    """A ResNet-10 as torchvision and timm name it, with a head of five classes and statistics of its own."""
    torch.manual_seed(1)
    built = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)
    built.train()(torch.rand(4, 3, 64, 64))
    return dict(built.state_dict())


def counted_not(state: State) -> State:
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


FORMS: dict[str, Callable[[State, Path], None]] = {
    "torchvision.pth": lambda state, path: torch.save(state, path),
    "of_old_pytorch.pth": lambda state, path: torch.save(
        counted_not(state), path, _use_new_zipfile_serialization=False
    ),
    "timm.safetensors": lambda state, path: save_file(state, path),
    "data_parallel.pt": lambda state, path: torch.save(prefixed(state, "module."), path),
    "state_dict.pth": lambda state, path: torch.save({"epoch": 3, "state_dict": prefixed(state, "module.")}, path),
    "averaged.pth": lambda state, path: torch.save(
        {
            "model": {name: torch.zeros_like(value) for name, value in state.items()},
            "model_ema": {"n_averaged": torch.tensor(9), **prefixed(state, "module.")},
        },
        path,
    ),
    "compiled.pth": lambda state, path: torch.save({"model": prefixed(state, "_orig_mod.")}, path),
    "of_this_project.pt": lambda state, path: checkpoint.save(
        path,
        {
            name.replace("fc.", "classifier.") if name.startswith("fc.") else f"backbone.{name}": value
            for name, value in state.items()
        },
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_backbone_gets_all_but_the_head_of_a_file(form: str, state: State, tmp_path: Path) -> None:
    path = tmp_path / form
    FORMS[form](state, path)
    backbone = resnet10.build(3)
    weights = Weights(path, "backbone 'mine'")
    weights.fill(backbone, "resnet10")

    for name, value in counted_not(backbone.state_dict()).items():
        assert torch.equal(value, state[name]), name
    number = len(counted_not(backbone.state_dict()))
    assert (weights.report["loaded"], weights.report["tensors"]) == (number, number)
    assert weights.report["sha256"] == sha256(path)
    left_out = {name.replace("classifier", "fc"): why for name, why in weights.report["left_out"].items()}
    averages = {"n_averaged": "resnet10 has no such tensor"} if form == "averaged.pth" else {}
    assert left_out == {"fc.weight": HEAD, "fc.bias": HEAD} | averages
    assert weights.report["as_drawn"] == {}
    assert weights.is_ours == (form == "of_this_project.pt")


def test_numbers_of_half_precision_are_those_of_float32(state: State, tmp_path: Path) -> None:
    save_file({name: value.half() for name, value in state.items()}, tmp_path / "half.safetensors")
    backbone = resnet10.build(3)
    Weights(tmp_path / "half.safetensors", "x").fill(backbone, "resnet10")
    assert backbone.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(backbone.conv1.weight, state["conv1.weight"], atol=1e-3, rtol=1e-3)


def test_a_stem_of_another_size_stays_as_drawn(state: State, tmp_path: Path, caplog: Any) -> None:
    torch.save(state, tmp_path / "rgb.pth")
    backbone = resnet10.build(1)
    drawn = backbone.conv1.weight.clone()
    weights = Weights(tmp_path / "rgb.pth", "x")
    with caplog.at_level("INFO"):
        weights.fill(backbone, "resnet10")

    assert torch.equal(backbone.conv1.weight, drawn)
    assert torch.equal(backbone.layer4[0].conv2.weight, state["layer4.0.conv2.weight"])
    why = "[64, 3, 7, 7] in the file and [64, 1, 7, 7] here"
    assert weights.report["as_drawn"] == {"conv1.weight": why}
    assert f"as drawn: conv1.weight ({why})" in caplog.messages
    assert f"left out: fc.weight, fc.bias ({HEAD})" in caplog.messages


def test_both_branches_of_bbn_start_from_the_last_block(tmp_path: Path) -> None:
    whole = small.network_state()
    checkpoint.save(tmp_path / "last.pt", whole)
    backbone = parts.find("models", "bbn_resnet32").build(1)
    weights = Weights(tmp_path / "last.pt", "x")
    weights.fill(backbone, "bbn_resnet32")

    for branch in ("conventional", "rebalancing"):
        assert torch.equal(
            backbone.state_dict()[f"{branch}.bn2.running_var"], whole["backbone.stages.2.4.bn2.running_var"]
        )
    assert torch.equal(backbone.trunk[8].conv1.weight, whole["backbone.stages.2.3.conv1.weight"])
    assert weights.report["as_drawn"] == {}


def test_every_tensor_of_bbn_on_large_images_starts_from_one_of_resnet50() -> None:
    with torch.device("meta"):
        own, there = bbn_resnet50.build(3).state_dict(), resnet50.build(3).state_dict()
    starts = {name: _renamed(name, bbn_resnet50.STARTS_AS) for name in own}
    assert all(own[name].shape == there[other].shape for name, other in starts.items())
    assert set(starts.values()) == set(there)


def test_vectors_of_characters_are_those_of_the_data(tmp_path: Path) -> None:
    def built(seed: int) -> network.Network:
        inputs = TitleInputs(torch.full((30, 20), float(seed)), 12)
        return network.build("textcnn", inputs, 3, seed)

    checkpoint.save(tmp_path / "last.pt", built(1).state_dict())
    weights, started = Weights(tmp_path / "last.pt", "x"), built(2)
    weights.fill(started.backbone, "textcnn")

    vectors = next(name for name in started.backbone.state_dict() if (started.backbone.state_dict()[name] == 2).all())
    assert weights.report["as_drawn"] == {vectors: "of the characters of its own data"}
    for name, value in started.backbone.state_dict().items():
        assert name == vectors or torch.equal(value, built(1).backbone.state_dict()[name])


@pytest.fixture(scope="module")
def refused(state: State, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], str]:
    """Writes files that must be refused, and gives the sentence for one of them."""
    tmp_path = tmp_path_factory.mktemp("refused")
    torch.save(state, tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "changed.pth").write_bytes(whole[:5000] + b"?" + whole[5001:])
    save_file(state, tmp_path / "cut.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "cut.safetensors").read_bytes()[:-1000])
    (tmp_path / "text.pth").write_text("no weights")
    torch.save(nn.Linear(2, 2), tmp_path / "code.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "nothing.pth")
    torch.save(small.network_state(), tmp_path / "resnet32.pt")
    torch.save({name: state[name] for name in state if not name.startswith("layer3")}, tmp_path / "part.pth")

    def sentence(file: str, backbone: str) -> str:
        with pytest.raises(InputError) as caught:
            Weights(tmp_path / file, "backbone 'mine'").fill(parts.find("models", backbone).build(3), backbone)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return sentence


@pytest.mark.parametrize(
    "file",
    ["cut.pth", "changed.pth", "cut.safetensors", "text.pth", "code.pth", "list.pth", "nothing.pth", "missing.pt"],
)
def test_a_file_that_holds_no_whole_state_is_refused(file: str, refused: Callable[[str, str], str]) -> None:
    said = refused(file, "resnet10")
    assert said.startswith("backbone 'mine': cannot read the weights ")
    assert f"{file} (" in said
    assert said.endswith(": give a whole state dict (.pth, .pt or .safetensors) or a run of this project")


@pytest.mark.parametrize(
    ("file", "backbone", "part"),
    [
        ("whole.pth", "resnet18", "than resnet18: 40 of its 100 tensors are not there, and 0 of the file's 60 are "),
        ("resnet32.pt", "resnet10", "than resnet10: "),
        ("part.pth", "resnet10", "('layer3.0.conv1.weight' is not in the file): name the backbone that they were "),
    ],
)
def test_weights_of_another_architecture_are_refused(
    file: str, backbone: str, part: str, refused: Callable[[str, str], str]
) -> None:
    assert part in refused(file, backbone)


def test_a_file_with_more_than_the_backbone_is_of_another_architecture(state: State, tmp_path: Path) -> None:
    """All of ResNet-10 is in ResNet-18, which starts with the same blocks."""
    deeper = {name.replace(".0.", ".1."): value for name, value in state.items() if name.startswith("layer")}
    torch.save(state | deeper, tmp_path / "deeper.pth")
    with pytest.raises(
        InputError, match=r"0 of its 60 tensors are not there, and \d+ of the file's \d+ are not in it"
    ):
        Weights(tmp_path / "deeper.pth", "x").fill(resnet10.build(3), "resnet10")


def test_training_starts_from_them_with_a_new_head(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.pt", small.network_state())
    weights = Weights(tmp_path / "last.pt", "x")
    settings = changed(STAGE1, weights=weights.sha256, seeds={"initialisation": 5, "order": 0})
    started = train.learner(*small.data(), settings, weights=weights).module.state_dict()
    plain = train.learner(*small.data(), changed(settings, weights=None)).module.state_dict()

    for name, value in started.items():
        same = plain if name.startswith("classifier.") else small.network_state()
        assert torch.equal(value, same[name]), name


def test_settings_and_weights_have_to_agree() -> None:
    with pytest.raises(InputError, match="must get the weights that its settings name"):
        train.learner(*small.data(), changed(STAGE1, weights="1f" * 32))
