import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import curves, style
    from longtail.runtime import files

    loss = json.loads(snakemake.params.smoothing)
    counts = files.read_json(snakemake.input.subset)["counts"]
    figure = curves.smoothing_curves(counts, loss["head"], loss["tail"])
    style.save(figure, snakemake.output.svg, snakemake.output.png)
