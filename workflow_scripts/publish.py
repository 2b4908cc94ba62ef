import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import publish

    given = snakemake.input
    manifest, kept = snakemake.output.manifest, (given.tables, given.figures)
    configuration = json.loads(snakemake.params.configuration)
    publish.publish(manifest, *kept, given.metrics, given.provenance, given.choices, configuration)
