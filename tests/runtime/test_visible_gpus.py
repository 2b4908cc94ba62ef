import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.devices import Devices

from longtail.runtime import visible_gpus
from longtail.runtime.fingerprint import ROOT

made_for = visible_gpus._made_for


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Devices:
    return Devices(tmp_path, monkeypatch)


def test_gpus_of_nvidia_are_counted_by_their_files(devices: Devices) -> None:
    assert visible_gpus.names() == []
    devices.nvidia(0, 1, 10)
    assert visible_gpus.names() == ["0", "1", "2"]


def test_the_only_gpu_of_a_container_is_the_first_whatever_its_file(devices: Devices) -> None:
    devices.nvidia(2)
    assert visible_gpus.names() == ["0"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("2,GPU-7f", ["2", "GPU-7f"]),
        (" 1 , 0 ", ["1", "0"]),
        ("MIG-4f1a,MIG-GPU-8d/1/0", ["MIG-4f1a", "MIG-GPU-8d/1/0"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["0"]),
        ("NoDevFiles", []),
    ],
)
def test_the_variable_chooses_among_them(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, chosen: str, expected: list[str]
) -> None:
    devices.nvidia(0, 1, 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus.names() == expected


def test_wsl_is_asked_by_the_program_that_is_not_on_the_path(devices: Devices) -> None:
    devices.wsl('[ "$1" = -L ] && echo "GPU 0: NVIDIA RTX A5000 (UUID: GPU-7f)" || echo "NVIDIA RTX A5000"')
    assert (visible_gpus.names(), visible_gpus.model()) == (["0"], "NVIDIA RTX A5000")


@pytest.mark.parametrize(
    "script", ["echo 'No devices were found'; exit 6", "echo 'No devices were found'", "sleep 60"]
)
def test_wsl_without_a_gpu_of_nvidia_has_none(devices: Devices, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(visible_gpus, "SECONDS", 0.5)
    devices.wsl(script)
    assert (visible_gpus.names(), visible_gpus.model()) == ([], None)


def test_plain_linux_starts_no_program_to_count(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    devices.nvidia(0)
    assert (visible_gpus.names(), visible_gpus.model()) == (["0"], "NVIDIA H200")


def test_the_model_is_that_of_the_driver_where_no_file_tells(
    devices: Devices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert visible_gpus.model() is None
    devices.file("bin/nvidia-smi", "#!/bin/sh\necho NVIDIA L4; echo NVIDIA L4\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert visible_gpus.model() == "NVIDIA L4"


def test_part_of_a_gpu_is_another_model(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    devices.nvidia(0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-4f1a")
    assert visible_gpus.model() == "NVIDIA H200 MIG"


def test_gpus_of_amd_are_counted_without_the_processors(devices: Devices) -> None:
    devices.amd(128, 129)
    assert visible_gpus.names() == ["0", "1"]
    assert visible_gpus.variable() == "HIP_VISIBLE_DEVICES"
    assert visible_gpus.model() == "AMD 4098:29857"
    devices.file("sys/class/drm/renderD128/device/product_name", "AMD Instinct MI300X\n")
    assert visible_gpus.model() == "AMD Instinct MI300X"


def test_gpus_of_amd_that_a_container_does_not_have_do_not_count(devices: Devices, tmp_path: Path) -> None:
    devices.amd(128, 129, 130)
    (tmp_path / "dev/dri/renderD128").unlink()
    assert visible_gpus.names() == ["0", "1"]
    (tmp_path / "dev/kfd").unlink()
    assert visible_gpus.names() == []


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, "CUDA_VISIBLE_DEVICES", ["1"]),
        ({"ROCR_VISIBLE_DEVICES": "0,GPU-7f", "CUDA_VISIBLE_DEVICES": "1"}, "ROCR_VISIBLE_DEVICES", ["0", "GPU-7f"]),
        ({"HIP_VISIBLE_DEVICES": "1", "ROCR_VISIBLE_DEVICES": "2,3"}, "HIP_VISIBLE_DEVICES", ["1"]),
    ],
)
def test_amd_has_three_variables(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], variable: str, expected: list[str]
) -> None:
    devices.amd(128, 129)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert (visible_gpus.variable(), visible_gpus.names()) == (variable, expected)


@pytest.mark.parametrize("platform", ["cuda", None])
def test_gpus_that_the_installed_pytorch_cannot_use_do_not_count(devices: Devices, platform: str | None) -> None:
    """As the graphics of an AMD processor beside PyTorch for CUDA, or any GPU after `make cpu`."""
    devices.amd(128)
    devices.nvidia(*([] if platform else [0]))
    devices.torch_for(*([platform] if platform else []))
    assert visible_gpus.names() == []
    assert visible_gpus.variable() == "CUDA_VISIBLE_DEVICES"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("cuda: Optional[str] = '13.2'\nhip: Optional[str] = None\nrocm: Optional[str] = None", {"cuda"}),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '7.1.25424'", {"hip"}),
        ("cuda: Optional[str] = None\nhip: Optional[str] = None", set()),
        (None, {"cuda"}),
    ],
)
def test_pytorch_says_in_a_file_what_it_is_made_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str | None, expected: set[str]
) -> None:
    (tmp_path / "version.py").write_text(f"from typing import Optional\n\n{lines}\n")
    spec = importlib.machinery.ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if lines else None)
    assert made_for.__wrapped__() == expected


def test_the_installed_pytorch_is_read_right_and_not_imported() -> None:
    import torch

    assert made_for() == {
        name for name, version in (("cuda", torch.version.cuda), ("hip", torch.version.hip)) if version
    }
    program = (
        "import sys; from longtail.runtime import visible_gpus as g; g.names(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": str(ROOT / "lib")}, check=True)
