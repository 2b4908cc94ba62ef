"""What every head promises, those to come included."""

import pytest
import torch
from torch import nn

from longtail.models import network
from longtail.runtime import parts

SETTINGS = {
    "causal_norm": {"heads": 2, "tau": 16.0, "gamma": 1 / 32, "mu": 0.9, "alpha": 1.0},
    "cosine": {"scale": 30.0},
    "linear": {},
    "rare_start": {},
}
every_head = pytest.mark.parametrize("name", parts.names("heads"))


def settings(name):
    if name not in SETTINGS:
        pytest.fail(f"head '{name}' is not tested: add settings of it to SETTINGS in {__file__}")
    return {"name": name} | SETTINGS[name]


def build(name, features=8, classes=5):
    torch.manual_seed(0)
    return parts.find("heads", name).build(settings(name), features, classes)


def test_settings_here_are_those_of_heads_that_are():
    assert set(SETTINGS) <= set(parts.names("heads"))
    for name, chosen in SETTINGS.items():
        assert set(chosen) == set(parts.settings("heads", name)), name


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
    built = network.build("resnet32", 3, 5, seed=0, head=settings(name)).eval()
    assert type(built.classifier) is type(build(name))
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(built(images), built.classifier(built.backbone(images)))
