import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.data import download
from longtail.runtime import joblog

with joblog.job(snakemake.log):
    settings = json.loads(snakemake.params.settings)
    download.fetch(snakemake.output.archive, settings["archive"], settings["data_dir"])
