import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import download

    archive = json.loads(snakemake.params.settings)["archive"]
    remedy = "or name a file of your own in the backbone's weights"
    download.fetch(snakemake.output.weights, archive, None, remedy)
