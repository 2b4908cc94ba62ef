import subprocess
import sys

import pytest

from longtail.config import load, schema
from longtail.evaluate.columns import COLUMNS, METRICS, MINUTES
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("top1", 72.049, "72.0"),
        ("ece", 4.834, "4.83"),
        ("ece", 12.37, "12.4"),
        ("cwece", 0.5, "0.50"),
        ("signed_gap", -3.456, "−3.46"),
        ("signed_gap", -34.56, "−34.6"),
        ("nll", 1.25, "1.250"),
        ("minutes", 35.26, "35.3"),
    ],
)
def test_digits(name: str, value: float, text: str) -> None:
    assert COLUMNS[name].text(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("top1", 48.08, "48.08"),
        ("top1", 48.1, "48.1"),
        ("few", 3, "3.0"),
        ("ece", 3.7, "3.70"),
        ("nll", 1.5, "1.500"),
    ],
)
def test_printed_numbers_keep_the_hundredths_of_an_accuracy(name: str, value: float, text: str) -> None:
    assert COLUMNS[name].as_printed(value) == text


def test_differences_have_a_sign() -> None:
    assert [METRICS["top1"].signed(value) for value in (1.26, 0, -1.26)] == ["+1.3", "+0.0", "−1.3"]


def test_fractions_are_shown_in_percent_and_other_units_as_they_are() -> None:
    assert METRICS["mce"].in_unit(0.125) == 12.5
    assert METRICS["brier"].in_unit(0.125) == 0.125


def test_a_score_without_the_metric_is_named() -> None:
    assert METRICS["few"].stored({"groups": {"few": None}}, "a/metrics.json") is None
    for score in ({}, {"groups": {"many": 0.5}}):
        with pytest.raises(InputError, match=r"^a/metrics\.json has no few: delete it and run again$"):
            METRICS["few"].stored(score, "a/metrics.json")


def test_what_can_be_shown_where() -> None:
    properties = {"table": schema.load("table")["properties"]}
    properties["sensitivity"] = load.figure_schema("sensitivity")["properties"]
    shared = schema.load("table")["$defs"]

    assert properties["table"]["metrics"]["items"] == {"$ref": "#/$defs/column"}
    assert properties["sensitivity"]["metrics"]["items"] == {"$ref": "#/$defs/metric"}
    assert shared["column"]["enum"] == [*METRICS, "minutes"]
    assert shared["metric"]["enum"] == [*METRICS]
    # Two methods cannot be compared by what has no better side, or by groups, of which logits know nothing.
    assert shared["claimed_metric"]["enum"] == ["top1", "ece", "mce", "ace", "cwece", "nll", "brier"]
    assert [column.name for column in COLUMNS.values() if not column.printable] == [MINUTES.name]


def test_the_configuration_reads_them_without_numpy() -> None:
    code = "import sys, longtail.graph.graph; print(sorted({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "lib")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"
