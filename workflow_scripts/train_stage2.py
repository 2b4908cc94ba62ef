import json

from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch is to see no other GPU, so it comes after.
    from longtail.data import arrays, long_tail
    from longtail.engine import checkpoint, device, outputs
    from longtail.features import extract
    from longtail.runtime import files
    from longtail.stage2 import train

    settings = json.loads(snakemake.params.settings)
    compute, place = settings["compute"], snakemake.config["places"][snakemake.wildcards.dataset]
    workers = device.workers(snakemake.threads, compute)
    data, subset = (
        arrays.load(snakemake.input.arrays, place.get("data_dir", "")),
        long_tail.load(snakemake.input.subset),
    )
    features, stage1 = extract.load(snakemake.input.features), checkpoint.load(snakemake.input.network)
    inputs = files.sha256(snakemake.input.features)
    with outputs.recorded(snakemake.output, settings, snakemake.params.code, inputs, subset.content) as run:
        trained = train.train(data, subset, settings["backbone"], features, stage1, settings, run.resume, workers)
        run.save(trained.fitted)
        train.save_logits(snakemake.output.logits, trained, features.test_labels)
