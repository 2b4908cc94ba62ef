from typing import Any

import pytest
from tests.report.conftest import COLUMN

from longtail.report import render, tables

ORIGIN = ["Printed numbers: slide 1."]


@pytest.fixture
def numbers(table, metrics, records):
    return tables.frame(table, metrics, records)


def test_markdown_cells_hold_printed_ours_and_difference(table: Any, numbers: Any) -> None:
    page = render.markdown(table, numbers, ORIGIN)
    assert "| Method | Top-1 | ECE |" in page
    assert r"| A_1 | 73.1 \| 72.0 ± 2.8 (2) \| −1.1 | 10.6 \| 12.0 ± 2.83 (2) \| +1.40 |" in page
    assert r"| B | – \| 80.0 (1) \| – | – \| 2.00 under (1) \| – |" in page
    assert "difference; Top-1 in %, ECE in %; all on Toy, factor 10." in page
    assert "- C: needs the C loss." in page
    assert ORIGIN[0] in page


def test_markdown_rows_have_as_many_cells_as_heads(table: Any, numbers: Any) -> None:
    rows = [row for row in render.markdown(table, numbers, ORIGIN).splitlines() if row.startswith("| ")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {4}


def test_metrics_share_a_cell_where_there_are_several_settings(table: Any, metrics: Any, records: Any) -> None:
    table["columns"].append(COLUMN | {"label": "Toy, factor 50"})
    for row in table["rows"]:
        row["cells"].append(row["cells"][0])
    page = render.markdown(table, tables.frame(table, metrics, records), ORIGIN)
    cell = r"Top-1 73.1 \| 72.0 ± 2.8 (2) \| −1.1<br>ECE 10.6 \| 12.0 ± 2.83 (2) \| +1.40"
    assert "| Method | Toy, factor 10 | Toy, factor 50 |" in page
    assert f"| A_1 | {cell} | {cell} |" in page


def test_a_table_that_prints_nothing_shows_ours_alone(table: Any, metrics: Any, records: Any) -> None:
    for row in table["rows"]:
        row["cells"][0]["printed"] = {}
    numbers = tables.frame(table, metrics, records)
    assert "| A_1 | 72.0 ± 2.8 (2) | 12.0 ± 2.83 (2) |" in render.markdown(table, numbers, ORIGIN)
    assert "difference" not in render.markdown(table, numbers, ORIGIN)
    assert "printed" not in render.webpage(table, numbers, ORIGIN).split("</style>")[1].lower().replace(
        "printed numbers", ""
    )
    assert "/ difference" not in render.latex(table, numbers, ORIGIN)


def test_a_metric_without_printed_numbers_shows_only_ours(table: Any, metrics: Any, records: Any) -> None:
    for row in table["rows"]:
        row["cells"][0]["printed"].pop("ece", None)
    page = render.markdown(table, tables.frame(table, metrics, records), ORIGIN)
    assert r"| A_1 | 73.1 \| 72.0 ± 2.8 (2) \| −1.1 | 12.0 ± 2.83 (2) |" in page
    assert "Top-1 in %, ECE in %; of ECE nothing is printed; all on Toy, factor 10." in page


def test_hundredths_that_a_paper_prints_are_shown(table: Any, metrics: Any, records: Any) -> None:
    table["rows"][0]["cells"][0]["printed"] = {"top1": 73.28, "ece": 10.6}
    assert r"| A_1 | 73.28 \| 72.0 ± 2.8 (2) \| −1.3 |" in render.markdown(
        table, tables.frame(table, metrics, records), ORIGIN
    )


def test_groups_of_classes_are_metrics(table: Any, metrics: Any, records: Any) -> None:
    table["metrics"] = ["top1", "many", "few"]
    for scores in metrics.values():
        for protocol in scores.values():
            protocol["groups"] = {"many": 0.9, "medium": 0.5, "few": None}
    page = render.markdown(table, tables.frame(table, metrics, records), ORIGIN)
    assert "| Method | Top-1 | Many | Few |" in page
    assert r"| A_1 | 73.1 \| 72.0 ± 2.8 (2) \| −1.1 | 90.0 ± 0.0 (2) | – |" in page


def test_latex_escapes_and_balances(table: Any, numbers: Any) -> None:
    page = render.latex(table, numbers, ORIGIN)
    assert r"Toys \& co" in page
    assert r"A\_1" in page
    assert page.count(r"\begin{tabular}") == page.count(r"\end{tabular}") == 2
    assert page.count("{") == page.count("}")


def test_html_escapes_and_names_the_runs(table: Any, numbers: Any) -> None:
    page = render.webpage(table, numbers, ORIGIN)
    assert "Toys &amp; co" in page
    assert "title='runs/a/seed0\nruns/a/seed1'" in page
    assert "title='needs the C loss'" in page
    assert page.count("<table>") == page.count("</table>") == 2


@pytest.fixture
def flagged(table):
    table["metrics"] = ["top1", "ece", "nll", "brier"]
    table["rows"][0]["calibration"] = table["rows"][2]["calibration"] = "each logit by a sigmoid"
    table["rows"][1]["calibration"] = "of a cosine 100% scaled"
    return table


def test_errors_of_other_probabilities_have_a_dagger_and_the_page_says_why(
    flagged: Any, metrics: Any, records: Any
) -> None:
    page = render.markdown(flagged, tables.frame(flagged, metrics, records), ORIGIN)
    row = r"| A_1 | 73.1 \| 72.0 ± 2.8 (2) \| −1.1 | 10.6 \| 12.0 ± 2.83† (2) \| +1.40 |"
    assert f"{row} 1.250 ± 0.000† (2) | 0.500 ± 0.000† (2) |" in page
    assert r"| B | – \| 80.0 (1) \| – | – \| 2.00† under (1) \| – | 1.250† (1) | 0.500† (1) |" in page
    # C has no number to mark.
    assert page.count("† A_1: each logit by a sigmoid.\n") == page.count("† B: of a cosine 100% scaled.\n") == 1
    assert page.index(render.TITLES["best"]) < page.index("† A_1:") < page.index("Not there yet:")


def test_rows_of_one_calibration_share_a_sentence_and_other_metrics_have_none(
    flagged: Any, metrics: Any, records: Any
) -> None:
    flagged["rows"][1]["calibration"] = "each logit by a sigmoid"
    assert render.daggers(tables.frame(flagged, metrics, records)) == ["† A_1, B: each logit by a sigmoid."]
    flagged["metrics"] = ["top1"]
    numbers = tables.frame(flagged, metrics, records)
    assert not any("†" in form(flagged, numbers, ORIGIN) for form in (render.markdown, render.latex, render.webpage))


def test_daggers_in_latex_and_html(flagged: Any, metrics: Any, records: Any) -> None:
    numbers = tables.frame(flagged, metrics, records)
    latex, page = render.latex(flagged, numbers, ORIGIN), render.webpage(flagged, numbers, ORIGIN)
    assert r"\shortstack{10.6 / 12.0 $\pm$ 2.83\dag{} (2) / +1.40}" in latex
    assert latex.count(r"\par\footnotesize \dag{} B: of a cosine 100\% scaled.") == 2
    assert "†" not in latex
    assert page.count("<p>† A_1: each logit by a sigmoid.</p>") == 1
    assert ">12.0 ± 2.83† (2)</span>" in page
    assert ">72.0 ± 2.8 (2)</span>" in page


def test_rows_of_softmax_have_no_dagger(table: Any, numbers: Any) -> None:
    assert not any("†" in form(table, numbers, ORIGIN) for form in (render.markdown, render.webpage))
    assert r"\dag" not in render.latex(table, numbers, ORIGIN)


def test_minutes_have_a_tenth_and_stand_alone(table: Any, metrics: Any, records: Any) -> None:
    table["metrics"] = ["top1", "minutes"]
    page = render.markdown(table, tables.frame(table, metrics, records), ORIGIN)
    assert "| Method | Top-1 | Minutes |" in page
    assert r"| A_1 | 73.1 \| 72.0 ± 2.8 (2) \| −1.1 | 3.0 ± 0.7 (2) |" in page
    assert "Minutes in minutes of training, each beside whatever else the machine did" in page
