import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.report import origin, reliability, style
from longtail.report.pool import pool
from longtail.runtime import files, joblog

with joblog.job(snakemake.log):
    figure = json.loads(snakemake.params.figure)
    shown = [panel for panel in figure["panels"] if panel["runs"]]
    scores = [pool([files.read_json(run)["last"] for run in panel["runs"]]) for panel in shown]
    titles = [reliability.panel_title(panel["label"], panel["printed"]) for panel in shown]
    lines = list(zip([panel["label"] for panel in shown], scores, strict=True))
    records = [files.read_json(path) for path in snakemake.input.provenance]
    small_print, out = origin.line(figure["seeds"], records), snakemake.output
    style.save(
        reliability.comparison(list(zip(titles, scores, strict=True)), figure["title"]),
        out.panels_svg,
        out.panels_png,
        small_print,
    )
    style.save(reliability.overlay(lines, figure["title"]), out.overlay_svg, out.overlay_png, small_print)
