from pathlib import Path
from typing import Any

import pytest

from longtail.report import render, tables


def line(numbers, method, metric, protocol):
    chosen = numbers[(numbers.method == method) & (numbers.metric == metric) & (numbers.protocol == protocol)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_mean_sample_deviation_and_difference(table: Any, metrics: Any, records: Any) -> None:
    found = line(tables.frame(table, metrics, records), "a", "top1", "last")
    assert found.ours == pytest.approx(72.0)
    assert found.sd == pytest.approx(2 * 2**0.5)  # of 70 and 74, n - 1
    assert found.n == 2
    assert found.difference == pytest.approx(-1.1)
    assert found.runs == "runs/a/seed0 runs/a/seed1"


def test_protocols_are_kept_apart(table: Any, metrics: Any, records: Any) -> None:
    numbers = tables.frame(table, metrics, records)
    assert line(numbers, "a", "ece", "best").ours == pytest.approx(13.0)
    assert line(numbers, "a", "ece", "last").ours == pytest.approx(12.0)


def test_a_single_run_has_no_deviation_and_no_print_no_difference(table: Any, metrics: Any, records: Any) -> None:
    found = line(tables.frame(table, metrics, records), "b", "top1", "last")
    assert found.isna()[["sd", "printed", "difference"]].all()


def test_a_row_that_cannot_run_says_what_it_needs(table: Any, metrics: Any, records: Any) -> None:
    numbers = tables.frame(table, metrics, records)
    assert line(numbers, "c", "top1", "last").n == 0
    assert render.missing(numbers) == ["C: needs the C loss."]


def test_metrics_other_than_rates_keep_their_unit(table: Any, metrics: Any, records: Any) -> None:
    table["metrics"] = ["nll"]
    assert line(tables.frame(table, metrics, records), "b", "nll", "last").ours == pytest.approx(1.25)


@pytest.mark.parametrize("protocol", tables.PROTOCOLS)
def test_minutes_are_those_of_both_stages_and_the_same_for_both_protocols(
    table: Any, metrics: Any, records: Any, protocol: str
) -> None:
    table["metrics"] = ["top1", "minutes"]
    numbers = tables.frame(table, metrics, records)
    of_two, of_one = (line(numbers, method, "minutes", protocol) for method in ("a", "b"))
    assert of_two.ours == pytest.approx(3.0)  # of 2.5 and 3.5
    assert of_two.sd == pytest.approx(0.5**0.5)
    assert of_one.ours == pytest.approx(1.5)
    assert line(numbers, "c", "minutes", protocol).n == 0


def test_the_calibration_text_is_in_every_line_of_the_row(table: Any, metrics: Any, records: Any) -> None:
    table["rows"][1]["calibration"] = "by a sigmoid"
    numbers = tables.frame(table, metrics, records)
    assert set(numbers[numbers.method == "b"].calibration) == {"by a sigmoid"}
    assert numbers[numbers.method != "b"].calibration.isna().all()


def test_csv_reads_back(table: Any, metrics: Any, records: Any, tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "table.csv"
    path.write_text(tables.csv(tables.frame(table, metrics, records)))
    assert line(pd.read_csv(path), "a", "ece", "last").ours == pytest.approx(12.0)
