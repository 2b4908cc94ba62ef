import json

from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch is to see no other GPU, so it comes after.
    from longtail.data import arrays, long_tail
    from longtail.engine import device
    from longtail.features import extract

    settings = json.loads(snakemake.params.settings)
    compute, place = settings["compute"], snakemake.config["places"][snakemake.wildcards.dataset]
    workers = device.workers(snakemake.threads, compute)
    data, subset = (
        arrays.load(snakemake.input.arrays, place.get("data_dir", "")),
        long_tail.load(snakemake.input.subset),
    )
    features = extract.extract(data, subset, settings, snakemake.input.last, snakemake.input.best, workers)
    extract.save(snakemake.output.features, features)
