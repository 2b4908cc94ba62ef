"""What every head promises, those to come included."""

import pytest
import torch
from tests import small
from torch import nn

from longtail.models import network
from longtail.runtime import parts
from longtail.settings.part import Part

every_head = pytest.mark.parametrize("name", parts.names("heads"))


def settings(name):
    named = small.blocks("head")[name]
    if not named:
        pytest.fail(f"head '{name}' is not tested: no file of config/methods names it")
    return named[0]


def build(name, features=8, classes=5):
    torch.manual_seed(0)
    return parts.find("heads", name).build(settings(name), features, classes)


@every_head
def test_features_become_logits_of_classes(name):
    head = build(name)
    features = torch.randn(6, 8, requires_grad=True)
    logits = head(features)
    assert logits.shape == (6, 5)
    assert logits.dtype == torch.float32
    assert logits.requires_grad
    assert torch.isfinite(head(torch.zeros(2, 8))).all()


@every_head
def test_all_that_is_learnt_is_drawn_from_the_seed(name):
    first, again = build(name), build(name)
    torch.manual_seed(1)
    other = parts.find("heads", name).build(settings(name), 8, 5)
    for key, value in first.named_parameters():
        assert torch.equal(value, again.get_parameter(key))
        assert torch.isfinite(value).all()
    assert not torch.equal(first.weight, other.weight)


@every_head
def test_what_is_spared_by_weight_decay_is_a_parameter(name):
    head = build(name)
    assert set(getattr(head, "undecayed", ())) <= {key for key, _ in head.named_parameters()}


@every_head
def test_linear_heads_have_weight_and_bias_and_are_linear(name):
    head = build(name).eval()
    features = torch.randn(6, 8)
    bias = getattr(head, "bias", None)
    if not parts.literal("heads", name, "LINEAR", False):
        assert bias is None
        return
    assert isinstance(head.weight, nn.Parameter)
    assert (head.weight.shape, bias.shape) == ((5, 8), (5,))
    torch.testing.assert_close(head(features), features @ head.weight.T + bias)


@every_head
def test_a_network_has_it_on_its_features(name):
    built = network.build("resnet32", 3, 5, seed=0, head=Part.parse(settings(name))).eval()
    assert type(built.classifier) is type(build(name))
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(built(images), built.classifier(built.backbone(images)))
