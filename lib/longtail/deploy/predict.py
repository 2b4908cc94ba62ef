"""Predictions of many pictures or titles, batch by batch; pictures that cannot be read are passed over."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from longtail.deploy.examples import Pictures
from longtail.deploy.gather import Title
from longtail.deploy.model import Model, Prediction
from longtail.runtime.errors import InputError, printable

# So many pictures are decoded in this process, since starting others would take longer.
FEW = 32
# More processes than this decode faster than any network predicts.
MOST_WORKERS = 8
Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """What became of the examples: how many were predicted, and a sentence for each picture that was not."""

    predicted: int = 0
    unreadable: list[str] = field(default_factory=list)


def of_pictures(
    model: Model, paths: Sequence[Path], batch_size: int, top: int, outcome: Outcome, progress: Progress
) -> Iterator[tuple[dict[str, Any], Prediction]]:
    """The `file` of each readable picture with its prediction, in order.

    `outcome` is counted up meanwhile, and `progress(done, all)` is called after each batch.
    """
    assert isinstance(model.kind, Pictures)
    workers = 0 if len(paths) <= FEW else min(MOST_WORKERS, os.cpu_count() or 1)
    batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    loader: DataLoader[Any] = DataLoader(_Decoded(model.kind, batches), batch_size=None, num_workers=workers)
    for read, pixels, unreadable in loader:
        outcome.unreadable += unreadable
        if read:
            predictions = _predicted(model, pixels, top)
            yield from (({"file": printable(path)}, each) for path, each in zip(read, predictions, strict=True))
        outcome.predicted += len(read)
        progress(outcome.predicted + len(outcome.unreadable), len(paths))


def of_titles(
    model: Model, titles: Sequence[Title], batch_size: int, top: int, outcome: Outcome, progress: Progress
) -> Iterator[tuple[dict[str, Any], Prediction]]:
    """`file`, `line` and `text` of each title with its prediction, in order; otherwise like `of_pictures`."""
    for start in range(0, len(titles), batch_size):
        chosen = titles[start : start + batch_size]
        predictions = _predicted(model, model.prepare([title.text for title in chosen]), top)
        for title, each in zip(chosen, predictions, strict=True):
            yield {"file": printable(str(title.path)), "line": title.line, "text": title.text}, each
        outcome.predicted += len(chosen)
        progress(outcome.predicted, len(titles))


def device(name: str) -> torch.device:
    """The device of a name; `auto` is a GPU if there is one. Raises InputError for a GPU that is not there."""
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise InputError("--device is 'cuda', and PyTorch sees no GPU here: choose auto or cpu")
    # cuDNN would otherwise round the inputs of "float32" convolutions to 10 bits of mantissa.
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")


@torch.inference_mode()
def _predicted(model: Model, batch: Tensor, top: int) -> list[Prediction]:
    return model.ranked(model(batch), top)


Decoded = tuple[list[str], Tensor, list[str]]


class _Decoded(Dataset[Decoded]):
    """For each batch of files those that can be read, their pixels [B, H, W, C], and why the others cannot."""

    def __init__(self, pictures: Pictures, batches: Sequence[Sequence[Path]]) -> None:
        self.pictures = pictures
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Decoded:
        read, pixels, unreadable = [], [], []
        for path in self.batches[number]:
            try:
                pixels.append(self.pictures.example(path))
                read.append(str(path))
            except InputError as error:
                unreadable.append(str(error))
        return read, torch.stack(pixels) if pixels else torch.empty(0), unreadable
