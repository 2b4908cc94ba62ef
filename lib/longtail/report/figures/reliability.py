"""The reliability diagram of one run, drawn if its file is requested."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from longtail.report.figures import _diagrams
from longtail.report.subjects import Run
from longtail.runtime import files

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWS = "run"
ON_REQUEST = True
CATEGORY = "Calibration of single runs"
MESSAGE = "Reliability of {method} on {dataset} {imbalance}, {backbone}, seed {seed}"
CAPTION = """\
Last epoch: accuracy on the test set in each confidence bin; the hatched part is the gap to the mean confidence. \
The strip shows the share of the test set in each bin."""


def inputs(subject: Run) -> dict[str, Any]:
    """The scores of the run."""
    return {"metrics": subject.files.metrics}


def layout(subject: Run) -> dict[str, Any]:
    """The title, and the label of the method."""
    where = f"{subject.method} on {subject.setting}, {subject.backbone}, seed {subject.files.seed}"
    return {"title": f"Reliability of {where}", "method": subject.method}


def draw(layout: Mapping[str, Any], paths: Mapping[str, Any]) -> "Figure":
    """The diagram of the last epoch."""
    score = files.read_json(paths["metrics"])["last"]
    return _diagrams.side_by_side([(layout["method"], score)], layout["title"])
