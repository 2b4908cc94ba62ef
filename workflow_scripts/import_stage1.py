import json
from pathlib import Path

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import arrays, long_tail
    from longtail.settings.stage1 import Stage1
    from longtail.stage1 import imported, shapes

    w = snakemake.wildcards
    run = f"{w.dataset}/{w.imbalance}/{w.backbone}/{w.stage1}/seed{w.seed}"
    where = f"stage1 '{run}'"
    # Not a parameter: Snakemake would import the network again when only its path changes.
    entry = snakemake.config["stage1"][run]
    settings, subset = json.loads(snakemake.params.settings), long_tail.load(snakemake.input.subset)
    record = imported.check(entry, settings, subset.content, where)
    shapes.check(Path(entry["source"]), arrays.load(snakemake.input.arrays), Stage1.parse(settings), where)
    imported.take(entry, record, snakemake.output)
