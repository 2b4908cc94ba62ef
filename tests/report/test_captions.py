"""The captions of Snakemake's report are valid reStructuredText."""

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import jinja2
import pytest
from docutils.core import publish_parts

from longtail.graph.entries import Settings
from longtail.graph.figures import kinds
from longtail.runtime.fingerprint import ROOT

KINDS = kinds(cast(Any, None))


def rendered(file: str, **params: Any) -> str:
    """The text that the report shows of a caption."""
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(
        (ROOT / "rules/captions" / file).read_text()
    )
    text = template.render(snakemake=SimpleNamespace(params=SimpleNamespace(**params)))
    page = publish_parts(text, writer_name="html")["body"]
    assert "<a " not in page
    assert "system-message" not in page
    return " ".join(re.sub(r"<[^>]*>", "", page).split())


@pytest.mark.filterwarnings("ignore:Argument .writer_name.")  # which is how Snakemake calls it
@pytest.mark.parametrize("name", KINDS)
def test_a_figure_has_a_caption(name: str) -> None:
    assert len(rendered("figure.rst", caption=KINDS[name].caption(SimpleNamespace()))) > 60


@pytest.mark.filterwarnings("ignore:Argument .writer_name.")
@pytest.mark.parametrize("printed", [{}, {"top1": 70.4}])
def test_only_a_table_with_printed_numbers_speaks_of_them(printed: dict[str, float]) -> None:
    cells = [{"cells": [{"printed": {}}, {"printed": printed}], "printed": printed}]
    table = Settings({"source": "", "rows": cells, "claims": cells})

    captions = [rendered(f"{name}.rst", table=table) for name in ("table", "statistics", "claims")]

    assert [("paper" in caption) for caption in captions] == [bool(printed)] * 3
    assert json.loads(table)["claims"] == cells
