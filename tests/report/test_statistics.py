import copy
import io
from typing import Any

import pandas as pd
import pytest
from tests.report import readers

from longtail.report import escapes, statistics
from longtail.runtime.errors import InputError

ORIGIN = ["Printed numbers: table 1."]
COUNTS = {"toys/if10/subset.json": [50, 20, 5], "toys/if20/subset.json": [50, 12, 2], "words/if3/subset.json": [8, 3]}
TESTS = {"toys/classes.json": 1200}
TABLE: dict[str, Any] = {
    "name": "sets",
    "title": "Toys & co",
    "source": "table 1",
    "note": "",
    "rows": [
        {
            "label": "Toys_LT",
            "needs": None,
            "subsets": [
                {"imbalance": "if10", "path": "toys/if10/subset.json"},
                {"imbalance": "if20", "path": "toys/if20/subset.json"},
            ],
            "classes": "toys/classes.json",
            "printed": {
                "classes": "3",
                "factor": "10~20",
                "train": "1,000~64",
                "min": "5~2",
                "max": "5,0",
                "test": "1,200",
            },
            "remark": "1,000 is the balanced set, 10~20 the factor asked for.",
        },
        {
            "label": "Words",
            "needs": None,
            "subsets": [{"imbalance": "if3", "path": "words/if3/subset.json"}],
            "classes": None,
            "printed": {"factor": "2.7", "train": "11~11", "test": "40"},
            "remark": "",
        },
        {
            "label": "Birds",
            "needs": "the images",
            "subsets": [],
            "classes": None,
            "printed": {"classes": "8142", "test": "24,426"},
            "remark": "The test images are the validation images, 3 · 8142 or 3^1 · 8142.",
        },
    ],
}


@pytest.fixture
def numbers() -> pd.DataFrame:
    return statistics.frame(TABLE, COUNTS, TESTS)


def row(numbers: pd.DataFrame, label: str, key: str) -> list[Any]:
    chosen = numbers[numbers["row"] == label]
    assert list(chosen["column"]) == list(statistics.HEADS)
    return [None if pd.isna(value) else value for value in chosen[key]]


def edited(**printed: str) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    table["rows"][0]["printed"] |= printed
    return table


def test_a_range_runs_over_the_subsets_of_a_row(numbers: pd.DataFrame) -> None:
    assert row(numbers, "Toys_LT", "ours") == ["3", "10~25", "75~64", "5~2", "50", "1,200"]
    assert row(numbers, "Toys_LT", "values") == ["3 3", "10 25", "75 64", "5 2", "50 50", "1200"]
    assert set(row(numbers, "Toys_LT", "subsets")) == {"toys/if10/subset.json toys/if20/subset.json"}


def test_a_single_subset_has_single_numbers_and_no_arrays_no_test_images(numbers: pd.DataFrame) -> None:
    assert row(numbers, "Words", "ours") == ["2", "2.7", "11", "3", "8", None]


def test_agreement_is_found_by_comparing_numbers(numbers: pd.DataFrame) -> None:
    assert row(numbers, "Toys_LT", "agrees") == [True, False, False, True, True, True]  # "5,0" is 50
    assert row(numbers, "Words", "agrees") == [None, True, True, None, None, None]  # 8/3 is 2.7 to the digit printed


@pytest.mark.parametrize(
    ("printed", "agrees"),
    [("75~64", True), ("75 ~ 64", True), ("75–64", True), ("75", False), ("64~75", False), ("75~65", False)],
)
def test_both_ends_count(printed: str, agrees: bool) -> None:
    numbers = statistics.frame(edited(train=printed), COUNTS, TESTS)
    assert row(numbers, "Toys_LT", "agrees")[2] is agrees


@pytest.mark.parametrize(("printed", "agrees"), [("3", True), ("2.7", True), ("2.67", True), ("2.66", False)])
def test_the_printed_digits_decide_how_closely_numbers_are_compared(printed: str, agrees: bool) -> None:
    table = copy.deepcopy(TABLE)
    table["rows"][1]["printed"]["factor"] = printed
    assert row(statistics.frame(table, COUNTS, TESTS), "Words", "agrees")[1] is agrees


def test_a_row_that_cannot_be_counted_keeps_what_is_printed(numbers: pd.DataFrame) -> None:
    assert row(numbers, "Birds", "printed") == ["8142", None, None, None, None, "24,426"]
    assert row(numbers, "Birds", "ours") == row(numbers, "Birds", "agrees") == [None] * 6
    assert set(row(numbers, "Birds", "needs")) == {"the images"}


def test_markdown_marks_what_differs(numbers: pd.DataFrame) -> None:
    page = statistics.markdown(TABLE, numbers, ORIGIN)
    assert (
        r"| Toys_LT<sup>1</sup> | 3 \| 3 | 10\~20 \| 10\~25 ≠ | 1,000\~64 \| 75\~64 ≠ | 5\~2 \| 5\~2 | 5,0 \| 50 |"
        r" 1,200 \| 1,200 |"
    ) in page
    assert r"| Words | – \| 2 | 2.7 \| 2.7 | 11\~11 \| 11 | – \| 3 | – \| 8 | 40 \| – |" in page
    assert r"| Birds<sup>2</sup> | 8142 \| – | – \| – |" in page
    assert "\n1. 1,000 is the balanced set, 10\\~20 the factor" in page
    assert "\n2. The test images are" in page
    assert "6 of the 8 printed numbers that were counted again agree" in page
    assert "- Birds: needs the images." in page
    assert ORIGIN[0] in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {8}


def test_latex_escapes_and_balances(numbers: pd.DataFrame) -> None:
    page = statistics.latex(TABLE, numbers, ORIGIN)
    assert r"Toys \& co" in page
    assert r"Toys\_LT$^{1}$ & 3 / 3 & 10$\sim$20 / 10$\sim$25 $\neq$ &" in page
    assert r"Birds$^{2}$ & 8142 / -- & -- / -- &" in page
    assert r"$^{2}$The test images are the validation images, 3 $\cdot$ 8142 or 3\textasciicircum{}1" in page
    assert page.count(r"\begin{") == page.count(r"\end{") == 2
    assert page.count("{") == page.count("}")
    assert not set("~≠·") & set(page)


def test_html_escapes_and_names_the_subsets(numbers: pd.DataFrame) -> None:
    page = statistics.webpage(TABLE, numbers, ORIGIN)
    assert "Toys &amp; co" in page
    assert "title='toys/if10/subset.json\ntoys/if20/subset.json'>10~25</span> <mark" in page
    assert "class='ours missing' title='needs the images'>–</span></div>" in page
    assert page.count("<mark ") == 2
    assert page.count("<td>") == page.count("</td>") == 18
    assert "<li>Birds: needs the images.</li>" in page


def test_a_table_without_printed_numbers_or_remarks_says_nothing_of_them() -> None:
    table = copy.deepcopy(TABLE)
    table["rows"] = [table["rows"][1] | {"printed": {}}]
    numbers = statistics.frame(table, COUNTS, TESTS)
    assert "| Words | 2 | 2.7 | 11 | 3 | 8 | – |" in statistics.markdown(table, numbers, ORIGIN)
    assert "Words & 2 & 2.7 & 11 & 3 & 8 & -- " in statistics.latex(table, numbers, ORIGIN)
    assert r"\caption{Toys \& co.}" in statistics.latex(table, numbers, ORIGIN)
    for page in (render(table, numbers, ORIGIN) for render in (statistics.markdown, statistics.webpage)):
        assert "agree." not in page
        assert "printed |" not in page
        assert "class='printed'" not in page
        assert "<sup>" not in page
        assert "<ol>" not in page
        assert "Not there yet" not in page
    assert "footnotesize" not in statistics.latex(table, numbers, ORIGIN)


def test_csv_reads_back(numbers: pd.DataFrame) -> None:
    back = pd.read_csv(io.StringIO(statistics.csv(numbers)), dtype=str)
    assert list(back.columns) == statistics.COLUMNS
    assert row(back, "Toys_LT", "ours") == row(numbers, "Toys_LT", "ours")
    assert row(back, "Toys_LT", "agrees") == ["True", "False", "False", "True", "True", "True"]


def test_unusable_input_is_named() -> None:
    for text in ("many", "", "3~", "1~2~3"):
        with pytest.raises(InputError, match="printed 'train' of row 'Toys_LT' is"):
            statistics.frame(edited(train=text), COUNTS, TESTS)
    with pytest.raises(InputError, match=r"words/if3/subset\.json has a class without images"):
        statistics.frame(TABLE, COUNTS | {"words/if3/subset.json": [8, 0]}, TESTS)


@readers.every_text(10)
def test_every_text_is_shown(text: str) -> None:
    table = copy.deepcopy(TABLE) | {"title": text, "note": text}
    table["rows"][1]["label"] = text
    table["rows"][0]["remark"] = text
    table["rows"][2]["needs"] = text
    numbers = statistics.frame(table, COUNTS, TESTS)

    page = readers.markdown(statistics.markdown(table, numbers, [text]))
    assert page.count(text) == 5  # title, note, row, remark and origin
    assert f"Birds: needs {text}." in page
    page = readers.html(statistics.webpage(table, numbers, [text]))
    assert page.count(text) == 6  # and that of the window
    assert {f"Birds: needs {text}.", f"needs {text}"} <= set(page)

    page = statistics.latex(table, numbers, [text])
    assert readers.latex(readers.latex_rows(page)[2][0]) == text
    assert f"$^{{1}}${escapes.latex_text(text)}\\par" in page

    stored = pd.read_csv(io.StringIO(statistics.csv(numbers)), dtype=str, keep_default_na=False)
    assert {text} == set(stored.loc[stored["row_number"] == "1", "row"])
    assert {text} == set(stored.loc[stored["row_number"] == "0", "remark"])
