import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    import pandas as pd

    from longtail.report import curves, style

    labels = json.loads(snakemake.params.figure)
    histories = map(pd.read_csv, snakemake.input.histories)
    figure = curves.training_curves(dict(zip(labels["series"], histories, strict=True)), labels["title"])
    style.save(figure, snakemake.output.svg, snakemake.output.png)
