"""Features in two dimensions, by a fully connected layer that is trained to separate the classes (LADC, Figure 3)."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from longtail.engine import device
from longtail.engine.seeding import Epoch
from longtail.features.extract import Features
from longtail.runtime import npz
from longtail.settings.stage2 import Projection
from longtail.stage2 import draws

STEPS = 300


def fit(features: Tensor, labels: Tensor, classes: int, seed: int) -> Tensor:
    """A layer [D, 2] such that a linear classifier on top of it minimises class-balanced cross-entropy.

    Full-batch L-BFGS on features [N, D], scaled to a mean norm of 1, from a random start with the seed.
    """
    start = torch.Generator().manual_seed(seed)
    width = features.shape[1]
    layer = torch.randn(width, 2, generator=start).to(features) / width**0.5
    head = torch.randn(2, classes, generator=start).to(features)
    bias = torch.zeros(classes).to(features)
    learning = [value.requires_grad_() for value in (layer, head, bias)]
    weights = 1.0 / torch.bincount(labels, minlength=classes).clamp(min=1).to(features)
    scale = features.norm(dim=1).mean()
    optimizer = torch.optim.LBFGS(learning, max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(features / scale @ layer @ head + bias, labels, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    learnt: Tensor = layer.detach() / scale
    return learnt


def project(features: Features, counts: list[int], settings: Projection) -> dict[str, NDArray[Any]]:
    """Points [., 2] and labels of the training set, of one epoch as Stage 2 draws it, and of the test set.

    `settings` are those of the Stage 2; the layer is fitted to the training features.
    """
    where = device.prepare(settings.compute).device
    train = torch.from_numpy(features.train_features).to(where)
    labels = torch.from_numpy(features.train_labels).to(where)
    layer = fit(train, labels, len(counts), settings.seeds.initialisation)
    draw = draws.generator(settings.generator, train, features.train_labels, counts)
    epoch = Epoch(1, settings.seeds.order, stage=2)
    drawn = list(draws.of_epoch(draw, features.train_labels, settings, epoch, where))
    inputs, drawn_labels = torch.cat([b.inputs for b in drawn]), torch.cat([b.labels for b in drawn])
    test = torch.from_numpy(features.test_features).to(where)
    points = {"train": train, "drawn": inputs, "test": test}
    point_labels = {"train": labels, "drawn": drawn_labels, "test": torch.from_numpy(features.test_labels)}
    projected = {name: (value @ layer).cpu().numpy() for name, value in points.items()}
    return projected | {f"{name}_labels": value.cpu().numpy() for name, value in point_labels.items()}


def save(path: str, projection: dict[str, NDArray[Any]]) -> None:
    """Write points and labels into one .npz."""
    npz.save(path, projection)
