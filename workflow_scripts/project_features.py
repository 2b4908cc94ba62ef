import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.data import long_tail
from longtail.features import extract
from longtail.runtime import joblog
from longtail.stage2 import project

with joblog.job(snakemake.log):
    settings = json.loads(snakemake.params.settings)
    features, subset = extract.load(snakemake.input.features), long_tail.load(snakemake.input.subset)
    project.save(snakemake.output.projection, project.project(features, subset.counts, settings))
