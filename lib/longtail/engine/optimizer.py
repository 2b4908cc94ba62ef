"""SGD or Adam, as the recipe says, with learning rates that a captured step can follow."""

import inspect
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from longtail.settings.recipe import Recipe

Kind = TypeVar("Kind", bound=torch.optim.Optimizer)


def without_compiler(kind: type[Kind]) -> type[Kind]:
    """A kind of optimiser whose methods stand without their wrappers, which load PyTorch's compiler: seconds a job.

    The wrappers tell that compiler where to leave off, and keep a step out of the gradients, as is done here.
    """
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    methods["step"] = torch.no_grad()(inspect.unwrap(kind.step))
    return cast(type[Kind], type(kind.__name__, (kind,), methods))


SGD, Adam = without_compiler(torch.optim.SGD), without_compiler(torch.optim.Adam)


def build(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over parameter groups, each with the multiple of the recipe's rate it learns at.

    That multiple is the group's `rate_factor`. Without an `optimizer` a recipe means SGD.
    """
    on_gpu = groups[0]["params"][0].is_cuda
    if recipe.optimizer == "adam":
        # One kernel for all parameters; on a GPU, step counts that a recorded step finds where they were.
        rate, decay = recipe.learning_rate, recipe.weight_decay
        return Adam(groups, lr=rate, weight_decay=decay, fused=True, capturable=on_gpu)
    return SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
        # One kernel for all parameters, which also takes its rate from the device.
        fused=True if on_gpu else None,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its multiple of the recipe's rate; in place where the rate is a tensor (`hold_rates`)."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate * group["rate_factor"])
        else:
            group["lr"] = rate * group["rate_factor"]


def hold_rates(optimizer: torch.optim.Optimizer) -> None:
    """Keep rates and what the optimiser remembers in tensors from the start, so that a recorded step finds them.

    The momentum of a first step, 0.9·0 + g, is what PyTorch begins with: g. Adam begins with zeros as it is.
    """
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
        for parameter in group["params"]:
            state = optimizer.state[parameter]
            if "betas" in group:
                state.setdefault("step", torch.zeros((), device=device))
                for average in ("exp_avg", "exp_avg_sq"):
                    state.setdefault(average, torch.zeros_like(parameter))
            elif group["momentum"]:
                state.setdefault("momentum_buffer", torch.zeros_like(parameter))


def remembered(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    """Every tensor that the optimiser keeps from step to step."""
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))
