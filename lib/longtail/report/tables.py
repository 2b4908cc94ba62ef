"""A table of a paper as a tidy frame: all printed numbers and all of ours, for both protocols."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from longtail.evaluate.columns import METRICS, MINUTES

PROTOCOLS = ("last", "best")
COLUMNS = [
    *(
        "table",
        "row_number",
        "row",
        "method",
        "column_number",
        "column",
        "dataset",
        "imbalance",
        "backbone",
        "metric",
        "protocol",
    ),
    *("printed", "ours", "sd", "n", "difference", "signed_gap", "calibration", "needs", "runs"),
]


def frame(
    table: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]], records: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """One line per row, column, metric and protocol.

    `table` is the layout of `graph.layouts.table`; `metrics` holds the content of metrics.json by run path, `records`
    that of provenance.json by path, whose `seconds` give the minutes of training. `ours` is the mean over runs, `sd`
    the sample standard deviation (none for a single run), `n` the number of runs, `difference` ours − printed, all in
    the unit of the metric (`evaluate.columns`). `signed_gap` (mean confidence − accuracy, in %) is the sign of the
    calibration error; `calibration` says how the row's logits become probabilities, if not by the softmax that they
    were trained with. Raises InputError for a metrics.json that lacks the metric.
    """
    lines = []
    for row_number, row in enumerate(table["rows"]):
        for column_number, (column, cell) in enumerate(zip(table["columns"], row["cells"], strict=True)):
            for metric in table["metrics"]:
                for protocol in PROTOCOLS:
                    place = {"table": table["name"], "row": row["label"], "method": row["method"]}
                    place |= {"calibration": row["calibration"]}
                    place |= {"row_number": row_number, "column_number": column_number, "column": column["label"]}
                    place |= {"metric": metric, "protocol": protocol}
                    place |= {key: column[key] for key in ("dataset", "imbalance", "backbone")}
                    scores = {run: metrics[run][protocol] for run in cell["runs"]}
                    values = _minutes(cell, records) if metric == MINUTES.name else _values(metric, scores)
                    lines.append(place | _numbers(cell, scores, metric, values))
    return pd.DataFrame(lines, columns=COLUMNS)


def _minutes(cell: Mapping[str, Any], records: Mapping[str, Mapping[str, Any]]) -> list[float]:
    """The minutes of all trainings that a run requires, for each run of a cell."""
    return [sum(records[path]["seconds"] for path in paths) / 60 for paths in cell["trainings"]]


def _values(metric: str, scores: Mapping[str, Mapping[str, Any]]) -> list[float]:
    """A metric of each run in its unit; runs without a value (a group without classes) are left out."""
    stored = [METRICS[metric].stored(score, run) for run, score in scores.items()]
    return [METRICS[metric].in_unit(value) for value in stored if value is not None]


def _numbers(
    cell: Mapping[str, Any], scores: Mapping[str, Mapping[str, Any]], metric: str, run_values: Sequence[float]
) -> dict[str, Any]:
    values = pd.Series(run_values, dtype=float)
    gap = pd.Series([score["signed_gap"] for score in scores.values()], dtype=float).mean() * 100
    printed = cell["printed"].get(metric)
    ours = values.mean() if len(values) else None
    return {
        "printed": printed,
        "ours": ours,
        "sd": values.std(ddof=1) if len(values) > 1 else None,
        "n": len(values),
        "difference": None if ours is None or printed is None else ours - printed,
        "signed_gap": gap if len(values) else None,
        "needs": cell["needs"],
        "runs": " ".join(cell["runs"]),
    }


def csv(numbers: pd.DataFrame) -> str:
    """The frame as CSV, six decimals."""
    return str(numbers.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
