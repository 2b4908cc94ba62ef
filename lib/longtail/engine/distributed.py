"""One training by several processes: each computes its rows of every batch, and the result is that of one process.

Every process draws the same batches; gradients are summed, and batch norm uses the statistics of all rows.
Only the first process writes files, so a resume file or a checkpoint does not depend on the number of processes.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from longtail.runtime import children

# How long a process waits for the others; far longer than the first one needs for testing or saving.
EXCHANGE = timedelta(minutes=10)


@dataclass(frozen=True)
class World:
    """The number of this process (`rank`), and the number of processes of the training."""

    rank: int = 0
    size: int = 1

    def rows(self, count: int) -> slice:
        """This process's rows of a batch; all rows if there are fewer than processes."""
        if count < self.size:
            return slice(0, count)
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def share(self, count: int) -> float:
        """The weight of the mean over this process's rows in the mean over the whole batch."""
        rows = self.rows(count)
        return 1 / self.size if count < self.size else (rows.stop - rows.start) / count

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes, in one exchange."""
        if self.size == 1:
            return
        values = list(tensors)
        flat = torch.cat([value.reshape(-1) for value in values])
        dist.all_reduce(flat)
        ends = np.cumsum([value.numel() for value in values]).tolist()
        for value, total in zip(values, flat.tensor_split(ends[:-1]), strict=True):
            value.copy_(total.view_as(value))

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """A whole batch of `count` rows, of which every process has its own rows."""
        if self.size == 1 or count < self.size:
            return rows
        parts = [World(rank, self.size).rows(count) for rank in range(self.size)]
        longest = max(part.stop - part.start for part in parts)
        padded = torch.cat([rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])])
        blocks = [torch.empty_like(padded) for _ in parts]
        dist.all_gather(blocks, padded)
        return torch.cat([block[: part.stop - part.start] for block, part in zip(blocks, parts, strict=True)])

    def agree(self, module: nn.Module, optimizer: torch.optim.Optimizer, epoch: int, step: int) -> tuple[int, int]:
        """Send the state of the first process to all others: weights, momenta, and the epoch and step to start at."""
        if self.size == 1:
            return epoch, step
        start = torch.tensor([epoch, step], device=next(module.parameters()).device)
        dist.broadcast(start, src=0)
        for value in module.state_dict().values():
            dist.broadcast(value, src=0)
        for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
            momentum = optimizer.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))
            dist.broadcast(momentum, src=0)
        return int(start[0]), int(start[1])


ALONE = World()


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is summed as well."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the rows of all processes on a CPU (PyTorch has one for GPUs only)."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalised maps [B, C, H, W]."""
        if not self.training:
            return super().forward(input)
        count = input.new_tensor([input.numel() / input.shape[1]])
        dist.all_reduce(count)
        mean = _over_all(input.sum((0, 2, 3))) / count
        centred = input - mean[:, None, None]
        variance = _over_all((centred * centred).sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)  # type: ignore[union-attr, arg-type]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised: Tensor = centred * scale[:, None, None] + self.bias[:, None, None]
        return normalised


def _over_all(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)
    return total


def share_batch_norm(module: nn.Module) -> nn.Module:
    """The module with every batch norm computed over all processes; names and values do not change."""
    if next(module.parameters()).is_cuda:
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return converted
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            shared.train(child.training)
            setattr(module, name, shared.requires_grad_(child.weight.requires_grad))
        else:
            share_batch_norm(child)
    return module


@contextlib.contextmanager
def world(size: int, on_gpu: bool, follow: Callable[..., None], *args: Any) -> Iterator[World]:
    """Start the other processes, which call `follow(world, *args)`; this process is the first one within the block.

    They end with the block, however it ends, and if one fails, so does the block (`runtime.children`).
    """
    if size == 1:
        yield ALONE
        return
    with tempfile.TemporaryDirectory() as folder:
        place = (size, "nccl" if on_gpu else "gloo", f"file://{Path(folder, 'meeting')}", EXCHANGE)
        try:
            with children.beside(size - 1, _other, *place, follow, args):
                _join(0, *place)
                yield World(0, size)
        finally:
            # After the others have ended: they would report closed connections.
            if dist.is_initialized():
                dist.destroy_process_group()


def _join(rank: int, size: int, backend: str, meeting: str, exchange: timedelta) -> None:
    dist.init_process_group(backend, init_method=meeting, timeout=exchange, rank=rank, world_size=size)


def _other(
    rank: int, size: int, backend: str, meeting: str, exchange: timedelta, follow: Callable[..., None], args: Any
) -> None:
    _join(rank, size, backend, meeting, exchange)
    follow(World(rank, size), *args)
    dist.destroy_process_group()
