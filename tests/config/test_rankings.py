from pathlib import Path
from typing import Any

import pytest
import yaml

from longtail.config import build
from longtail.config.plan import Plan
from longtail.config.registry import CONFIG, merge
from longtail.runtime.errors import InputError

DIGITS = {"dataset": "digits", "factor": 50, "backbone": "resnet32"}
ROWS = [{"method": "ce"}, {"method": "mislas"}, {"method": "oltr"}]


def planned(folder: Path, name: str = "birds_table", **table: Any) -> Plan:
    """The plan of one table, of CE and MiSLAS on digits unless changed."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"title": "Birds", "columns": [DIGITS], "rows": ROWS} | table))
    return build.build({"tables": [str(path)], "figures": []}, [])


def test_a_table_without_printed_numbers_has_a_page(tmp_path: Path) -> None:
    plan = planned(tmp_path)

    assert list(plan.rankings) == ["birds_table"]
    cells = plan.rankings["birds_table"].cells
    assert [(cell.method, bool(cell.runs)) for cell in cells] == [("ce", True), ("mislas", True), ("oltr", False)]
    # It requests no run of its own.
    assert plan.runs == planned(tmp_path, columns=[DIGITS | {"ranking": False}]).runs


def test_one_that_reproduces_a_paper_has_none_unless_it_asks(tmp_path: Path) -> None:
    printed = [{"method": "ce", "printed": [[70.4]]}, {"method": "mislas"}]

    assert planned(tmp_path, rows=printed).rankings == {}
    assert list(planned(tmp_path, rows=printed, columns=[DIGITS | {"ranking": True}]).rankings) == ["birds_table"]


def test_several_columns_are_told_apart_by_what_differs(tmp_path: Path) -> None:
    tenth, same = DIGITS | {"factor": 2.5}, DIGITS | {"label": "again"}

    assert list(planned(tmp_path, columns=[DIGITS, tenth, same]).rankings) == [
        "birds_table_if50",
        "birds_table_if2.5",
    ]
    assert list(planned(tmp_path, columns=[DIGITS, tenth | {"ranking": False}]).rankings) == ["birds_table_if50"]


def test_a_method_in_two_rows_is_ranked_once_and_one_that_cannot_run_needs_no_page(tmp_path: Path) -> None:
    twice = planned(tmp_path, rows=[*ROWS, {"method": "ce", "label": "CE again"}]).rankings["birds_table"]

    assert [cell.label for cell in twice.cells] == ["CE", "MiSLAS", "OLTR"]
    assert planned(tmp_path, rows=[{"method": "oltr"}]).rankings == {}


def test_two_pages_of_one_name_are_refused(tmp_path: Path) -> None:
    for name, columns in (("birds", [DIGITS, DIGITS | {"factor": 10}]), ("birds_if10", [DIGITS])):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"title": "x", "columns": columns, "rows": ROWS}))
    tables = [str(tmp_path / f"{name}.yaml") for name in ("birds", "birds_if10")]

    with pytest.raises(InputError, match="two of them are called 'birds_if10': rename the file of one"):
        build.build({"tables": tables, "figures": []}, [])


@pytest.mark.parametrize(
    ("file", "pages"),
    [("config.yaml", []), ("demo.yaml", ["digits_if50"]), ("published.yaml", [])],
)
def test_shipped_tables_have_one_page_in_the_demo_and_no_other(file: str, pages: list[str]) -> None:
    files = [CONFIG / "config.yaml", CONFIG / file]
    config = merge(*(yaml.safe_load(path.read_text()) for path in files))

    assert list(build.build(config, files).rankings) == pages
