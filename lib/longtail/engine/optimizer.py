"""SGD or Adam, as the recipe says, with learning rates that can change within a captured step."""

import inspect
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from longtail.settings.recipe import Recipe

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """An optimiser class without the wrappers of its methods, which load PyTorch's compiler (seconds in every job).

    The wrappers only mark limits for that compiler and turn gradients off in a step, which is done here too.
    """
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    methods["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[Kind], type(kind.__name__, (kind,), methods))


SGD, Adam = without_compiler(torch.optim.SGD), without_compiler(torch.optim.Adam)


def build(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser for parameter groups; each group's rate is the recipe's times its `rate_factor`.

    The default `optimizer` of a recipe is SGD.
    """
    on_gpu = groups[0]["params"][0].is_cuda
    if recipe.optimizer == "adam":
        # One kernel for all parameters; on a GPU, with step counts that a captured step can use.
        rate, decay = recipe.learning_rate, recipe.weight_decay
        return Adam(groups, lr=rate, weight_decay=decay, fused=True, capturable=on_gpu)
    return SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        # One kernel for all parameters, which reads the rate from the device.
        fused=True if on_gpu else None,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group to its multiple of the recipe's rate; in place if it is a tensor (`hold_rates`)."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate * group["rate_factor"])
        else:
            group["lr"] = rate * group["rate_factor"]


def hold_rates(optimizer: torch.optim.Optimizer) -> None:
    """Create tensors for rates and optimiser state before the first step, so that captured steps can use them.

    What is a tensor already stays the same one.
    PyTorch's first momentum is g, which equals 0.9·0 + g with a momentum of zeros. Adam starts with zeros anyway.
    """
    for group in optimizer.param_groups:
        device = group["params"][0].device
        if not isinstance(group["lr"], Tensor):
            group["lr"] = torch.tensor(float(group["lr"]), device=device)
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if "betas" in group:
                state.setdefault("step", torch.zeros((), device=device))
                for average in ("exp_avg", "exp_avg_sq"):
                    state.setdefault(average, torch.zeros_like(parameter))
            elif group["momentum"]:
                state.setdefault("momentum_buffer", torch.zeros_like(parameter))


def state_tensors(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    """Every tensor that the optimiser keeps from step to step."""
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))
