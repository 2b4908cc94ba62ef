"""The device and the precision of a job."""

import os
from dataclasses import dataclass

import torch

from longtail.runtime.errors import InputError
from longtail.settings.compute import Compute

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Backend:
    """The device, the precision of training, and whether training steps on a GPU are captured and kernels fused."""

    device: torch.device
    precision: torch.dtype
    capture: bool
    fused: bool = False

    @property
    def accelerator(self) -> str | None:
        """Name of the GPU, if it is one."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else None

    def autocast(self) -> torch.autocast:
        """The autocast context for training; it has no effect in float32."""
        return torch.autocast(self.device.type, dtype=self.precision, enabled=self.precision != torch.float32)


def prepare(compute: Compute, rank: int = 0) -> Backend:
    """Set PyTorch's number of threads (on which CPU results depend) and its GPU kernels; return device and precision.

    `auto` means a GPU with bfloat16 if there is one, else the CPU, with bfloat16 if it has instructions for it.
    Process `rank` of a training uses GPU number `rank` modulo the number of GPUs.
    Raises InputError if a GPU is requested and there is none.
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
    on_gpu = name == "cuda"
    return Backend(device, PRECISIONS[precision], compute.capture and on_gpu, compute.fused and on_gpu)


def workers(cores: int, compute: Compute, processes: int = 1) -> int:
    """Number of processes that may decode images: the cores of a job that are not used for computing."""
    return max(0, cores - compute.threads * processes)


def computes_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16; without them it is slower than float32, not faster."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _choose_kernels(deterministic: bool) -> None:
    # cuDNN would otherwise compute "float32" convolutions in TF32, 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)
    if deterministic:
        # cuBLAS reads this at its first use; without it, its sums depend on how streams interleave.
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
