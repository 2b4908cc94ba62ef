"""The captions of Snakemake's report, of data sets and methods of any name."""

import re
from types import SimpleNamespace
from typing import Any, cast

import jinja2
import pytest
from docutils.core import publish_parts

from longtail.graph.figures import kinds
from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT

KINDS = kinds(cast(Any, None))


@pytest.mark.filterwarnings("ignore:Argument .writer_name.")  # which is how Snakemake calls it
@pytest.mark.parametrize("name", KINDS)
def test_names_are_shown_as_they_are(name: str) -> None:
    names = {"dataset": "mine_", "method": "_a_b__", "backbone": "数据_", "imbalance": "if10", "seed": "0"}
    names["figure"] = "_mine_"
    asked = re.findall(r"\{(\w+)\}", parts.literal("report.figures", name, "CAPTION", ""))
    template = (ROOT / "rules/captions/figure.rst").read_text()

    caption = KINDS[name].caption(SimpleNamespace(**names))
    rendered = jinja2.Template(template).render(snakemake=SimpleNamespace(params=SimpleNamespace(caption=caption)))
    page = publish_parts(rendered, writer_name="html")["body"]

    text = re.sub(r"<[^>]*>", "", page)
    assert all(names[wildcard] in text for wildcard in asked)
    assert len(text) > 60
    assert "<a " not in page
    assert "system-message" not in page
