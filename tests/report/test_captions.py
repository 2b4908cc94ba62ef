"""The captions of Snakemake's report, of data sets and methods of any name."""

import re
from types import SimpleNamespace

import jinja2
import pytest
from docutils.core import publish_parts

from longtail.runtime.fingerprint import ROOT


@pytest.mark.filterwarnings("ignore:Argument .writer_name.")  # which is how Snakemake calls it
@pytest.mark.parametrize("caption", ["class_counts", "reliability", "smoothing", "training_curves"])
def test_names_are_shown_as_they_are(caption: str) -> None:
    names = {"dataset": "mine_", "method": "_a_b__", "backbone": "数据_", "imbalance": "if10", "seed": "0"}
    text = (ROOT / "rules/captions" / f"{caption}.rst").read_text()
    asked = set(re.findall(r"wildcards\.(\w+)", text))

    rendered = jinja2.Template(text).render(snakemake=SimpleNamespace(wildcards=SimpleNamespace(**names)))
    page = publish_parts(rendered, writer_name="html")["body"]

    assert all(names[name] in re.sub(r"<[^>]*>", "", page) for name in asked)
    assert "<a " not in page
    assert "system-message" not in page
