import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.data import long_tail
from longtail.runtime import joblog
from longtail.stage1 import imported

with joblog.job(snakemake.log):
    w = snakemake.wildcards
    run = f"{w.dataset}/{w.imbalance}/{w.backbone}/{w.stage1}/seed{w.seed}"
    # Not a parameter, since Snakemake would take another place of the same network for a change.
    given = snakemake.config["stage1"][run]
    settings, subset = json.loads(snakemake.params.settings), long_tail.load(snakemake.input.subset)
    imported.take(given, settings, subset, snakemake.input.arrays, snakemake.output, f"stage1 '{run}'")
