import pytest

from longtail.report import render, tables

ORIGIN = ["Printed numbers: slide 1."]


@pytest.fixture
def numbers(table, metrics):
    return tables.frame(table, metrics)


def test_markdown_cells_hold_printed_ours_and_difference(table, numbers):
    page = render.markdown(table, numbers, ORIGIN)
    assert r"| A_1 | Top-1 73.1 \| 72.0 ± 2.8 (2) \| −1.1<br>ECE 10.6 \| 12.0 ± 2.83 (2) \| +1.40 |" in page
    assert r"| B | Top-1 – \| 80.0 (1) \| –<br>ECE – \| 2.00 under (1) \| – |" in page
    assert "- C: needs the C loss." in page
    assert ORIGIN[0] in page


def test_markdown_rows_have_as_many_cells_as_heads(table, numbers):
    rows = [row for row in render.markdown(table, numbers, ORIGIN).splitlines() if row.startswith("| ")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {3}


def test_latex_escapes_and_balances(table, numbers):
    page = render.latex(table, numbers, ORIGIN)
    assert r"Toys \& co" in page
    assert r"A\_1" in page
    assert page.count(r"\begin{tabular}") == page.count(r"\end{tabular}") == 2
    assert page.count("{") == page.count("}")


def test_html_escapes_and_names_the_runs(table, numbers):
    page = render.webpage(table, numbers, ORIGIN)
    assert "Toys &amp; co" in page
    assert "title='runs/a/seed0\nruns/a/seed1'" in page
    assert "title='needs the C loss'" in page
    assert page.count("<table>") == page.count("</table>") == 2
