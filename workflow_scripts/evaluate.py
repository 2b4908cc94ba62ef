import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.evaluate import protocols
    from longtail.runtime import files

    settings = json.loads(snakemake.params.settings)
    counts = files.read_json(snakemake.input.subset)["counts"]
    files.write_json(snakemake.output.metrics, protocols.score_both(snakemake.input.logits, counts, **settings))
