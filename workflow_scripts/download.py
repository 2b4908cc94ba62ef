import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import download

    archive = json.loads(snakemake.params.settings)["archive"]
    place = snakemake.config["places"][snakemake.wildcards.dataset]
    download.fetch(snakemake.output.archive, archive, place.get("data_dir"))
