import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import origin, sensitivity, style
    from longtail.runtime import files

    layout = json.loads(snakemake.params.figure)
    scores = {path: files.read_json(path)["last"] for path in snakemake.input.metrics}
    panels, baseline = sensitivity.laid_out(layout, scores)
    metrics = layout.get("metrics", sensitivity.DEFAULT_METRICS)
    figure = sensitivity.sensitivity(panels, baseline, layout["title"], metrics)
    records = [files.read_json(path) for path in snakemake.input.provenance]
    small_print = origin.after(layout["source"], layout["seeds"], records)
    style.save(figure, snakemake.output.svg, snakemake.output.png, small_print)
