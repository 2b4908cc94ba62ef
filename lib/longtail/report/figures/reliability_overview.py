"""Reliability diagrams of every method of a setting, each with the test sets of all its seeds together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from longtail import results
from longtail.report import origin
from longtail.report.figures import _diagrams
from longtail.report.subjects import Setting
from longtail.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWS = "setting"
CATEGORY = "Calibration"
MESSAGE = "Reliability of all methods on {dataset} {imbalance}, {backbone}"
CAPTION = """\
Last epoch of every method; the smallest ECE comes first. \
Bars show the accuracy in each confidence bin, over the test sets of all seeds together; the hatched part is the gap \
to the mean confidence, and the strip below shows the share of the test set in each bin. Top-1 and ECE are means \
± standard deviations over the seeds."""


def inputs(subject: Setting) -> dict[str, Any]:
    """The scores of all runs, and the records of their trainings."""
    runs = [run for method in subject.methods for run in method.runs]
    records = sorted({path for run in runs for path in run.provenance})
    return {"metrics": [run.metrics for run in runs], "provenance": records}


def layout(subject: Setting) -> dict[str, Any]:
    """The title, the seeds, and the label and runs of each method."""
    methods = [
        {
            "label": method.label,
            "calibration": method.calibration,
            "runs": [run.metrics for run in method.runs],
        }
        for method in subject.methods
    ]
    title = f"Reliability of all methods on {subject.setting}, {subject.backbone}"
    seeds = sorted({run.seed for method in subject.methods for run in method.runs})
    return {"title": title, "methods": methods, "seeds": seeds}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """A diagram of each method, the best calibrated first."""
    scores = {results.name(path): files.read_json(path)["last"] for path in paths["metrics"]}
    panels = [
        (
            method["label"] + (origin.DAGGER if method["calibration"] else ""),
            _diagrams.pool([scores[run] for run in method["runs"]]),
        )
        for method in layout["methods"]
    ]
    return _diagrams.side_by_side(sorted(panels, key=lambda panel: panel[1]["ece"]), layout["title"])


def small_print(layout: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str:
    """Explains the daggers, and says which runs are shown."""
    methods = layout["methods"]
    daggers = origin.explained(
        (method["label"], method["calibration"]) for method in methods if method["calibration"]
    )
    fewest = min(len(method["runs"]) for method in methods)
    return " ".join([*daggers, origin.line("", layout["seeds"], records, fewest)])
