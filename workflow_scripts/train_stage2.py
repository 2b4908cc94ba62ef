from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch must see no other GPU, so it is imported here.
    from longtail.engine import checkpoint, inputs, outputs
    from longtail.features import extract
    from longtail.runtime import files
    from longtail.settings.stage2 import Stage2
    from longtail.stage2 import train

    settings = Stage2.parse(snakemake.params.settings)
    read = inputs.read(snakemake, settings.compute)
    features, stage1 = extract.load(snakemake.input.features), checkpoint.load(snakemake.input.network)
    hashes = files.sha256(snakemake.input.features)
    with outputs.recorded(snakemake, settings.compute, hashes, read.subset.content) as run:
        trained = train.train(read.data, read.subset, features, stage1, settings, run.resume, read.workers)
        run.save(trained.fitted)
        train.save_logits(snakemake.output.logits, trained, features.test_labels)
