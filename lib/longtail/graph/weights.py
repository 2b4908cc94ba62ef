"""Checks, before anything runs, that trained weights fit the backbones that start from them."""

from pathlib import Path
from typing import Any

from longtail.config import backbones, settings, sources
from longtail.config.blame import blaming
from longtail.config.plan import NETWORK
from longtail.graph.graph import Graph
from longtail.runtime import parts
from longtail.runtime.errors import InputError


def check(graph: Graph) -> None:
    """Raises InputError for weights that cannot be read, are of another architecture, or lack their normalisation.

    Weights that are still to be downloaded, and those for titles, are checked by the trainings that start from them.
    This imports torch, but only where a plan has weights.
    """
    registry, fits = graph.registry, set()
    for training in graph.plan.trainings:
        if training.block == NETWORK and training.run not in graph.imports:
            name, dataset = training.setting.backbone, registry.datasets[training.setting.dataset]
            if name in graph.plan.weights and sources.form(dataset) == sources.IMAGES:
                backbone = settings.of_training(registry, training)["backbone"]
                fits.add((name, backbone, sources.declared(dataset, "channels", 3)))
    with blaming(graph.files, graph.arguments):
        for name in sorted({name for name, _, _ in fits}):
            _check(name, registry.config["backbones"][name], [fit[1:] for fit in sorted(fits) if fit[0] == name])


def _check(name: str, entry: dict[str, Any], fits: list[tuple[str, int]]) -> None:
    path = Path(backbones.place(entry))
    if not path.is_file():
        return
    from torch import device

    from longtail.stage1.weights import Weights

    weights = Weights(path, f"{backbones.where(name)}, key 'weights'")
    if weights.is_ours and not entry.get("normalisation") and backbones.record_of(entry) is None:
        raise InputError(
            f"{backbones.where(name)}, key 'weights': {path} is a network of this project without the "
            "provenance.json beside it, which says how its images were normalised: put it there, or give "
            "normalisation: {mean: […], std: […]}"
        )
    for backbone, channels in fits:
        with device("meta"):
            built = parts.find("models", backbone).build(channels)
        weights.fitting(built, backbone)
