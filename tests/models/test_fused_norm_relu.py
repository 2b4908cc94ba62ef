"""Fused batch norm, addition and ReLU: their numbers in Triton's interpreter, their compilation, and themselves."""

import copy
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests import small
from torch import nn

from longtail.engine import optimizer, step
from longtail.models import _norm_relu, network, resnet32
from longtail.runtime.fingerprint import ROOT
from longtail.stage1.learner import Stage1Learner

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="compiled kernels need a GPU")
# Compiles all kernels as training would, with a stand-in for the driver, and prints what each instruction set has.
COMPILES = """
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver, jit
from longtail.models import _fused_norm_relu

class Driver:
    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

def compile_only(kernel, *arguments, grid, warmup, **constants):
    ptx = run(kernel, *arguments, grid=grid, warmup=True, **constants).asm["ptx"]
    print(kernel.__name__, "rounds" if "cvt.rn.bf16" in ptx else "", "spills" if ".local" in ptx else "")

run, jit.JITFunction.run = jit.JITFunction.run, compile_only
driver.set_active(Driver())
for planes in (16, 64):
    _fused_norm_relu.check([planes], torch.device("cpu"), torch.bfloat16)
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT / "lib"), str(ROOT)])
    own = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run([sys.executable, *command], env=own, cwd=ROOT, capture_output=True, text=True, check=False)


def test_cases_hold_in_the_interpreter() -> None:
    pytest.importorskip("triton", reason="PyTorch without CUDA has no Triton")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/models/fused_cases.py", TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout[-5000:]


def test_kernels_compile_for_a_gpu_without_one(tmp_path: Path) -> None:
    """No element is kept in memory in between, and bfloat16 is rounded to the nearest."""
    pytest.importorskip("triton", reason="PyTorch without CUDA has no Triton")
    done = run("-c", COMPILES, TRITON_CACHE_DIR=str(tmp_path), TRITON_INTERPRET="0")
    assert done.returncode == 0, done.stderr[-5000:]
    kernels = [line.split(" ") for line in done.stdout.splitlines()]
    assert {name for name, *_ in kernels} == {"_moments", "_normalise", "_gradient_sums", "_input_gradient"}
    assert all(spills == "" for _, _, spills in kernels)
    assert all(rounds == "rounds" for name, rounds, _ in kernels if name in ("_normalise", "_input_gradient"))


@pytest.mark.parametrize("missing", [True, False])
def test_where_kernels_cannot_be_compiled_modules_are_used(
    missing: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without Triton, and with it where it finds no GPU."""
    if missing:
        monkeypatch.setitem(sys.modules, "triton", None)
        monkeypatch.delitem(sys.modules, "longtail.models._fused_norm_relu", raising=False)
    built = network.build("resnet32", 1, 10, seed=0)
    with caplog.at_level(logging.WARNING):
        network.fuse(built, "resnet32", torch.float32)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("compute.fused has no effect, so training is slower: ")
    assert ("triton" in caplog.messages[0]) == missing
    blocks = [module for module in built.modules() if isinstance(module, resnet32.BasicBlock | resnet32.ResNet32)]
    assert len(blocks) == 16
    assert all(block.norm_relu is _norm_relu.norm_relu for block in blocks)


def test_other_backbones_have_none(caplog: pytest.LogCaptureFixture) -> None:
    built = network.build("resnet10", 3, 10, seed=0)
    network.fuse(built, "resnet10", torch.float32)
    assert caplog.messages == ["compute.fused has no effect: backbone resnet10 has no fused kernels"]


@needs_gpu
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("shape", [(128, 16, 32, 32), (128, 32, 16, 16), (77, 64, 8, 8), (1, 64, 8, 8)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 2**-8)])
def test_compiled_kernels_do_what_modules_do(
    dtype: torch.dtype, tolerance: float, shape: tuple[int, ...], shortcut: bool
) -> None:
    """Against float64 of the same numbers; and twice the same bytes."""
    from longtail.models import _fused_norm_relu

    torch.manual_seed(0)
    norm = nn.BatchNorm2d(shape[1], device="cuda")
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    made = [torch.randn(shape, device="cuda", dtype=dtype).to(memory_format=torch.channels_last) for _ in range(3)]
    # What lies so close to ReLU's corner may be on either side of it, and gets no gradient here.
    before = copy.deepcopy(norm).double()(made[0].double()) + (made[1].double() if shortcut else 0.0)
    made[2].masked_fill_(before.detach().abs() < 1e-4, 0.0)
    results = []
    for function, kind in (
        (_fused_norm_relu.norm_relu, dtype),
        (_fused_norm_relu.norm_relu, dtype),
        (_norm_relu.norm_relu, torch.float64),
    ):
        own = copy.deepcopy(norm).to(torch.float64 if kind == torch.float64 else torch.float32)
        maps, added, gradient = (values.to(kind, copy=True).requires_grad_() for values in made)
        out = function(own, maps * 1, added * 1) if shortcut else function(own, maps * 1)
        out.backward(gradient.detach())
        of_inputs = [maps.grad, added.grad] if shortcut else [maps.grad]
        results.append([out, *of_inputs, own.weight.grad, own.bias.grad, *own.buffers()])
    for found, again, exact in zip(*results, strict=True):
        assert torch.equal(found, again)
        scale = float(exact.detach().abs().max())
        torch.testing.assert_close(found.double(), exact.double(), rtol=tolerance, atol=1e-5 * max(1.0, scale))


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_captured_fused_steps_do_what_steps_do(precision: str) -> None:
    """Losses of two epochs with ragged last batches, at a rate at which rounding does not grow."""

    def losses(**compute: bool) -> torch.Tensor:
        settings = {"device": "cuda", "precision": precision, "deterministic": True, **compute}
        built = Stage1Learner(*small.data(), small.changed(small.STAGE1, compute=settings))
        one = step.make(built)
        optimizer.set_rate(built.optimizer, 1e-3)
        return torch.stack([one(batch) for number in (1, 2) for batch in built.batches(built.epoch(number))])

    captured = losses(fused=True)
    torch.testing.assert_close(captured, losses(fused=True, capture=False), rtol=1e-3, atol=1e-3)
    within = 1e-4 if precision == "float32" else 0.1
    torch.testing.assert_close(captured, losses(fused=False), rtol=within, atol=within)
