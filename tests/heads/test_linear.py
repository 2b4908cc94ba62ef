import math

import pytest
import torch

from longtail.heads import linear


def build(features=64, classes=200):
    torch.manual_seed(0)
    return linear.build({"name": "linear"}, features, classes)


def test_logits_by_hand() -> None:
    head = build(2, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, -1.0], [3.0, 0.5]]))
        head.bias.copy_(torch.tensor([10.0, 20.0, 30.0]))
    assert head(torch.tensor([[1.0, 4.0]])).tolist() == [[19.0, 16.0, 35.0]]


def test_weights_begin_kaiming_normal_and_the_bias_as_pytorchs() -> None:
    weight, bias = build().weight, build().bias
    # Five standard errors of a standard deviation of so many normal draws.
    assert weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=5 / math.sqrt(2 * weight.numel()))
    assert weight.abs().max() > 3 * math.sqrt(2 / 64)  # of a uniform draw none would be
    assert 0.9 / math.sqrt(64) < bias.abs().max() <= 1 / math.sqrt(64)
