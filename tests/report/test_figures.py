"""Every text in every kind of figure: drawn as it was given, and no panel or legend collapses or leaves the page."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from tests.report.readers import NASTY

from longtail.report import style
from longtail.report.figures import (
    _diagrams,
    class_counts,
    comparison,
    probabilities,
    projection,
    sensitivity,
    similarity,
    training_curves,
)

SCORE: dict[str, Any] = {"top1": 0.6, "ece": 0.1, "signed_gap": 0.1}
SCORE["bins"] = {"edges": [0.0, 0.5, 1.0], "count": [1, 3], "accuracy": [0.2, 0.7], "confidence": [0.4, 0.8]}
NUMBERS = "60.010.0over"  # behind the first line of a label in an overlay
LAST = "60.0%"  # behind a label over training curves
HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [2.0, 1.0], "learning_rate": [0.1, 0.1], "test_top1": [0.1, 0.6]})
TITLE = " ".join(NASTY[:6]) + " 长尾识别，标签平滑。" * 10
LABELS = ["_hidden", *NASTY]
KINDS = (
    *("diagram", "panels", "overlay", "class_counts", "training_curves"),
    *("similarity", "projection", "probabilities", "sensitivity"),
)


def drawn(kind: str) -> tuple[Figure, list[str]]:
    """A figure, and the texts that it was given."""
    counts, names = [500, 60, 3], LABELS[:12]
    match kind:
        case "diagram":
            return _diagrams.side_by_side([(TITLE, SCORE)], ""), [TITLE]
        case "panels":
            return _diagrams.side_by_side([(label, SCORE) for label in LABELS], TITLE), [TITLE, *LABELS]
        case "overlay":
            return comparison.overlay([(label, SCORE) for label in LABELS], TITLE), [TITLE, *LABELS]
        case "class_counts":
            return class_counts.class_counts({"factor 10": [*range(12, 0, -1)]}, names, TITLE), [TITLE, *names]
        case "training_curves":
            return training_curves.training_curves(
                [training_curves.Curves(label, "ldam", [HISTORY]) for label in LABELS], TITLE
            ), [TITLE, *LABELS]
        case "similarity":
            cosines = np.eye(len(names))
            return similarity.similarity_heatmaps(cosines, cosines, names, 2, TITLE), [TITLE, *names]
        case "projection":
            points = np.linspace([0, 0], [1, 1], len(names)), np.arange(len(names))
            panels = [(title, *points) for title in ("(a) Training set", f"(b) As {LABELS[-1]} draws it")]
            return projection.projection(panels, names, TITLE), [TITLE, *names]
        case "probabilities":
            groups = dict.fromkeys(("many", "medium", "few"), np.linspace(0.1, 0.9, 9))
            halves = [probabilities.Half(label, groups) for label in LABELS]
            panels = list(zip(halves[::2], halves[1::2], strict=True))
            return probabilities.probabilities(panels, counts, TITLE), [TITLE, *LABELS]
        case _:
            panels = [
                {"title": label, "points": [{"at": at, "values": [SCORE]} for at in (1, 2)]} for label in LABELS
            ]
            return sensitivity.sensitivity(panels, (LABELS[-1], [SCORE]), TITLE, ["top1", "ece"]), [TITLE, *LABELS]


def squeezed(text: str) -> str:
    """Without what a line break may stand for, and without marks that direct others."""
    return "".join(text.split()).translate(
        dict.fromkeys(map(ord, "\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"))
    )


@pytest.mark.filterwarnings("ignore:Glyph .* missing")
@pytest.mark.parametrize("kind", KINDS)
def test_every_text_is_drawn_and_nothing_collapses(kind: str, tmp_path: Path) -> None:
    figure, given = drawn(kind)
    style.save(figure, tmp_path / "a.svg", tmp_path / "a.png", "Small print: " + TITLE)

    ElementTree.parse(tmp_path / "a.svg")
    with Image.open(tmp_path / "a.png") as image:
        image.verify()
    texts = {squeezed(text.get_text()).replace(NUMBERS, "").removesuffix(LAST) for text in figure.findobj(Text)}
    for text in given:
        (short,) = style.shortened([text], 30)
        assert any(squeezed(text) in found or squeezed(short) in found for found in texts), text
    with style.theme():
        for ax in figure.axes:
            if ax.get_label() != "<colorbar>" and ax.get_visible():
                assert ax.get_window_extent().height > 0.3 * figure.dpi
                assert ax.get_window_extent().width > 0.8 * figure.dpi
        for one in [*figure.legends, *([figure._suptitle] if figure._suptitle else [])]:
            extent = one.get_window_extent()
            assert figure.bbox.x0 - 1 <= extent.x0
            assert extent.x1 <= figure.bbox.x1 + 1
            assert figure.bbox.y0 - 1 <= extent.y0
            assert extent.y1 <= figure.bbox.y1 + 1
