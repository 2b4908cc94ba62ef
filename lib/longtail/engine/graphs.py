"""Captures functions of tensors as CUDA graphs: the bottleneck of small networks is the launch of kernels."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

log = logging.getLogger(__name__)
WARM_UPS = 3
Function = Callable[..., Tensor]
Replay = Callable[[], Any]
Recorder = Callable[[Function, list[Tensor]], tuple[Replay, Tensor]]


def record(function: Function, inputs: list[Tensor]) -> tuple[Replay, Tensor]:
    """A CUDA graph of `function(*inputs)`: the function that replays it, and the tensor that holds its result."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        # Warm-up: libraries choose and load their kernels now, which cannot be captured.
        for _ in range(WARM_UPS):
            function(*inputs)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = function(*inputs)
    return graph.replay, output


class Captured:
    """`function(*tensors)`, captured at the first call with tensors of certain shapes and replayed from then on.

    `undisturbed` restores what capturing changes. If capturing fails, the function itself is called.
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
        """The function's result, copied to a new tensor."""
        if not self.possible:
            return self.function(*inputs)
        shapes = tuple(value.shape for value in inputs)
        if shapes not in self.recorded:
            static = [value.clone() for value in inputs]
            try:
                with self.undisturbed():
                    replay, output = self.record(self.function, static)
            except RuntimeError as error:
                self.possible = False
                log.warning("not captured as a CUDA graph, so slower: %s", str(error).splitlines()[0])
                return self.function(*inputs)
            self.recorded[shapes] = static, replay, output
        static, replay, output = self.recorded[shapes]
        for static_input, value in zip(static, inputs, strict=True):
            static_input.copy_(value, non_blocking=True)
        replay()
        # The next replay overwrites `output`.
        return output.clone()


def streams(devices: Iterable[torch.device]) -> list[torch.cuda.Stream]:
    """A new stream for each GPU that is named, also where one is named again; none for a CPU."""
    return [torch.cuda.Stream(device) for device in devices if device.type == "cuda"]  # type: ignore[no-untyped-call]


def side_by_side(functions: Sequence[Callable[[], Tensor]], streams: Sequence[torch.cuda.Stream]) -> list[Tensor]:
    """The results of functions, each on a stream of its own: a function that is captured gets a branch for each.

    Without streams (on a CPU) one function runs after the other.
    """
    if not streams:
        return [function() for function in functions]
    current, results = torch.cuda.current_stream(), []
    for function, stream in zip(functions, streams, strict=True):
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            results.append(function())
    for stream in streams:
        current.wait_stream(stream)
    return results
