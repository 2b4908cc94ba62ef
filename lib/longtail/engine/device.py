"""The device and the precision that a job computes with."""

import os
from dataclasses import dataclass

import torch

from longtail.runtime.errors import InputError
from longtail.settings.compute import Compute

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Backend:
    """The device, the autocast type of training, and whether training steps are captured as CUDA graphs."""

    device: torch.device
    precision: torch.dtype
    capture: bool

    @property
    def accelerator(self) -> str | None:
        """Name of the GPU, if it is one."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else None

    def autocast(self) -> torch.autocast:
        """The context in which a network trains; in float32 it changes nothing."""
        return torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32)


def prepare(compute: Compute, rank: int = 0) -> Backend:
    """Set the thread count, which settles the bytes of a CPU result, and the kinds of kernel; give the rest.

    `auto` is the GPU where there is one, in bfloat16, and else the CPU, in bfloat16 where it computes in it.
    Process `rank` of a training takes GPU number `rank`, round and round.
    Raises InputError when a GPU is asked for and there is none.
    """
    torch.set_num_threads(compute.threads)
    name: str = compute.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("compute.device is 'cuda' but PyTorch sees no GPU here: set it to 'auto' or 'cpu'")
    precision: str = compute.precision
    if precision == "auto":
        precision = "bfloat16" if name == "cuda" or computes_bfloat16() else "float32"
    device = torch.device(name)
    if name == "cuda":
        device = torch.device("cuda", rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        _choose_kernels(compute.deterministic)
    return Backend(device, PRECISIONS[precision], compute.capture and name == "cuda")


def workers(cores: int, compute: Compute, processes: int = 1) -> int:
    """Processes that may decode images: the cores of a job beside those that compute."""
    return max(0, cores - compute.threads * processes)


def computes_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; without them it is slower than float32, not faster."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def _choose_kernels(deterministic: bool) -> None:
    # cuDNN would otherwise compute "float32" convolutions in TF32, 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)
    if deterministic:
        # Read by cuBLAS when it is first used; without it its sums depend on how streams interleave.
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
