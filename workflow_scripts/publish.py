import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import publish

    manifest, inputs = snakemake.output.manifest, snakemake.input
    configuration = json.loads(snakemake.params.configuration)
    pages = [*inputs.tables, *inputs.rankings]
    publish.publish(manifest, pages, inputs.figures, inputs.metrics, inputs.provenance, inputs.choices, configuration)
