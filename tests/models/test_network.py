import pytest
import torch

from longtail.models import network
from longtail.runtime.errors import InputError


def test_seed_settles_every_initial_value() -> None:
    first, again, other = (network.build("resnet32", 1, 10, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    drawn = [name for name in first if "conv" in name or "classifier" in name]
    assert len(drawn) == 33
    assert not any(torch.equal(first[name], other[name]) for name in drawn)


def test_global_random_state_is_left_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    network.build("resnet32", 1, 10, seed=9)
    assert torch.equal(torch.rand(3), expected)


def test_logits_are_a_linear_map_of_features() -> None:
    built = network.build("resnet32", 3, 10, seed=0).eval()
    images = torch.randn(4, 3, 8, 8)
    features = built.backbone(images)
    expected = features @ built.classifier.weight.T + built.classifier.bias
    torch.testing.assert_close(built(images), expected)


def test_classifier_computes_in_float32_under_autocast() -> None:
    built = network.build("resnet32", 3, 10, seed=0).eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = built.backbone(images := torch.randn(4, 3, 8, 8))
        logits = built(images)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, built.classifier(features.float()))


def test_unknown_backbone_is_named() -> None:
    with pytest.raises(InputError, match="no part 'resnet23': did you mean 'resnet32'"):
        network.build("resnet23", 3, 10, seed=0)
