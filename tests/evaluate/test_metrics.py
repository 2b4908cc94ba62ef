"""Each metric has an entry and a function; a new one is added as docs/architecture/adding.md says."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from longtail.evaluate import metrics
from longtail.evaluate.columns import DIGITS, METRICS
from longtail.evaluate.predictions import Predictions
from longtail.evaluate.score import score
from longtail.runtime.fingerprint import ROOT, reached

PAGE = (ROOT / "docs" / "architecture" / "adding.md").read_text()

# What a stranger would look at, in the stranger's own copy of the library.
LOOK = """
import sys
from pathlib import Path
import numpy as np
from longtail.config import load
from longtail.handbook import reference
from longtail.evaluate.score import score
from longtail.report import render, tables
from longtail.runtime.errors import InputError

scores = score(np.zeros((4, 2)), np.array([0, 0, 0, 1]), np.array([9, 9]), resamples=2)
assert abs(scores["entropy"] - np.log(2)) < 1e-12  # both classes at 1/2

table = Path(sys.argv[1]) / "mine.yaml"
text = "title: Mine\\nmetrics: [top1, METRIC]\\ncolumns: [{dataset: digits, factor: 50, backbone: resnet32}]\\n"
table.write_text(text.replace("METRIC", "entropy") + "rows: [{method: ce}]\\n")
definition = load.definition("table", table)
cell = {"runs": ["run"], "trainings": [[]], "printed": {}, "needs": None}
column = {"label": "Digits", "dataset": "digits", "imbalance": "if50", "backbone": "resnet32"}
row = {"label": "CE", "method": "ce", "calibration": None, "cells": [cell]}
layout = definition | {"name": "mine", "columns": [column], "rows": [row]}
page = render.markdown(layout, tables.frame(layout, {"run": {"last": scores, "best": scores}}, {}), [])
assert "| Method | Top-1 | Entropy |" in page
assert "| CE | 75.0 (1) | 0.693 (1) |" in page
assert "Top-1 in %, Entropy in nats" in page

assert "| `entropy` | Entropy | nats | – | thousandths | Mean entropy of the predicted prob" in reference.metrics()

table.write_text(text.replace("METRIC", "entropie") + "rows: [{method: ce}]\\n")
try:
    load.definition("table", table)
except InputError as error:
    print(error)
"""


def test_a_metric_is_added_as_the_page_says(tmp_path: Path) -> None:
    section = PAGE.split("## Adding a metric\n")[1].split("\n## ")[0]
    entry, function = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    for folder in ("lib", "config"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "lib" / "longtail" / "evaluate" / "metrics.py"
    before, after = file.read_text().split("METRICS = {\n")
    before = before.replace("\nfrom longtail", "\nimport numpy as np\n\nfrom longtail", 1)
    file.write_text(f"{before}METRICS = {{\n{entry}{after}\n\n{function}")

    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path)],
        env={"PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert (
        "key 'metrics.1' is 'entropie': did you mean 'entropy'? (known: ace, brier, cwece, ece, entropy"
        in done.stdout
    )


def test_each_entry_has_a_function_with_a_docstring_and_no_function_lacks_an_entry() -> None:
    tree = ast.parse(Path(metrics.__file__).read_text())
    functions = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert list(functions) == list(METRICS) == list(metrics.METRICS)
    assert all(functions.values())
    assert {metric.digits for metric in METRICS.values()} <= set(DIGITS)
    assert {metric.better for metric in METRICS.values()} <= {"higher", "lower", None}
    assert {need for metric in METRICS.values() for need in metric.needs} <= {"probabilities", "class sizes"}


def test_every_metric_is_stored_where_it_is_looked_up() -> None:
    logits, labels = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    scores = score(logits, labels, [200, 50, 5], resamples=2)

    predictions = Predictions(logits, labels, bins=15, train_counts=np.array([200, 50, 5]))
    for metric in METRICS.values():
        assert metric.stored(scores, "here") == metric.value(predictions) is not None


def test_what_does_not_need_the_class_sizes_is_computed_without_them() -> None:
    predictions = Predictions(np.eye(3), np.arange(3), bins=15)

    assert {name for name, metric in METRICS.items() if "class sizes" in metric.needs} == {"many", "medium", "few"}
    for metric in METRICS.values():
        if "class sizes" not in metric.needs:
            assert metric.value(predictions) is not None


@pytest.mark.parametrize(
    "job",
    [
        ["evaluate"],
        ["make_table"],
        ["make_claims"],
        ["draw", "report.figures.sensitivity"],
        ["draw", "report.figures.reliability"],
    ],
)
def test_a_changed_metric_is_another_code_of_the_jobs_that_show_it(job: list[str]) -> None:
    """The entries are read without an import, so an import elsewhere has to make them part of the fingerprint."""
    assert Path(metrics.__file__) in reached(*job)


@pytest.mark.parametrize("script", ["train_stage1", "extract_features", "train_stage2", "adjust_classifier"])
def test_no_training_depends_on_metrics(script: str) -> None:
    assert Path(metrics.__file__) not in reached(script)
