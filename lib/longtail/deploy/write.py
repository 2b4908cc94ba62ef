"""Predictions as CSV and as JSON lines."""

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from longtail.deploy.model import Prediction
from longtail.runtime.errors import printable

Row = tuple[dict[str, Any], Prediction]


def as_csv(stream: TextIO, rows: Iterable[Row], calibration: str, top: int) -> None:
    """A line for each example: what it is, its class with probability and calibration, and the next best classes."""
    writer = csv.writer(stream, lineterminator="\n")
    for number, (example, prediction) in enumerate(rows):
        if number == 0:
            more = [f"{key}_{rank}" for rank in range(2, top + 1) for key in ("class", "probability")]
            writer.writerow([*example, "class", "probability", "calibration", *more])
        name, probability, ranked = prediction
        rest = [cell for other, value in ranked[1:] for cell in (other, _short(value))]
        writer.writerow([*example.values(), name, _short(probability), calibration, *rest])


def as_json_lines(stream: TextIO, rows: Iterable[Row], calibration: str, top: int) -> None:
    """A JSON object a line for each example, with its best classes under `top`."""
    for example, (name, probability, ranked) in rows:
        best = [{"class": other, "probability": _rounded(value)} for other, value in ranked[:top]]
        line = {
            **example,
            "class": name,
            "probability": _rounded(probability),
            "calibration": calibration,
            "top": best,
        }
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def as_rows(rows: Iterable[Row]) -> Iterator[list[str]]:
    """Cells of a table for a terminal, its head first."""
    yield ["example", "class", "", "next best"]
    for example, (name, probability, ranked) in rows:
        rest = ", ".join(f"{other} {value:.1%}" for other, value in ranked[1:])
        yield [printable(str(example.get("text", example["file"]))), name, f"{probability:.1%}", rest]


# By the ending of the file's name.
FORMATS = {".csv": as_csv, ".jsonl": as_json_lines}


def _rounded(probability: float) -> float:
    """Six significant digits: float32 logits have no more."""
    return float(_short(probability))


def _short(probability: float) -> str:
    return f"{probability:.6g}"
