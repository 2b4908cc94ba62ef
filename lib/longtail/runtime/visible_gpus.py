"""The GPUs that this process may use, found without PyTorch, whose import takes seconds.

Files tell how many there are: NVIDIA's driver has one in /dev for each, AMD's a folder in /sys. WSL2 has neither, so
there NVIDIA's own program is asked.
"""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

# The root of the file system.
SYSTEM = Path("/")
CUDA, HIP, ROCR = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"
SECONDS = 10.0


def names() -> list[str]:
    """The GPUs that this process may use, by their number or name: those that the variable chooses, else all."""
    chosen = os.environ.get(variable())
    if chosen is None:
        return [str(number) for number in range(_count())]
    found = []
    for name in map(str.strip, chosen.split(",")):
        # What comes after an invalid name is not visible: -1 hides all GPUs.
        if not re.match(r"\d|GPU-|MIG-", name):
            break
        found.append(name)
    return found


def variable() -> str:
    """The environment variable that chooses GPUs.

    Of those of ROCm, ROCR_VISIBLE_DEVICES applies first, and HIP_VISIBLE_DEVICES numbers the GPUs that are left.
    """
    if not is_rocm():
        return CUDA
    return next((name for name in (HIP, ROCR, CUDA) if name in os.environ), HIP)


def model() -> str | None:
    """The name of the first GPU, for NVIDIA's as PyTorch names it; None without a GPU or if it is unknown.

    Part of a GPU (MIG) has a name of its own, since it is slower.
    """
    if not (found := names()):
        return None
    name = _amd_model() if is_rocm() else _nvidia_model()
    return f"{name} MIG" if name and found[0].startswith("MIG-") else name


def is_rocm() -> bool:
    """Whether the installed PyTorch is made for AMD's GPUs."""
    return "hip" in _made_for()


def is_wsl() -> bool:
    """Whether this is Linux within Windows (WSL2), which reaches GPUs through the driver of Windows."""
    return (SYSTEM / "dev/dxg").exists()


def nvidia_smi(*arguments: str) -> list[str]:
    """The lines that NVIDIA's program prints; none if it is not there, fails or does not answer."""
    # Under WSL2 its folder may not be on the PATH.
    program = shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path=SYSTEM / "usr/lib/wsl/lib")
    if program is None:
        return []
    try:
        answer = subprocess.run([program, *arguments], capture_output=True, text=True, check=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _count() -> int:
    """How many GPUs the machine or the container has that the installed PyTorch can use."""
    if is_rocm():
        return len(_amd_nodes())
    if "cuda" not in _made_for():
        return 0
    # A container may have nvidia2 alone; CUDA then counts it as 0.
    files = [path for path in (SYSTEM / "dev").glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    if not files and is_wsl():
        return sum(line.startswith("GPU ") for line in nvidia_smi("-L"))
    return len(files)


def _amd_nodes() -> list[dict[str, str]]:
    """What the driver tells of each of AMD's GPUs that this process may open."""
    nodes, folder = [], SYSTEM / "sys/class/kfd/kfd/topology/nodes"
    for path in sorted(folder.glob("*/properties"), key=lambda path: int(path.parent.name)):
        try:
            properties = dict(line.split(maxsplit=1) for line in path.read_text().splitlines() if " " in line)
        except OSError:
            continue  # a GPU that this container may not use
        # Processors are nodes as well.
        device = SYSTEM / f"dev/dri/renderD{properties.get('drm_render_minor')}"
        if properties.get("simd_count", "0") != "0" and os.access(device, os.R_OK | os.W_OK):
            nodes.append(properties)
    return nodes if (SYSTEM / "dev/kfd").exists() else []


def _amd_model() -> str | None:
    nodes = _amd_nodes()
    if not nodes:
        return None
    file = SYSTEM / f"sys/class/drm/renderD{nodes[0]['drm_render_minor']}/device/product_name"
    name = file.read_text().strip() if file.is_file() else ""
    return name or f"AMD {nodes[0].get('vendor_id')}:{nodes[0].get('device_id')}"


def _nvidia_model() -> str | None:
    for path in sorted((SYSTEM / "proc/driver/nvidia/gpus").glob("*/information")):
        if found := re.search(r"^Model:\s*(.+?)\s*$", path.read_text(), re.MULTILINE):
            return found[1]
    lines = nvidia_smi("--query-gpu=name", "--format=csv,noheader")
    return lines[0] if lines else None


@functools.cache
def _made_for() -> frozenset[str]:
    """Which of `cuda` and `hip` the installed PyTorch is made for, by its version file.

    Without PyTorch here, jobs have an environment of their own, whose PyTorch is made for CUDA (`envs/`).
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return frozenset({"cuda"})
    text = Path(spec.origin).with_name("version.py").read_text()
    return frozenset(name for name in ("cuda", "hip") if re.search(rf"^{name}\b[^=]*= *['\"]", text, re.MULTILINE))
