import math

import pytest
import torch

from longtail.heads import rare_start


def build(features=64, classes=200):
    torch.manual_seed(0)
    return rare_start.build({"name": "rare_start"}, features, classes)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_every_class_begins_with_a_probability_of_one_in_k(classes: int) -> None:
    logits = build(8, classes)(torch.zeros(1, 8))
    torch.testing.assert_close(torch.sigmoid(logits), torch.full((1, classes), 1 / classes))


def test_one_class_begins_even() -> None:
    assert build(8, 1).bias.tolist() == [0.0]


def test_weights_begin_kaiming_normal() -> None:
    weight = build().weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=5 / math.sqrt(2 * weight.numel()))
    assert weight.abs().max() > 3 * math.sqrt(2 / 64)


def test_bias_is_learnt_and_spared_by_weight_decay() -> None:
    head = build()
    assert head.undecayed == ("bias",)
    assert head.bias.requires_grad
