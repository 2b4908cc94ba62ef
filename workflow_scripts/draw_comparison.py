import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import origin, pool, reliability, style
    from longtail.runtime import files

    figure = json.loads(snakemake.params.figure)
    panels = pool.pooled_panels(figure, {path: files.read_json(path) for path in snakemake.input.metrics})
    titled = [(reliability.panel_title(label, printed), score) for label, score, printed in panels]
    lines = [(label, score) for label, score, _ in panels]
    records = [files.read_json(path) for path in snakemake.input.provenance]
    fewest = min(score["n"] for _, score, _ in panels)
    told = [*pool.daggers(figure), origin.line(figure["source"], figure["seeds"], records, fewest)]
    small_print, out = " ".join(told), snakemake.output
    style.save(reliability.comparison(titled, figure["title"]), out.panels_svg, out.panels_png, small_print)
    style.save(reliability.overlay(lines, figure["title"]), out.overlay_svg, out.overlay_png, small_print)
