"""The tables of benchmarks/README.md are generated."""

import pytest
from benchmarks import report

from longtail.runtime.errors import InputError


def test_the_page_shows_what_is_recorded() -> None:
    page = report.PAGE.read_text()
    assert page == report.filled(page, report.tables()), "run python -m benchmarks.report"


def test_only_what_is_between_the_markers_changes() -> None:
    page = f"above\n{report.BEGIN}\nold\n{report.END}\nbelow\n"
    assert report.filled(page, "new") == f"above\n{report.BEGIN}\n\nnew\n\n{report.END}\nbelow\n"


@pytest.mark.parametrize("page", ["", report.BEGIN, f"{report.END}\n{report.BEGIN}"])
def test_a_page_without_its_markers_is_refused(page: str) -> None:
    with pytest.raises(InputError, match="needs the lines"):
        report.filled(page, "new")
