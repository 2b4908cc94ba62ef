"""SGD as the recipes want it, with rates that a captured step can follow."""

from typing import Any

import torch


def sgd(groups: list[dict[str, Any]], recipe: dict[str, Any]) -> torch.optim.Optimizer:
    """SGD over parameter groups, each with its `rate_factor`: the multiple of the recipe's rate it learns at."""
    on_gpu = groups[0]["params"][0].is_cuda
    return torch.optim.SGD(
        groups,
        lr=recipe["learning_rate"],
        momentum=recipe["momentum"],
        weight_decay=recipe["weight_decay"],
        nesterov=recipe["nesterov"],
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
    """Keep rates and momenta in tensors from the start, so that a recorded step finds them where they were.

    The momentum of a first step, 0.9·0 + g, is what PyTorch begins with: g.
    """
    for group in optimizer.param_groups:
        device = group["params"][0].device
        group["lr"] = torch.tensor(float(group["lr"]), device=device)
        for parameter in group["params"]:
            if group["momentum"]:
                optimizer.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
