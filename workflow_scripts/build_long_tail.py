import json
from dataclasses import replace

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import arrays, long_tail, splits

    place = snakemake.config["places"][snakemake.wildcards.dataset]
    data = arrays.load(snakemake.input.arrays, place.get("data_dir", ""))
    subset = splits.subset(data, json.loads(snakemake.params.settings), place)
    subset = replace(subset, content=data.digests(subset.indices))
    long_tail.save(snakemake.output.subset, subset)
