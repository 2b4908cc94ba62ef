import subprocess
import sys

import pytest
import torch
from tests.small_settings import RECIPE as small_recipe
from tests.small_settings import changed

from longtail.engine import optimizer
from longtail.runtime.parts import LIB

RECIPE = changed(small_recipe, learning_rate=0.1, weight_decay=0.01)


def groups():
    torch.manual_seed(0)
    return [
        {"params": [torch.nn.Parameter(torch.randn(3))], "rate_factor": 1.0},
        {"params": [torch.nn.Parameter(torch.randn(2))], "rate_factor": 0.5},
    ]


@pytest.mark.parametrize("held", [False, True])
def test_groups_learn_at_their_multiple_of_the_rate(held: bool) -> None:
    given = groups()
    sgd = optimizer.build(given, RECIPE)
    if held:
        optimizer.hold_rates(sgd)
    tensors = [group["lr"] for group in sgd.param_groups]
    for rate in (0.1, 0.02):
        optimizer.set_rate(sgd, rate)
        assert [float(group["lr"]) for group in sgd.param_groups] == pytest.approx([rate, rate / 2])
    assert all((group["lr"] is lr) == held for group, lr in zip(sgd.param_groups, tensors, strict=True))


def test_held_rates_and_momenta_change_no_update() -> None:
    results = []
    for held in (False, True):
        given = groups()
        sgd = optimizer.build(given, RECIPE)
        if held:
            optimizer.hold_rates(sgd)
        for rate in (0.1, 0.05, 0.01):
            optimizer.set_rate(sgd, rate)
            for group in given:
                group["params"][0].grad = torch.sin(group["params"][0].detach())
            sgd.step()
        results.append(torch.cat([group["params"][0].detach() for group in given]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-6, atol=1e-7)


def test_adam_is_pytorchs_whether_or_not_its_averages_are_held() -> None:
    expected, results = groups(), []
    plain = [torch.optim.Adam(group["params"], lr=0.1 * group["rate_factor"]) for group in expected]
    for held in (False, True):
        given = groups()
        adam = optimizer.build(given, changed(RECIPE, optimizer="adam", weight_decay=0.0))
        if held:
            optimizer.hold_rates(adam)
            assert len(list(optimizer.state_tensors(adam))) == 6
        optimizer.set_rate(adam, 0.1)
        for _ in range(3):
            for group in given:
                group["params"][0].grad = torch.sin(group["params"][0].detach())
            adam.step()
        results.append(torch.cat([group["params"][0].detach() for group in given]))
    for _ in range(3):
        for group, one in zip(expected, plain, strict=True):
            group["params"][0].grad = torch.sin(group["params"][0].detach())
            one.step()
    torch.testing.assert_close(results[0], torch.cat([group["params"][0].detach() for group in expected]))
    torch.testing.assert_close(results[1], results[0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_training_never_loads_the_compiler(name: str) -> None:
    code = f"""
import sys, torch
from longtail.engine import optimizer
from tests.small_settings import RECIPE, changed
parameter = torch.nn.Parameter(torch.ones(3))
recipe = changed(RECIPE, optimizer="{name}")
found = optimizer.build([{{"params": [parameter], "rate_factor": 1.0}}], recipe)
found.zero_grad()
parameter.sum().backward()
found.step()
found.load_state_dict(found.state_dict())
assert not parameter.equal(torch.ones(3))
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": f"{LIB.parent}:{LIB.parents[1]}"})


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_steps_without_the_compiler_are_those_of_pytorch(kind: type[torch.optim.Optimizer]) -> None:
    ended = []
    for each in (kind, optimizer.without_compiler(kind)):
        torch.manual_seed(0)
        parameter = torch.nn.Parameter(torch.randn(5, 3))
        found = each([parameter], lr=0.1, weight_decay=1e-2)
        for _ in range(5):
            found.zero_grad()
            (parameter * torch.arange(15.0).view(5, 3)).pow(2).sum().backward()
            found.step()
        ended.append(parameter.detach().clone())
    assert torch.equal(*ended)
