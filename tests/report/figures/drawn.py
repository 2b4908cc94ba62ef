"""What tests of figures look at."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from longtail.report import style


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return figure.axes


def assert_nothing_is_cut_off(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


def assert_same_bytes(once: Figure, again: Figure, folder: Path) -> None:
    """Both are saved as the same SVG and the same PNG."""
    for name, figure in (("once", once), ("again", again)):
        style.save(figure, folder / f"{name}.svg", folder / f"{name}.png", "small print")
    for kind in ("svg", "png"):
        assert (folder / f"once.{kind}").read_bytes() == (folder / f"again.{kind}").read_bytes()
