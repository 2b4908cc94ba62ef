import json
import os

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import download
    from longtail.runtime import places

    archive = json.loads(snakemake.params.settings)["archive"]
    # A list of one archive that Snakemake has fetched from a storage, or empty.
    held = next(iter(snakemake.input.held), None)
    data_dir = os.path.dirname(held) if held else places.of_job(snakemake).get("data_dir")
    download.fetch(snakemake.output.archive, archive, data_dir)
