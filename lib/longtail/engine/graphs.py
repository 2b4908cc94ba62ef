"""Functions of tensors recorded as CUDA graphs: a training step of a small network is bound by kernel launches."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)
WARM_UPS = 3
Function = Callable[..., Tensor]
Replay = Callable[[], Any]
Recorder = Callable[[Function, list[Tensor]], tuple[Replay, Tensor]]


def record(function: Function, inputs: list[Tensor]) -> tuple[Replay, Tensor]:
    """A CUDA graph of `function(*inputs)`: what replays it, and the tensor its result is written to."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        # Libraries choose and load their kernels now: that cannot be recorded.
        for _ in range(WARM_UPS):
            function(*inputs)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = function(*inputs)
    return graph.replay, output


class Captured:
    """`function(*tensors)`, recorded when tensors of new shapes come and replayed from then on.

    `undisturbed` restores what recording would change. Where recording fails, the function itself is called.
    """

    def __init__(
        self,
        function: Function,
        undisturbed: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
        record: Recorder = record,
    ) -> None:
        self.function = function
        self.undisturbed = undisturbed
        self.record = record
        self.recorded: dict[tuple[torch.Size, ...], tuple[list[Tensor], Replay, Tensor]] = {}
        self.possible = True

    def __call__(self, *inputs: Tensor) -> Tensor:
        """The function's result, a tensor of its own."""
        if not self.possible:
            return self.function(*inputs)
        shapes = tuple(value.shape for value in inputs)
        if shapes not in self.recorded:
            held = [value.clone() for value in inputs]
            try:
                with self.undisturbed():
                    replay, output = self.record(self.function, held)
            except RuntimeError as error:
                self.possible = False
                log.warning("not captured as a CUDA graph, so slower: %s", str(error).splitlines()[0])
                return self.function(*inputs)
            self.recorded[shapes] = held, replay, output
        held, replay, output = self.recorded[shapes]
        for kept, value in zip(held, inputs, strict=True):
            kept.copy_(value, non_blocking=True)
        replay()
        # The next replay overwrites its result.
        return output.clone()
