import json
from dataclasses import replace

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import arrays, long_tail

    place = snakemake.config["places"][snakemake.wildcards.dataset]
    data = arrays.load(snakemake.input.arrays, place.get("data_dir", ""))
    settings = json.loads(snakemake.params.settings)
    subset = long_tail.subset(data.train_labels, len(data.classes), **settings)
    subset = replace(subset, content=data.digests(subset.indices))
    long_tail.save(snakemake.output.subset, subset)
