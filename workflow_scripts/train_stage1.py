import json

from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch is to see no other GPU, so it comes after.
    from longtail.data import arrays, long_tail
    from longtail.engine import device, outputs
    from longtail.runtime import files
    from longtail.stage1 import train

    settings = json.loads(snakemake.params.settings)
    compute, place = settings["compute"], snakemake.config["places"][snakemake.wildcards.dataset]
    workers = device.workers(snakemake.threads, compute, compute["processes"])
    data, subset = (
        arrays.load(snakemake.input.arrays, place.get("data_dir", "")),
        long_tail.load(snakemake.input.subset),
    )
    inputs = subset.sha256 + files.sha256(snakemake.input.arrays)
    with outputs.recorded(snakemake.output, settings, snakemake.params.code, inputs, subset.content) as run:
        # Settings name pretrained weights by their hash.
        here = settings | {key: place[key] for key in settings.keys() & place.keys()}
        run.save(train.train(data, subset, here, run.resume, workers))
