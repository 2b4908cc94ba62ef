import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.report import reliability, style
from longtail.report.pool import pool
from longtail.runtime import files, joblog

with joblog.job(snakemake.log):
    figure = json.loads(snakemake.params.figure)
    panels = [
        (panel["label"], pool([files.read_json(run)["last"] for run in panel["runs"]]))
        for panel in figure["panels"]
        if panel["runs"]
    ]
    out = snakemake.output
    style.save(reliability.comparison(panels, figure["title"]), out.panels_svg, out.panels_png)
    style.save(reliability.overlay(panels, figure["title"]), out.overlay_svg, out.overlay_png)
