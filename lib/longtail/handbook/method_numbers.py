"""The numbers of a method: those that papers print (config/tables) and those measured (results/published)."""

import csv
import functools
from pathlib import Path
from typing import Any

from longtail.config import load
from longtail.config.registry import CONFIG, Registry
from longtail.evaluate.columns import COLUMNS
from longtail.handbook import reference
from longtail.handbook.markdown import table
from longtail.handbook.method_parts import prose
from longtail.imbalance import NATURAL
from longtail.runtime.fingerprint import ROOT

PUBLISHED = ROOT / "results" / "published"
MEANING = (
    "Last epoch, mean ± standard deviation (number of seeds); accuracies and calibration errors in %, "
    "time of training in minutes.\n"
)


def printed(registry: Registry, name: str) -> str:
    """The rows of this method in the papers' tables, as one small table each."""
    blocks = []
    for path in sorted((CONFIG / "tables").glob("*.yaml")):
        definition = _definition(path)
        if definition["kind"] == "methods":
            rows = [row for row in definition["rows"] if row["method"] == name]
            blocks += [_printed(registry, path, definition, row) for row in rows]
    return "\n".join(filter(None, blocks))


def measured(name: str) -> str:
    """The published results of this method at the last epoch, one small table for each published table."""
    blocks = []
    for path in sorted(PUBLISHED.glob("*/tables/*.csv")):
        with path.open(newline="") as handle:
            lines = [line for line in csv.DictReader(handle) if line.get("method") == name]
        lines = [line for line in lines if line["protocol"] == "last" and line["ours"]]
        blocks += [_measured(path, lines)] if lines else []
    return "\n".join([MEANING, *blocks] if blocks else blocks)


@functools.cache
def _definition(path: Path) -> dict[str, Any]:
    return load.definition("table", path)


def _printed(registry: Registry, path: Path, definition: dict[str, Any], row: dict[str, Any]) -> str:
    # For a data set that config/datasets lacks (JPEG copies), the paper's number is of another set: it is shown
    # beside our results only.
    cells = [
        (column, values)
        for column, values in zip(definition["columns"], row["printed"] or [], strict=False)
        if values and column["dataset"] in registry.datasets
    ]
    if not cells:
        return ""
    printable = [metric for metric in definition["metrics"] if COLUMNS[metric].printable]
    metrics = printable[: max(len(values) for _, values in cells)]
    rows = [
        (_label(registry, column), *map(str, values), *[reference.NONE] * (len(metrics) - len(values)))
        for column, values in cells
    ]
    own = registry.methods[row["method"]]["label"]
    in_row = f', in the row "{row["label"]}"' if row.get("label", own) != own else ""
    headline = _headline(definition, f"config/tables/{path.name}", f", {definition['source']}{in_row}")
    return f"{headline}\n{table(('setting', *(COLUMNS[metric].label for metric in metrics)), rows)}"


def _measured(path: Path, lines: list[dict[str, str]]) -> str:
    stored = CONFIG / "tables" / f"{path.stem}.yaml"
    definition = _definition(stored) if stored.is_file() else {"title": path.stem, "note": ""}
    head, source = ["setting", "score", "measured"], ""
    rows = [[line["column"], COLUMNS[line["metric"]].label, _ours(line)] for line in lines]
    if any(line["printed"] for line in lines):
        head, source = [*head, "printed"], f"; printed: {definition['source']}" if definition.get("source") else ""
        numbers = [str(float(line["printed"])) if line["printed"] else reference.NONE for line in lines]
        rows = [[*row, number] for row, number in zip(rows, numbers, strict=True)]
    headline = _headline(definition, f"results/published/{path.parents[1].name}", source)
    return f"{headline}\n{table(tuple(head), [tuple(row) for row in rows])}"


def _ours(line: dict[str, str]) -> str:
    column = COLUMNS[line["metric"]]
    spread = f" ± {column.text(float(line['sd']))}" if line["sd"] else ""
    under = ", under-confident" if column.name == "ece" and float(line["signed_gap"]) < 0 else ""
    return f"{column.text(float(line['ours']))}{spread} ({line['n']}){under}"


def _headline(definition: dict[str, Any], path: str, source: str) -> str:
    """The title of a table as a link to its file, the source of its numbers, and the note of the table."""
    note = f"\n\n{definition['note']}" if definition["note"] else ""
    return prose(f"**[{definition['title']}](../../{path})**{source}{note}") + "\n"


def _label(registry: Registry, column: dict[str, Any]) -> str:
    factor = "" if column["factor"] == NATURAL else f", factor {column['factor']}"
    return column.get("label") or f"{registry.datasets[column['dataset']]['title']}{factor}"
