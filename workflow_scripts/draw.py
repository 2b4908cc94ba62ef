import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import drawing

    layout, inputs, outputs = json.loads(snakemake.params.figure), snakemake.input, snakemake.output
    drawing.draw(snakemake.params.kind, layout, dict(inputs.items()), dict(outputs.items()))
