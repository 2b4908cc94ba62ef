import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import curves, style
    from longtail.runtime import files

    labels = json.loads(snakemake.params.labels)
    counts = [files.read_json(path)["counts"] for path in snakemake.input.subsets]
    title = f"Training images per class: {labels['title']}"
    figure = curves.class_counts(dict(zip(labels["series"], counts, strict=True)), title)
    style.save(figure, snakemake.output.svg, snakemake.output.png)
