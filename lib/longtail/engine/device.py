"""Where and in which precision a job computes."""

from typing import Any

import torch

from longtail.runtime.errors import InputError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def autocast(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """The context in which a network computes in `precision`; in float32 it changes nothing."""
    return torch.autocast(device.type, dtype=precision, enabled=precision != torch.float32)


def prepare(compute: dict[str, Any]) -> tuple[torch.device, torch.dtype]:
    """Set the thread count, which settles the bytes of a CPU result, and give device and autocast type.

    `auto` is the GPU where there is one, in bfloat16, and else the CPU in float32.
    Raises InputError when a GPU is asked for and there is none.
    """
    torch.set_num_threads(compute["threads"])
    # cuDNN would otherwise compute "float32" convolutions in TF32, 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    name = compute["device"]
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("compute.device is 'cuda' but PyTorch sees no GPU here: set it to 'auto' or 'cpu'")
    precision = compute["precision"]
    if precision == "auto":
        precision = "bfloat16" if name == "cuda" else "float32"
    return torch.device(name), PRECISIONS[precision]
