"""Every text on every page of a table is read as it was given."""

import copy
import io
from typing import Any

import pandas as pd
import pytest
from tests.report import readers

from longtail.report import escapes, origin, render, tables


@readers.every_text(300)
def test_any_text_is_read_as_it_was_given(text: str) -> None:
    for page in ("# {}", "{}", "- {}", "1. {}", "| {} |\n| --- |"):
        assert readers.markdown(page.format(escapes.markdown_text(text))) == [text]
    assert readers.markdown(escapes.markdown_note(text)) == [text]
    assert "".join(readers.html(f"<p>{escapes.html_text(text)}</p>")) == text
    assert readers.latex(escapes.latex_text(text)) == text


@pytest.mark.parametrize("text", ["LADC_Average", "R&D", "cRT, BagofTricks' recipe (ours)", "τ = 16 · 0.6^k, 10 %"])
def test_what_means_nothing_in_markdown_stays_as_it_is(text: str) -> None:
    assert escapes.markdown_text(text) == text


def test_code_in_a_note_is_code() -> None:
    assert escapes.markdown_note("`last_epoch` and last_ `epoch") == r"`last_epoch` and last\_ \`epoch"


def test_latex_says_which_engine_a_script_needs() -> None:
    plain = escapes.latex_file([escapes.latex_text("Café, τ = ±1 – †")], ["Seeds: 0."])
    assert plain.splitlines()[:2] == [r"% needs \usepackage{booktabs,graphicx}", "% Seeds: 0."]
    assert "% needs XeLaTeX or LuaLaTeX, and a font that has 中 文\n" in escapes.latex_file(["中文"], [])
    assert "bidi" not in escapes.latex_file(["中文"], [])
    assert "bidi" in escapes.latex_file(["שלום"], [])


def test_words_from_right_to_left_stand_by_themselves_in_html() -> None:
    assert escapes.html_text("שלום <1>") == "<bdi>שלום &lt;1&gt;</bdi>"
    assert escapes.html_text("a <1>") == "a &lt;1&gt;"


@readers.every_text(10)
def test_a_table_shows_every_text(table: Any, metrics: Any, records: Any, text: str) -> None:
    shown = copy.deepcopy(table) | {"title": text, "note": text, "source": text}
    shown["columns"][0]["label"] = text
    shown["rows"][0] |= {"label": text, "calibration": text}
    shown["rows"][2]["cells"][0]["needs"] = text
    second = copy.deepcopy(shown["columns"][0])
    numbers = tables.frame(shown, metrics, records)
    sources = origin.sentences(text, [], [])
    whole = [text, f"† {text}: {text.rstrip('.')}.", f"C: needs {text}.", f"Printed numbers: {text}."]

    page = readers.markdown(render.markdown(shown, numbers, sources))
    assert all(one in page for one in whole)
    assert page.count(text) >= 4  # title, note and a row under each protocol
    assert any(line.endswith(f"all on {text}.") for line in page)

    page = readers.html(render.webpage(shown, numbers, sources))
    assert all(one in page for one in [*whole, f"needs {text}"])
    assert page.count(text) >= 5
    assert any(f"all on {text}. ECE" in line for line in page)

    page = render.latex(shown, numbers, sources)
    assert [readers.latex(row[0]) for row in readers.latex_rows(page)] == ["Method", text, "B", "C"] * 2
    assert {len(row) for row in readers.latex_rows(page)} == {3}
    assert page.count(rf"\caption{{{escapes.latex_text(text)}. ") == 2

    stored = pd.read_csv(io.StringIO(tables.csv(numbers)), dtype=str, keep_default_na=False)
    assert stored.loc[
        stored["row_number"] == "0", ["row", "column", "calibration"]
    ].drop_duplicates().to_numpy().tolist() == [[text, text, text]]

    shown["columns"].append(second)  # the labels of several settings are heads
    for row in shown["rows"]:
        row["cells"].append(row["cells"][0])
    numbers = tables.frame(shown, metrics, records)
    head = readers.latex_rows(render.latex(shown, numbers, sources))[0]
    assert list(map(readers.latex, head)) == ["Method", text, text]
    assert readers.markdown(render.markdown(shown, numbers, sources))[4:7] == ["Method", text, text]
    page = list(filter(None, readers.html(render.webpage(shown, numbers, sources))))
    assert page[page.index("Method") :][:3] == ["Method", text, text]
