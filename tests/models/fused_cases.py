"""Fused batch norm, addition and ReLU against PyTorch's modules, in Triton's interpreter.

The interpreter has to be chosen before Triton is imported, so `test_fused_norm_relu` runs these in another process.
"""

import copy
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.models import _fused_norm_relu as fused
from longtail.models import _norm_relu as plain
from longtail.models import network
from longtail.models.resnet32 import BasicBlock

# Relative and absolute error of results that are of the order of one.
EXACT = {"rtol": 1e-9, "atol": 1e-9}
SINGLE = {"rtol": 2e-5, "atol": 2e-5}
# One rounding to bfloat16, of 8 bits; the interpreter cuts further bits off, where a GPU rounds to the nearest.
ROUNDED = {"rtol": 2**-7, "atol": 1e-5}


class Done(NamedTuple):
    """What one call of a function computes and changes."""

    out: Tensor
    of_maps: Tensor
    of_weight: Tensor
    of_bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    tracked: Tensor
    of_shortcut: Tensor | None


def inputs(planes: int, shape: tuple[int, int, int], mean: float = 0.0) -> tuple[Any, Tensor, Tensor, Tensor]:
    """A batch norm with weights and statistics, maps, a shortcut and a gradient; `shape` is images, height, width."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(planes)
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    images, height, width = shape
    made = [torch.randn(images, planes, height, width).to(memory_format=torch.channels_last) for _ in range(3)]
    return norm, 2 * made[0] + mean, made[1], made[2]


def done(function: Any, dtype: torch.dtype, shortcut: bool, *given: Any, norm_dtype: Any = torch.float32) -> Done:
    norm, maps, added, gradient = given
    norm = copy.deepcopy(norm).to(norm_dtype)
    maps, added = (values.to(dtype, copy=True).requires_grad_() for values in (maps, added))
    # Products, because the modules change their inputs in place.
    out = function(norm, maps * 1, added * 1) if shortcut else function(norm, maps * 1)
    assert out.dtype == dtype
    out.backward(gradient.to(dtype))
    gradients = (maps.grad, norm.weight.grad, norm.bias.grad)
    return Done(out.detach(), *gradients, *norm.buffers(), added.grad)


def compare(found: Done, expected: Done, maps: dict[str, float], sums: dict[str, float]) -> None:
    """Maps within one tolerance, and within another what is summed over all rows: gradients and statistics."""
    for name in Done._fields:
        ours, theirs = getattr(found, name), getattr(expected, name)
        if theirs is None:
            assert ours is None
            continue
        tolerance = maps if name in ("out", "of_maps", "of_shortcut") else sums
        said = f"{name}: {{}}".format
        torch.testing.assert_close(ours.double(), theirs.double(), **tolerance, msg=said)


# Planes, and images with height and width.
SHAPES = [(16, (3, 8, 8)), (16, (77, 4, 4)), (64, (77, 2, 2)), (64, (1, 8, 8)), (32, (2, 1, 1)), (32, (2, 3, 5))]


@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize(("planes", "shape"), SHAPES)
def test_float64_is_that_of_the_modules(planes: int, shape: Any, shortcut: bool) -> None:
    given, double = inputs(planes, shape), {"norm_dtype": torch.float64}
    found = done(fused.norm_relu, torch.float64, shortcut, *given, **double)
    compare(found, done(plain.norm_relu, torch.float64, shortcut, *given, **double), EXACT, EXACT)


@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, SINGLE), (torch.bfloat16, ROUNDED)])
def test_lower_precisions_are_rounded_once(dtype: torch.dtype, tolerance: Any, shortcut: bool) -> None:
    """Against float64 of the same numbers: all arithmetic is in float32, and maps are rounded at the end."""
    norm, *maps = inputs(32, (77, 4, 4))
    given = (norm, *(values.to(dtype) for values in maps))
    found = done(fused.norm_relu, dtype, shortcut, *given)
    exact = done(plain.norm_relu, torch.float64, shortcut, *given, norm_dtype=torch.float64)
    compare(found, exact, tolerance, {"rtol": 2e-5, "atol": 2e-4})


@pytest.mark.parametrize("shortcut", [False, True])
def test_programs_with_several_tiles_and_a_ragged_end(monkeypatch: pytest.MonkeyPatch, shortcut: bool) -> None:
    monkeypatch.setattr(fused, "PROGRAMS", 4)
    monkeypatch.setattr(fused, "TILE", 256)
    given, double = inputs(16, (7, 5, 5)), {"norm_dtype": torch.float64}
    grid, rows, constants = fused._plan(given[1])
    assert (grid, rows, constants["ROWS"]) == ((4,), (175, 48), 16)  # the last program has 31 rows
    found = done(fused.norm_relu, torch.float64, shortcut, *given, **double)
    compare(found, done(plain.norm_relu, torch.float64, shortcut, *given, **double), EXACT, EXACT)


def test_a_large_mean_does_not_cancel_the_variance() -> None:
    """The difference of the mean square and the squared mean would be off by percents here."""
    norm, maps, _, _ = inputs(16, (9, 8, 8), mean=1000.0)
    norm.momentum = 1.0
    fused.norm_relu(norm, maps)
    torch.testing.assert_close(norm.running_var.double(), maps.double().var((0, 2, 3)), rtol=1e-4, atol=0)


@pytest.mark.parametrize("shortcut", [False, True])
def test_gradients_are_those_of_finite_differences(shortcut: bool) -> None:
    norm, maps, added, _ = inputs(2, (2, 2, 2))
    norm.double()
    weights = [norm.weight.detach().clone().requires_grad_(), norm.bias.detach().clone().requires_grad_()]
    maps, added = (values.double().requires_grad_() for values in (maps, added))

    def function(maps: Tensor, added: Tensor, weight: Tensor, bias: Tensor) -> Any:
        return fused._NormReLU.apply(maps, added if shortcut else None, weight, bias, norm)

    given = (maps, added if shortcut else added.detach(), *weights)
    assert torch.autograd.gradcheck(function, given)


def test_what_is_no_number_stays() -> None:
    """ReLU must not make zeros of it: a training whose loss is not finite has to end."""
    norm, maps, _, gradient = inputs(4, (2, 3, 3))
    maps[0, 1, 2, 2] = torch.nan
    maps.requires_grad_()
    out = fused.norm_relu(norm, maps)
    out.backward(gradient)
    for values in (out, maps.grad):
        assert values is not None
        assert values[:, 1].isnan().all()
        assert values[:, [0, 2, 3]].isfinite().all()
    assert norm.running_var.isnan().tolist() == [False, True, False, False]


def test_maps_in_the_other_format_are_taken() -> None:
    norm, maps, added, _ = inputs(16, (2, 4, 4))
    expected = fused.norm_relu(copy.deepcopy(norm), maps, added)
    assert torch.equal(fused.norm_relu(norm, maps.contiguous(), added.contiguous()), expected)


def test_statistics_move_without_gradients() -> None:
    """As in a Stage 2 with shifted batch norm."""
    norm, maps, _, _ = inputs(16, (3, 4, 4))
    other = copy.deepcopy(norm)
    with torch.no_grad():
        found, expected = fused.norm_relu(norm, maps), plain.norm_relu(other, maps)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(norm.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_out_of_training_it_is_the_module() -> None:
    norm, maps, added, _ = inputs(16, (3, 4, 4))
    norm.eval()
    assert torch.equal(fused.norm_relu(norm, maps, added), F.relu(norm(maps) + added))
    assert norm.num_batches_tracked == 0
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        fused.norm_relu(norm.train(), maps[:1, :, :1, :1])


@pytest.mark.parametrize("block", [BasicBlock(16, 16, 1), BasicBlock(16, 32, 2)])
def test_a_block_is_that_of_the_modules(block: BasicBlock) -> None:
    block = block.double().to(memory_format=torch.channels_last)
    results = []
    for function in (fused.norm_relu, plain.norm_relu):
        own = copy.deepcopy(block)
        own.norm_relu = function
        x = torch.linspace(-1, 2, 3 * 16 * 36).sin().view(3, 16, 6, 6).double().requires_grad_()
        out = own(x * 1)
        out.square().sum().backward()
        results.append([out, x.grad, *(p.grad for p in own.parameters()), *own.buffers()])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, **EXACT)


class Counted:
    """A kernel that counts how often it is launched."""

    def __init__(self, kernel: Any) -> None:
        self.kernel, self.launches = kernel, 0

    def __getitem__(self, grid: Any) -> Any:
        self.launches += 1
        return self.kernel[grid]


KERNELS = ("_moments", "_normalise", "_gradient_sums", "_input_gradient")


@pytest.mark.parametrize(("backbone", "fused_norms"), [("resnet32", 31), ("bbn_resnet32", 32)])
def test_a_training_step_is_that_of_the_modules(
    monkeypatch: pytest.MonkeyPatch, backbone: str, fused_norms: int
) -> None:
    for name in KERNELS:
        monkeypatch.setattr(fused, name, Counted(getattr(fused, name)))
    images, labels = torch.linspace(-2, 2, 5 * 64).sin().view(5, 1, 8, 8).double(), torch.tensor([0, 1, 2, 1, 0])
    results = []
    for way in ("modules", "fused"):
        built = network.build(backbone, 1, 3, seed=0).double().to(memory_format=torch.channels_last)
        if way == "fused":
            network.fuse(built, backbone, torch.float64)
            before = [getattr(fused, name).launches for name in KERNELS]
        optimizer = torch.optim.SGD(built.parameters(), lr=0.1)
        loss = F.cross_entropy(built(images), labels)
        loss.backward()
        optimizer.step()
        results.append([loss, *(p.grad for p in built.parameters()), *built.state_dict().values()])
    launches = [getattr(fused, name).launches - count for name, count in zip(KERNELS, before, strict=True)]
    assert launches == [fused_norms] * 4
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


def test_a_step_in_bfloat16_is_about_as_exact_as_that_of_the_modules() -> None:
    images, labels = torch.randn(9, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3
    found = {}
    for way, dtype in (("exact", torch.float64), ("modules", torch.float32), ("fused", torch.float32)):
        built = network.build("resnet32", 1, 3, seed=0).to(dtype).to(memory_format=torch.channels_last)
        if way == "fused":
            network.fuse(built, "resnet32", torch.bfloat16)
            assert built.casts_together
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float64):
            loss = F.cross_entropy(built(images.to(dtype)), labels)
        loss.backward()
        assert {p.grad.dtype for p in built.parameters() if p.grad is not None} == {dtype}
        found[way] = torch.cat([loss[None], *(p.grad.flatten() for p in built.parameters())]).double()
    errors = {way: (values - found["exact"]).norm() / found["exact"].norm() for way, values in found.items()}
    assert 0 < errors["fused"] < 1.5 * errors["modules"]
