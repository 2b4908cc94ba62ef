"""Writes the files of a page."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail.report import style
from longtail.report.ranking import drawings, numbers, page
from longtail.report.ranking.ranked import Ranked
from longtail.runtime import files


def write(ranked: Ranked, origin: Sequence[str], output: Any) -> None:
    """Write the page as `html` and `md`, its numbers as `csv` and `classes`, its first figure as `svg` and `png`.

    `origin` are the sentences about where the numbers come from. Raises InputError for a file that cannot be written.
    """
    style.save(drawings.intervals(ranked), output.svg, output.png)
    figures = {"intervals": Path(output.svg).read_text(encoding="utf-8")}
    drawn = [drawings.classes, drawings.reliability, *([drawings.front] if len(ranked.methods) > 1 else [])]
    with tempfile.TemporaryDirectory() as folder:
        for draw in drawn:
            svg = Path(folder, f"{draw.__name__}.svg")
            style.save(draw(ranked), svg, svg.with_suffix(".png"))
            figures[draw.__name__] = svg.read_text(encoding="utf-8")
    files.write_text(output.csv, numbers.criteria(ranked))
    files.write_text(output.classes, numbers.classes(ranked))
    files.write_text(output.md, page.markdown(ranked, Path(output.png).name, origin))
    files.write_text(output.html, page.webpage(ranked, figures, origin))
