from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch must see no other GPU, so it is imported here.
    from longtail.engine import inputs, outputs
    from longtail.runtime import files, places
    from longtail.settings.stage1 import Stage1
    from longtail.stage1 import one_process, weights

    settings = Stage1.parse(snakemake.params.settings)
    read = inputs.read(snakemake, settings.compute, settings.compute.processes)
    networks, starts_from = inputs.networks(snakemake, settings.networks), weights.of_job(snakemake, settings)
    hashes = read.subset.sha256 + "".join(map(files.sha256, [snakemake.input.arrays, *snakemake.input.networks]))
    with outputs.recorded(snakemake, settings.compute, hashes, read.subset.content) as run:
        located = settings.located(places.of_job(snakemake))
        run.save(one_process.train(read, located, run.resume, networks, starts_from))
        run.started = starts_from.report if starts_from else {}
