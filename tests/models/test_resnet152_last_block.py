import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from longtail.models import _resnet, resnet152_last_block
from longtail.models.resnet152_last_block import LastBlock, load_pretrained
from longtail.runtime import parts
from longtail.runtime.errors import InputError


@pytest.fixture(scope="module")
def shorter() -> LastBlock:
    """The same around fewer blocks, though three of them in the last stage as in ResNet-152."""
    torch.manual_seed(0)
    return LastBlock(_resnet.build(Bottleneck, [1, 1, 1, 3], 3))


@pytest.fixture
def small(shorter) -> LastBlock:
    return copy.deepcopy(shorter)


@pytest.fixture(scope="module")
def weights():
    torch.manual_seed(1)
    network = _resnet.build(Bottleneck, [1, 1, 1, 3], 3)
    network.train()(torch.rand(4, 3, 64, 64))  # running statistics of its own
    return network.state_dict()


def test_all_of_resnet152_but_its_last_block_is_frozen() -> None:
    with torch.device("meta"):
        built, whole = resnet152_last_block.build(3), torchvision.models.resnet152()
    names = {name for name in whole.state_dict() if not name.startswith(("fc.", "layer4.2."))}
    assert set(built.frozen.state_dict()) == names
    learning = {name for name, parameter in built.named_parameters() if parameter.requires_grad}
    assert learning == {f"block.{name}" for name, _ in whole.layer4[2].named_parameters()}
    count = sum(parameter.numel() for name, parameter in built.named_parameters() if name in learning)
    # 1x1, 3x3 and 1x1 convolutions 2048 -> 512 -> 512 -> 2048, with batch norm.
    assert count == 2048 * 512 + 9 * 512 * 512 + 512 * 2048 + 2 * (512 + 512 + 2048)
    assert built.feature_dim == 2048


def test_feature_is_the_mean_of_the_last_blocks_map(small: LastBlock) -> None:
    maps = []
    small.block.register_forward_hook(lambda module, given, out: maps.append((given[0].clone(), out)))
    features = small.eval()(torch.rand(2, 3, 64, 64))
    given, out = maps[0]
    assert given.shape == out.shape == (2, 2048, 2, 2)
    assert features.shape == (2, 2048)
    assert (features >= 0).all()
    torch.testing.assert_close(features, out.mean(dim=(2, 3)))


def test_training_changes_the_last_block_only(small: LastBlock) -> None:
    before = {name: value.clone() for name, value in small.state_dict().items()}
    assert small.train() is small
    assert not any(module.training for module in small.frozen.modules())
    assert all(module.training for module in small.block.modules())
    learning = [parameter for parameter in small.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.1)
    small(torch.rand(4, 3, 64, 64)).square().mean().backward()
    assert all(parameter.grad is None for parameter in small.frozen.parameters())
    optimizer.step()
    changed = {name for name, value in small.state_dict().items() if not torch.equal(value, before[name])}
    # Weights, affine part and running statistics.
    assert changed == {name for name in before if name.startswith("block.")}


def test_the_last_block_has_pytorchs_default_initialisation(small: LastBlock) -> None:
    for convolution in (small.block.conv1, small.block.conv2, small.block.conv3):
        bound = 1 / math.sqrt(convolution.weight[0].numel())  # uniform within it; kaiming_normal would exceed it
        assert 0.99 * bound < convolution.weight.abs().max() <= bound
    assert isinstance(small.block.bn3, nn.BatchNorm2d)
    assert (small.block.bn3.weight == 1).all()


def test_pretrained_weights_fill_the_frozen_part(small: LastBlock, weights: Any, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "weights.pth")
    block = {name: value.clone() for name, value in small.block.state_dict().items()}
    load_pretrained(small, tmp_path / "weights.pth")
    for name, value in small.frozen.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, weights[name]), name
    assert all(torch.equal(value, block[name]) for name, value in small.block.state_dict().items())
    assert not any(module.training for module in small.frozen.modules())
    assert not any(parameter.requires_grad for parameter in small.frozen.parameters())


def test_weights_from_before_batches_were_counted_fit(small: LastBlock, weights: Any, tmp_path: Path) -> None:
    old = {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}
    torch.save(old | {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, tmp_path / "old.pth")
    load_pretrained(small, tmp_path / "old.pth")
    assert torch.equal(small.frozen.conv1.weight, weights["conv1.weight"])


def test_a_file_that_does_not_fit_is_refused(small: LastBlock, weights: Any, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in small.state_dict().items()}
    lacking = {name: value for name, value in weights.items() if name != "layer4.1.conv2.weight"}
    other = {"conv1.weight": torch.ones(64, 1, 7, 7)}
    contents = {"lacking": lacking, "other": other, "wrapped": {"state_dict": other}, "list": [1]}
    for name, content in contents.items():
        torch.save(content, tmp_path / f"{name}.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save(nn.Identity(), tmp_path / "code.pth")  # would have to be unpickled
    for name, sentence in {
        "lacking": r"lacking\.pth do not fit: 'layer4\.1\.conv2\.weight' must be there with shape \[512, 512, 3, 3\]",
        "other": r"other\.pth do not fit: 'conv1\.weight' must be there with shape \[64, 3, 7, 7\]",
        "wrapped": r"wrapped\.pth do not fit: 'conv1\.weight' must be there",
        "list": r"list\.pth do not fit",
        "text": r"cannot read the weights .*text\.pth",
        "code": r"cannot read the weights .*code\.pth",
        "missing": r"cannot read the weights .*missing\.pth \(.*No such file",
    }.items():
        with pytest.raises(InputError, match=sentence) as caught:
            load_pretrained(small, tmp_path / f"{name}.pth")
        assert "\n" not in str(caught.value)
    assert all(torch.equal(value, before[name]) for name, value in small.state_dict().items())


def test_the_backbone_declares_that_it_requires_weights() -> None:
    assert list(parts.settings("models", "resnet152_last_block")) == ["pretrained"]
    assert parts.settings("models", "resnet152") == {}
