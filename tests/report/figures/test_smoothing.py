from pathlib import Path

import numpy as np
from tests.report.figures.drawn import assert_nothing_is_cut_off, assert_same_bytes, axes

from longtail.report.figures.smoothing import smoothing_curves
from longtail.smoothing import FORMS, smoothing

COUNTS = [500, 314, 48, 5]


def test_curves_pass_through_the_factor_of_every_class() -> None:
    figure = smoothing_curves(COUNTS, 0.4, 0.1, "Smoothing")
    assert_nothing_is_cut_off(figure)
    assert figure.get_suptitle() == "Smoothing"
    lines, dots = axes(figure)[0].lines[::2], axes(figure)[0].lines[1::2]
    for form, line, dot in zip(FORMS, lines, dots, strict=True):
        assert dot.get_label() == form.capitalize()
        np.testing.assert_array_equal(dot.get_xdata(), COUNTS)
        np.testing.assert_array_equal(dot.get_ydata(), smoothing(COUNTS, 0.4, 0.1, form))
        np.testing.assert_allclose(np.interp(COUNTS, *line.get_xydata().T), dot.get_ydata(), atol=1e-4)
    assert len({line.get_color() for line in lines}) == 3


def test_curves_say_so_where_all_counts_are_equal() -> None:
    ax = axes(smoothing_curves([50, 50], 0.3, 0.0, "Smoothing"))[0]
    assert ax.get_title() == "every class has 50 examples: every factor is 0.3"
    for dot in ax.lines[1::2]:
        np.testing.assert_array_equal(dot.get_xydata(), [[50, 0.3], [50, 0.3]])


def test_same_input_same_bytes(tmp_path: Path) -> None:
    assert_same_bytes(
        smoothing_curves(COUNTS, 0.4, 0.1, "Smoothing"), smoothing_curves(COUNTS, 0.4, 0.1, "Smoothing"), tmp_path
    )
