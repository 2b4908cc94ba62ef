"""Which GPU this is, and which versions work on it."""

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator

import torch
from benchmarks.gpu.running import GPU, Found, Order

from longtail.runtime import visible_gpus


def check(order: Order) -> Iterator[Found]:
    """Name, memory, driver and versions, after a first computation; without a GPU no name."""
    for what, value in facts().items():
        yield {"contestant": what, "rounds": 1, "value": value}


def facts() -> dict[str, str]:
    """What identifies a GPU machine."""
    if not torch.cuda.is_available():
        return {"torch": torch.__version__, "CUDA of torch": str(torch.version.cuda)}
    if torch.ones(3, device="cuda").sum().item() != 3:
        raise RuntimeError("the GPU computes 1 + 1 + 1 wrongly")
    about = torch.cuda.get_device_properties(0)
    driver = visible_gpus.nvidia_smi("--query-gpu=driver_version", "--format=csv,noheader")
    return {
        GPU: torch.cuda.get_device_name(),
        "GPUs": str(torch.cuda.device_count()),
        "memory": f"{about.total_memory / 2**30:.0f} GiB",
        "multiprocessors": str(about.multi_processor_count),
        "driver": next(iter(driver), "unknown (nvidia-smi does not say)"),
        "CUDA of torch": str(torch.version.cuda),
        "cuDNN": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "Triton": _version("triton"),
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "cores": str(len(os.sched_getaffinity(0))),
        "MPS": "there" if shutil.which("nvidia-cuda-mps-control") else "not there",
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not there"
