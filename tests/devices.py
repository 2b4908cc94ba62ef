"""Made-up machines: the files by which GPUs are found, in a folder that stands in for the root of the file system."""

from pathlib import Path

import pytest

from longtail.runtime import visible_gpus


class Devices:
    """A machine without GPUs, and with the PyTorch that is installed taken for one for CUDA."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.monkeypatch = monkeypatch
        monkeypatch.setattr(visible_gpus, "SYSTEM", root)
        for name in (visible_gpus.CUDA, visible_gpus.HIP, visible_gpus.ROCR):
            monkeypatch.delenv(name, raising=False)
        self.torch_for("cuda")
        # Programs of this machine, but no nvidia-smi.
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        for name in ("null", "nvidiactl", "nvidia-uvm", "nvidia-caps/nvidia-cap1"):
            self.file(f"dev/{name}")

    def torch_for(self, *platforms: str) -> None:
        """An installed PyTorch that is made for these."""
        self.monkeypatch.setattr(visible_gpus, "_made_for", lambda: frozenset(platforms))

    def file(self, path: str, text: str = "") -> Path:
        """A file with this content."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def nvidia(self, *numbers: int, model: str = "NVIDIA H200") -> None:
        """GPUs of NVIDIA on plain Linux."""
        for number in numbers:
            self.file(f"dev/nvidia{number}")
            text = f"Model: \t\t {model}\nIRQ:   \t\t 120\nGPU UUID: \t GPU-{number}\n"
            self.file(f"proc/driver/nvidia/gpus/0000:{number:02}:00.0/information", text)

    def wsl(self, script: str) -> None:
        """WSL2, where nvidia-smi is a program that is not on the PATH."""
        self.file("dev/dxg")
        self.file("usr/lib/wsl/lib/nvidia-smi", f"#!/bin/sh\n{script}\n").chmod(0o755)

    def amd(self, *minors: int) -> None:
        """A processor and GPUs of AMD, with the minor numbers of their device files."""
        self.torch_for("hip")
        self.file("dev/kfd")
        nodes = "sys/class/kfd/kfd/topology/nodes"
        self.file(f"{nodes}/0/properties", "cpu_cores_count 64\nsimd_count 0\ndrm_render_minor 0\n")
        for node, minor in enumerate(minors, start=1):
            text = f"cpu_cores_count 0\nsimd_count 1216\nvendor_id 4098\ndevice_id 29857\ndrm_render_minor {minor}\n"
            self.file(f"{nodes}/{node}/properties", text)
            self.file(f"dev/dri/renderD{minor}")
