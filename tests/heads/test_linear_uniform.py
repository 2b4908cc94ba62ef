import math

import pytest
import torch
from torch import nn

from longtail.heads import linear, linear_uniform


def test_all_is_uniform_between_the_bounds_of_pytorch() -> None:
    torch.manual_seed(0)
    head = linear_uniform.build({}, 64, 200)
    bound = 1 / math.sqrt(64)
    assert 0.999 * bound < head.weight.abs().max().item() <= bound
    assert 0.9 * bound < head.bias.abs().max().item() <= bound
    # Five standard errors of the standard deviation of so many uniform draws, whose fourth moment is 9/5 of σ⁴.
    error = 5 * math.sqrt((9 / 5 - 1) / (4 * head.weight.numel()))
    assert head.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=error)


def test_it_is_pytorchs_own_and_smaller_than_the_head_of_ldam() -> None:
    torch.manual_seed(0)
    head = linear_uniform.build({}, 64, 200)
    torch.manual_seed(0)
    own = nn.Linear(64, 200)
    assert torch.equal(head.weight, own.weight)
    assert torch.equal(head.bias, own.bias)
    assert (linear.build({}, 64, 200).weight.std() / head.weight.std()).item() == pytest.approx(2.45, rel=0.03)
