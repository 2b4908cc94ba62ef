from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from longtail.report import style
from longtail.report.figures import sensitivity
from longtail.report.figures.sensitivity import Panel, Point, Score
from longtail.runtime.errors import InputError


def score(top1: float, ece: float) -> Score:
    return {"top1": top1, "ece": ece}


METRICS = ("top1", "ece")
BASELINE = ("CE", [score(0.38, 0.20), score(0.40, 0.22)])
NUMBERS: Panel = {
    "title": "τ",
    "points": [
        {"at": 1.3, "values": [score(0.44, 0.06)]},
        {"at": 1.0, "values": [score(0.42, 0.10), score(0.46, 0.14)]},  # mean 44 and 12, deviation √8
        {"at": 1.2, "values": [score(0.45, 0.05), score(0.47, 0.07)]},
    ],
    "default": 1.2,
}
NAMES: Panel = {
    "title": "Weights",
    "points": [{"at": at, "values": [score(0.45, 0.05)]} for at in ("printed", "inverse", "count")],
    "default": "printed",
}


def axes(figure: Figure) -> list[Any]:
    """Any: matplotlib's stubs do not know what was put into the axes."""
    return figure.axes


def lines(ax: Any, label: str) -> list[Any]:
    return [line for line in ax.lines if line.get_label() == label]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def draw(*panels: Panel) -> Figure:
    return sensitivity.sensitivity(panels, BASELINE, "Settings of LADC", METRICS)


def assert_nothing_is_cut_off_or_covered(figure: Figure) -> None:
    with style.theme():
        figure.draw_without_rendering()
        extent, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        panels = axes(figure)
        labels = [figure.legends[0], *figure.texts, *(ax.title for ax in panels), *(ax.yaxis.label for ax in panels)]
        # A turned label has an upright box around it that says nothing about its letters.
        labels += [tick for ax in panels for tick in ax.get_xticklabels() if tick.get_rotation() == 0]
        boxes = [label.get_window_extent() for label in labels if label.get_visible()]
    assert min(extent.x0, extent.y0) >= 0
    assert extent.x1 <= width
    assert extent.y1 <= height
    for one, other in combinations([box for box in boxes if box.width > 0], 2):
        assert not one.overlaps(other)


def test_means_in_percent_over_the_values_in_order() -> None:
    accuracy, error = axes(draw(NUMBERS))
    np.testing.assert_allclose(lines(accuracy, "mean")[0].get_xydata(), [[1.0, 44], [1.2, 46], [1.3, 44]])
    np.testing.assert_allclose(lines(error, "mean")[0].get_xydata(), [[1.0, 12], [1.2, 6], [1.3, 6]])
    assert accuracy.get_title() == "τ"
    assert [accuracy.get_ylabel(), error.get_ylabel()] == ["Top-1 (%)", "ECE (%)"]
    assert [tick.get_text() for tick in error.get_xticklabels()] == ["1", "1.2", "1.3"]


def test_any_metrics_are_drawn_from_top_to_bottom_in_their_units() -> None:
    def scores(few: float | None) -> Score:
        return {"nll": 1.5, "groups": {"few": few}, "mce": 0.3}

    panel: Panel = {"title": "m", "points": [{"at": 1, "values": [scores(0.2)]}, {"at": 2, "values": [scores(None)]}]}
    figure = sensitivity.sensitivity([panel], ("CE", [scores(0.1)]), "", ["nll", "few", "mce"])

    assert_nothing_is_cut_off_or_covered(figure)
    assert [ax.get_ylabel() for ax in axes(figure)] == ["NLL (nats)", "Few (%)", "MCE (%)"]
    nll, few, mce = ([y for _, y in lines(ax, "mean")[0].get_xydata()] for ax in axes(figure))
    np.testing.assert_allclose([nll, few, mce], [[1.5, 1.5], [20, np.nan], [30, 30]])
    assert axes(figure)[2].get_xticklabels()[0].get_visible()


def test_bars_are_the_sample_deviation_where_there_are_several_seeds() -> None:
    accuracy, _ = axes(draw(NUMBERS))
    (container,) = accuracy.containers
    (bars,) = container.lines[2]
    np.testing.assert_allclose(
        bars.get_segments(),
        [[[1.0, 44 - 8**0.5], [1.0, 44 + 8**0.5]], [[1.2, 46 - 2**0.5], [1.2, 46 + 2**0.5]]],
    )


def test_default_and_baseline_are_marked_in_both_rows() -> None:
    accuracy, error = axes(draw(NUMBERS))
    for ax, mean, level in ((accuracy, 46, 39), (error, 6, 21)):
        np.testing.assert_allclose(lines(ax, "default")[0].get_xydata(), [[1.2, mean]])
        np.testing.assert_allclose(lines(ax, "baseline")[0].get_ydata(), [level, level])
        assert lines(ax, "baseline")[0].is_dashed()
        bottom, top = ax.get_ylim()
        assert bottom < level < top


def test_names_are_places_in_the_order_given_and_not_joined() -> None:
    accuracy, error = axes(draw(NAMES))
    (means,) = lines(accuracy, "mean")
    np.testing.assert_allclose(means.get_xydata(), [[0, 45], [1, 45], [2, 45]])
    assert means.get_linestyle() == "None"
    assert [tick.get_text() for tick in error.get_xticklabels()] == ["printed", "inverse", "count"]
    assert lines(draw(NUMBERS).axes[0], "mean")[0].get_linestyle() == "-"


def test_a_number_among_names_is_a_name() -> None:
    mixed: Panel = {"title": "m", "points": [*NUMBERS["points"][:1], *NAMES["points"][:1]]}
    _, error = axes(draw(mixed))
    assert [tick.get_text() for tick in error.get_xticklabels()] == ["1.3", "printed"]


def test_legend_tells_what_a_point_is() -> None:
    assert legend(draw(NAMES)) == ["One run", "Default", "CE (mean)"]
    assert legend(draw(NUMBERS)) == ["Mean ± sd of 1–2 runs", "Default", "CE (mean)"]
    one: Panel = {"title": "m", "points": NUMBERS["points"][1:]}
    figure = sensitivity.sensitivity([one], ("CE", BASELINE[1][:1]), "", METRICS)
    assert legend(figure) == ["Mean ± sd of 2 runs", "CE"]


@pytest.mark.parametrize(("number", "rows", "columns"), [(1, 2, 1), (2, 2, 2), (4, 2, 4), (7, 4, 4)])
def test_two_rows_a_band_and_shared_axes(number: int, rows: int, columns: int) -> None:
    figure = draw(*[NUMBERS, NAMES, NUMBERS, NAMES, NAMES, NUMBERS, NAMES][:number])
    assert_nothing_is_cut_off_or_covered(figure)
    panels = axes(figure)
    grid = panels[0].get_subplotspec().get_gridspec()
    assert (len(panels), grid.nrows, grid.ncols) == (2 * number, rows, columns)
    for accuracy, error in zip(panels[::2], panels[1::2], strict=True):
        assert accuracy.get_ylim() == panels[0].get_ylim()
        assert error.get_ylim() == panels[1].get_ylim()
        assert accuracy.get_xlim() == error.get_xlim()


def test_an_outlier_is_an_arrow_with_its_value_and_leaves_the_others_their_room() -> None:
    values: list[Point] = [
        {"at": at, "values": [score(top1, 0.05)]} for at, top1 in ((1, 0.45), (2, 0.44), (3, 0.43))
    ]
    far: Panel = {"title": "P", "points": [*NAMES["points"], {"at": "class", "values": [score(0.10, 0.60)]}]}
    figure = draw({"title": "m", "points": values}, far)
    accuracy, error = axes(figure)[2:]
    assert accuracy.get_ylim()[0] > 35
    assert error.get_ylim()[1] < 30
    for ax, edge, text in ((accuracy, 0, "10.0"), (error, 1, "60.0")):
        (arrow,) = lines(ax, "outlier")
        np.testing.assert_allclose(arrow.get_xydata(), [[3, ax.get_ylim()[edge]]])
        assert [text.get_text() for text in ax.texts] == [text]
    assert [lines(ax, "outlier") for ax in axes(figure)[:2]] == [[], []]
    assert_nothing_is_cut_off_or_covered(figure)


@pytest.mark.parametrize(
    ("values", "turned_by"), [((0.05, 0.1, 0.15, 0.2, 0.4), 35), ((0.1, 0.8, 1.5), 0), ((0.1, 0.11, 0.12, 8.0), 0)]
)
def test_crowded_values_are_turned_or_give_way_to_round_numbers(values: tuple[float, ...], turned_by: int) -> None:
    points: list[Point] = [{"at": at, "values": [score(0.45, 0.05)]} for at in values]
    figure = draw({"title": "α", "points": points})
    assert_nothing_is_cut_off_or_covered(figure)
    assert axes(figure)[1].get_xticklabels()[0].get_rotation() == turned_by


def test_unusable_input_is_named() -> None:
    with pytest.raises(InputError, match="'Settings of LADC' has no panel"):
        draw()
    with pytest.raises(InputError, match="panel 'τ' of 'Settings of LADC' has no point"):
        draw({"title": "τ", "points": []})
    with pytest.raises(InputError, match=r"default 2 of panel 'τ' is not among its values 1\.3, 1\.0, 1\.2"):
        draw({**NUMBERS, "default": 2})
    with pytest.raises(InputError, match=r"the metrics\.json of 'm = 2' has no ece: delete it and run again"):
        draw({"title": "m", "points": [{"at": 2, "values": [{"top1": 0.5}]}]})
    with pytest.raises(InputError, match="'CE' needs at least one score"):
        sensitivity.sensitivity([NUMBERS], ("CE", []), "", METRICS)


def test_same_input_same_bytes(tmp_path: Path) -> None:
    for copy in "ab":
        style.save(draw(NUMBERS, NAMES), tmp_path / f"{copy}.svg", tmp_path / f"{copy}.png", "small print")
    for kind in ("svg", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
