"""Writes a finished run as one file."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.data import arrays, long_tail
from longtail.data.arrays import Data
from longtail.data.forms.files import Files
from longtail.data.forms.images import Arrays
from longtail.data.forms.titles import Titles
from longtail.deploy import compose, model_file, temperature, validation
from longtail.deploy.card import Calibration, Card, Inputs
from longtail.deploy.model import Model
from longtail.deploy.run import Run
from longtail.deploy.validation import Validation
from longtail.engine import forms, objective
from longtail.engine.forms import Form
from longtail.evaluate import metrics, protocols
from longtail.evaluate.predictions import checked
from longtail.runtime import files, provenance
from longtail.runtime.errors import InputError
from longtail.settings.preprocessing import Preprocessing

UNKNOWN = "unknown"
# Test examples whose logits are compared with those of the run, and by how much of the largest they may differ: other
# processors add up in another order, which moves a float32 logit by some millionths.
COMPARED, TOLERANCE = 64, 1e-3
# Lists of metrics.json that only a figure needs.
OF_FIGURES = ("bins", "diagrams")


@dataclass(frozen=True)
class Facts:
    """What the configuration says of a run: of its data set, where its images are, and of its method."""

    dataset: dict[str, Any] = field(default_factory=dict)
    method: dict[str, Any] = field(default_factory=dict)
    data_dir: str = ""


def model(run: Run, facts: Facts) -> Model:
    """The model of a run, with its temperature and its whole card.

    Raises InputError if a file of the run is damaged, or if the model's logits are not those of the run.
    """
    data, subset = arrays.load(run.arrays, facts.data_dir), long_tail.load(run.subset)
    composed = compose.of(run)
    preprocessing = _preprocessing(run)
    card = _card(run, facts, data, subset.counts, composed, _inputs(data, preprocessing))
    built = Model(card, composed.state)
    form = _form(data, preprocessing)
    stored = protocols.load(run.logits)
    logits, labels = stored[run.selection], stored["labels"]
    compared = _compared(run, built, form, logits)
    held = validation.of(run, built, data, subset, form, composed.has_stage1_features)
    calibration = _calibration(held)
    bins = len(card.metrics["bins"]["count"])
    plain = {key: value for key, value in card.metrics.items() if key not in OF_FIGURES}
    calibrated = _calibrated(logits, labels, calibration.temperature, bins)
    built.card = replace(card, calibration=calibration, metrics=plain, calibrated=calibrated, checked=compared)
    return built


def save(path: Path | str, model: Model) -> None:
    """Write a model into one file."""
    model_file.save(path, model.card, model.network.state_dict())


def _preprocessing(run: Run) -> Preprocessing | None:
    settings = files.read_json(run.network / "provenance.json", "settings")["settings"]
    return Preprocessing.parse(settings["preprocessing"]) if settings["preprocessing"] else None


def _inputs(data: Data, preprocessing: Preprocessing | None) -> Inputs:
    if isinstance(data, Titles):
        length, (_, dimensions) = data.train_titles.shape[1], data.vectors.shape
        return Inputs("titles", length=length, dimensions=dimensions, characters=tuple(data.characters.tolist()))
    assert preprocessing is not None
    pixels = Inputs("images", channels=len(preprocessing.mean), mean=preprocessing.mean, std=preprocessing.std)
    if isinstance(data, Arrays):
        _, height, width, _ = data.test_images.shape
        return replace(pixels, fit=(width, height))
    return replace(pixels, resize=preprocessing.resize, center_crop=preprocessing.center_crop)


def _form(data: Data, preprocessing: Preprocessing | None) -> Form | None:
    """The run's examples; None if they are files that are not here."""
    if isinstance(data, Files) and not os.path.isfile(os.path.join(data.root, data.test_files[0])):
        return None
    return forms.of(data, preprocessing, torch.device("cpu"))


def _card(run: Run, facts: Facts, data: Data, counts: list[int], composed: compose.Composed, inputs: Inputs) -> Card:
    dataset = {"name": run.dataset, "title": run.dataset, "licence": UNKNOWN} | facts.dataset
    return Card(
        run=run.name,
        selection=run.selection,
        method={"name": run.method, "label": run.method} | facts.method,
        dataset=dataset | {"imbalance": run.imbalance, "train_counts": counts},
        classes=tuple(data.classes),
        inputs=inputs,
        backbone=composed.backbone,
        head=composed.head,
        calibration=Calibration(1.0, "not fitted yet"),
        metrics=files.read_json(run.folder / "metrics.json", run.selection)[run.selection],
        calibrated={},
        checked={},
        provenance={**run.records(), "export": provenance.machine()},
    )


def _compared(run: Run, model: Model, form: Form | None, logits: NDArray[np.float32]) -> dict[str, Any]:
    """How far the model's logits are from the run's; raises InputError if it is too far for rounding."""
    if form is None:
        return {"examples": 0, "reason": "the images stay in files that are not at hand"}
    first = logits[:COMPARED]
    ours = objective.predict(model, form.testing(), np.arange(len(first))).numpy()
    furthest = float(np.abs(ours - first).max())
    if not furthest <= TOLERANCE * float(np.abs(first).max()):
        raise InputError(
            f"{run.folder}: the model's logits of {len(first)} test examples differ by up to {furthest:.3g} "
            f"from those in {run.logits}, so the files are not of one run: make it again with snakemake"
        )
    return {"examples": len(first), "largest_difference": furthest}


def _calibration(held: Validation) -> Calibration:
    if not len(held.labels):
        return Calibration(1.0, held.of)
    fitted = temperature.fitted(held.logits, held.labels)
    if fitted is None:
        return Calibration(1.0, f"no temperature between 1/100 and 100 is the best one on {held.of}")
    before, after = (temperature.nll(held.logits, held.labels, each) for each in (1.0, fitted))
    return Calibration(fitted, held.of, len(held.labels), before, after)


def _calibrated(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float, bins: int
) -> dict[str, Any]:
    """ECE, NLL and Brier score on the test set with the temperature."""
    predictions = checked(logits.astype(np.float64) / temperature, labels, bins)
    return {metric.__name__: metric(predictions) for metric in (metrics.ece, metrics.nll, metrics.brier)}
