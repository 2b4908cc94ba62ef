"""Batch norm and ReLU, with a shortcut added in between, in two kernels forward and two backward (Triton).

A map [B, C, H, W] in channels_last is a matrix of B·H·W rows and C columns. The first kernel of either direction
reduces it: each program sums over its own chunk of rows. The programs of the second kernel add up these partial sums,
each for itself and in the same order, and write the result. There are no atomic operations, so results repeat, and
nothing waits for the host, so both can be captured in a CUDA graph.
"""

from collections.abc import Iterable
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from longtail.models import _norm_relu

# None of the three numbers has been measured on a GPU.
# Programs of a kernel, at most: about the multiprocessors of a large GPU. Each reads the partial sums of all of them.
PROGRAMS = 128
# Elements that a program holds in registers at a time, and its warps of 32 threads.
TILE = 8192
WARPS = 16
# Offsets are 32-bit integers.
MOST_ELEMENTS = 2**31 - 1


def norm_relu(norm: nn.BatchNorm2d, maps: Tensor, shortcut: Tensor | None = None) -> Tensor:
    """What `_norm_relu.norm_relu` computes, but for rounding. The number of channels is a power of two.

    Out of training mode, of one value a channel, and of maps too large for the kernels, it is that function.
    """
    values = maps.numel() // maps.shape[1]
    if not norm.training or values == 1 or maps.numel() > MOST_ELEMENTS:
        return _norm_relu.norm_relu(norm, maps, shortcut)
    out: Tensor = _NormReLU.apply(maps, shortcut, norm.weight, norm.bias, norm)
    return out


def check(planes: Iterable[int], device: torch.device, precision: torch.dtype) -> None:
    """Compile and start all kernels for maps with so many planes; raises what Triton or CUDA raise if that fails."""
    for channels in planes:
        norm = nn.BatchNorm2d(channels, device=device)
        maps = torch.ones(2, channels, 1, 1, device=device, dtype=precision, requires_grad=True)
        norm_relu(norm, norm_relu(norm, maps), maps).sum().backward()  # type: ignore[no-untyped-call]
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _NormReLU(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, shortcut: Tensor | None, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d
    ) -> Tensor:
        maps = maps.contiguous(memory_format=torch.channels_last)
        if shortcut is not None:
            shortcut = shortcut.contiguous(memory_format=torch.channels_last)
        out = torch.empty_like(maps)
        grid, rows, constants = _plan(maps)
        partial = weight.new_empty(*grid, 2, len(weight))
        # Mean and 1 / standard deviation.
        statistics = weight.new_empty(2, len(weight))
        _moments[grid](maps, partial, *rows, **constants)
        _normalise[grid](
            *(maps, shortcut, weight, bias, partial, statistics, out),
            *(norm.running_mean, norm.running_var, norm.num_batches_tracked, *rows),
            **constants,
            PROGRAMS=PROGRAMS,
            EPS=norm.eps,
            MOMENTUM=norm.momentum,
            ADD=shortcut is not None,
        )
        ctx.save_for_backward(maps, out if shortcut is not None else None, weight, bias, statistics)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, out, weight, bias, statistics = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_maps, add = torch.empty_like(maps), out is not None
        # Past ReLU, which is what the shortcut gets.
        of_sum = torch.empty_like(gradient) if add else None
        of_weight, of_bias = torch.empty_like(weight), torch.empty_like(bias)
        grid, rows, constants = _plan(maps)
        partial = weight.new_empty(*grid, 2, len(weight))
        _gradient_sums[grid](
            *(gradient, maps, out, weight, bias, statistics, partial, of_sum, *rows), **constants, ADD=add
        )
        _input_gradient[grid](
            *(of_sum if add else gradient, maps, weight, bias, statistics, partial),
            *(of_maps, of_weight, of_bias, *rows),
            **constants,
            PROGRAMS=PROGRAMS,
            ADD=add,
        )
        return of_maps, of_sum, of_weight, of_bias, None


def _plan(maps: Tensor) -> tuple[tuple[int], tuple[int, int], dict[str, Any]]:
    """The grid, the rows of the whole map and of a program, and the constants of all kernels."""
    channels = maps.shape[1]
    rows, tile = maps.numel() // channels, max(1, TILE // channels)
    chunk = tile * triton.cdiv(triton.cdiv(rows, tile), PROGRAMS)
    real = tl.float64 if maps.dtype == torch.float64 else tl.float32
    options = {"num_warps": WARPS, "enable_fp_fusion": True}
    return (triton.cdiv(rows, chunk),), (rows, chunk), {"C": channels, "ROWS": tile, "REAL": real, **options}


# Below, `rows` and `chunk` are the rows of the whole map and of a program. C, ROWS, PROGRAMS, EPS, MOMENTUM and ADD
# (whether there is a shortcut) are constants, and REAL is the type of all arithmetic. They are compiled in, while
# the number of rows is not: the last batch of an epoch has another one.
_AS_GIVEN = ["rows", "chunk"]


@triton.jit
def _tile(first, end, C: tl.constexpr, ROWS: tl.constexpr):
    """Offsets [ROWS, C] of the elements from row `first` on, and which of them are before row `end`."""
    row = first + tl.arange(0, ROWS)
    return row[:, None] * C + tl.arange(0, C)[None, :], (row < end)[:, None]


@triton.jit(do_not_specialize=_AS_GIVEN)
def _moments(maps, partial, rows, chunk, C: tl.constexpr, ROWS: tl.constexpr, REAL: tl.constexpr):
    """Mean, and sum of squared deviations from it, of each channel in the chunk of this program."""
    start = tl.program_id(0) * chunk
    end = tl.minimum(start + chunk, rows)
    mean = tl.zeros([C], REAL)
    squares = tl.zeros([C], REAL)
    for first in range(start, end, ROWS):
        offsets, valid = _tile(first, end, C, ROWS)
        values = tl.load(maps + offsets, mask=valid, other=0.0).to(REAL)
        before = (first - start).to(REAL)
        size = tl.minimum(end - first, ROWS).to(REAL)
        tile_mean = tl.sum(values, 0) / size
        deviation = tl.where(valid, values - tile_mean[None, :], 0.0)
        # Both parts combined as by Chan et al.: sums of plain squares would cancel where the mean is large.
        difference = tile_mean - mean
        squares += tl.sum(deviation * deviation, 0) + difference * difference * (before * size / (before + size))
        mean += difference * (size / (before + size))
    place = partial + tl.program_id(0) * 2 * C + tl.arange(0, C)
    tl.store(place, mean)
    tl.store(place + C, squares)


@triton.jit
def _partials(partial, rows, chunk, C: tl.constexpr, PROGRAMS: tl.constexpr, REAL: tl.constexpr):
    """Rows [PROGRAMS, 1] that each program had, 0 if there was none, and both of its results [PROGRAMS, C]."""
    program = tl.arange(0, PROGRAMS)
    count = tl.minimum(tl.maximum(rows - program * chunk, 0), chunk)[:, None]
    place = partial + program[:, None] * 2 * C + tl.arange(0, C)[None, :]
    first = tl.load(place, mask=count > 0, other=0.0)
    second = tl.load(place + C, mask=count > 0, other=0.0)
    return count.to(REAL), first, second


@triton.jit
def _affine(values, mean, scale, weight, bias):
    """The normalised values, and these times weight plus bias."""
    normal = (values - mean[None, :]) * scale[None, :]
    return normal, normal * weight[None, :] + bias[None, :]


@triton.jit(do_not_specialize=_AS_GIVEN)
def _normalise(
    maps,
    shortcut,
    weight,
    bias,
    partial,
    statistics,
    out,
    running_mean,
    running_var,
    tracked,
    rows,
    chunk,
    C: tl.constexpr,
    ROWS: tl.constexpr,
    REAL: tl.constexpr,
    PROGRAMS: tl.constexpr,
    EPS: tl.constexpr,
    MOMENTUM: tl.constexpr,
    ADD: tl.constexpr,
):
    """The output of this chunk. Program 0 also keeps the statistics, and moves the running ones."""
    count, means, squares = _partials(partial, rows, chunk, C, PROGRAMS, REAL)
    mean = tl.sum(count * means, 0) / rows
    difference = means - mean[None, :]
    squares = tl.sum(squares + count * difference * difference, 0)
    scale = 1 / tl.sqrt(squares / rows + EPS)
    channel = tl.arange(0, C)
    if tl.program_id(0) == 0:
        tl.store(statistics + channel, mean)
        tl.store(statistics + C + channel, scale)
        old_mean, old_var = tl.load(running_mean + channel), tl.load(running_var + channel)
        tl.store(running_mean + channel, (1 - MOMENTUM) * old_mean + MOMENTUM * mean)
        tl.store(running_var + channel, (1 - MOMENTUM) * old_var + MOMENTUM * (squares / (rows - 1)))
        tl.store(tracked, tl.load(tracked) + 1)
    w, b = tl.load(weight + channel), tl.load(bias + channel)
    start = tl.program_id(0) * chunk
    end = tl.minimum(start + chunk, rows)
    for first in range(start, end, ROWS):
        offsets, valid = _tile(first, end, C, ROWS)
        values = tl.load(maps + offsets, mask=valid, other=0.0).to(REAL)
        _, result = _affine(values, mean, scale, w, b)
        if ADD:
            result += tl.load(shortcut + offsets, mask=valid, other=0.0).to(REAL)
        # Not `maximum`, which would make 0 of what is no number.
        tl.store(out + offsets, tl.where(result < 0, 0.0, result), mask=valid)


@triton.jit(do_not_specialize=_AS_GIVEN)
def _gradient_sums(
    gradient,
    maps,
    out,
    weight,
    bias,
    statistics,
    partial,
    of_sum,
    rows,
    chunk,
    C: tl.constexpr,
    ROWS: tl.constexpr,
    REAL: tl.constexpr,
    ADD: tl.constexpr,
):
    """Sums of a chunk: of the gradient past ReLU, and of its product with the normalised values.

    With a shortcut, the gradient past ReLU is also stored. Without one it is cheaper to compute it again: whether
    ReLU clipped follows from `maps`, and `out` need not be read.
    """
    channel = tl.arange(0, C)
    mean, scale = tl.load(statistics + channel), tl.load(statistics + C + channel)
    w, b = tl.load(weight + channel), tl.load(bias + channel)
    start = tl.program_id(0) * chunk
    end = tl.minimum(start + chunk, rows)
    total = tl.zeros([C], REAL)
    product = tl.zeros([C], REAL)
    for first in range(start, end, ROWS):
        offsets, valid = _tile(first, end, C, ROWS)
        values = tl.load(maps + offsets, mask=valid, other=0.0).to(REAL)
        normal, result = _affine(values, mean, scale, w, b)
        if ADD:
            result = tl.load(out + offsets, mask=valid, other=0.0).to(REAL)
        past = tl.where(result <= 0, 0.0, tl.load(gradient + offsets, mask=valid, other=0.0).to(REAL))
        if ADD:
            tl.store(of_sum + offsets, past, mask=valid)
        total += tl.sum(past, 0)
        product += tl.sum(past * normal, 0)
    place = partial + tl.program_id(0) * 2 * C + channel
    tl.store(place, total)
    tl.store(place + C, product)


@triton.jit(do_not_specialize=_AS_GIVEN)
def _input_gradient(
    gradient,
    maps,
    weight,
    bias,
    statistics,
    partial,
    of_maps,
    of_weight,
    of_bias,
    rows,
    chunk,
    C: tl.constexpr,
    ROWS: tl.constexpr,
    REAL: tl.constexpr,
    PROGRAMS: tl.constexpr,
    ADD: tl.constexpr,
):
    """The gradient of this chunk of `maps`; program 0 also writes those of weight and bias.

    With a shortcut, `gradient` is already that past ReLU.
    """
    _, totals, products = _partials(partial, rows, chunk, C, PROGRAMS, REAL)
    total, product = tl.sum(totals, 0), tl.sum(products, 0)
    channel = tl.arange(0, C)
    if tl.program_id(0) == 0:
        tl.store(of_bias + channel, total)
        tl.store(of_weight + channel, product)
    mean, scale = tl.load(statistics + channel), tl.load(statistics + C + channel)
    w, b = tl.load(weight + channel), tl.load(bias + channel)
    start = tl.program_id(0) * chunk
    end = tl.minimum(start + chunk, rows)
    for first in range(start, end, ROWS):
        offsets, valid = _tile(first, end, C, ROWS)
        values = tl.load(maps + offsets, mask=valid, other=0.0).to(REAL)
        normal, result = _affine(values, mean, scale, w, b)
        past = tl.load(gradient + offsets, mask=valid, other=0.0).to(REAL)
        if not ADD:
            past = tl.where(result <= 0, 0.0, past)
        centred = past - (total / rows)[None, :] - normal * (product / rows)[None, :]
        tl.store(of_maps + offsets, centred * (w * scale)[None, :], mask=valid)
