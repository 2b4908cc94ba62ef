from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch must see no other GPU, so it is imported here.
    from longtail.data import long_tail
    from longtail.features import extract
    from longtail.settings.stage2 import Projection
    from longtail.stage2 import project

    settings = Projection.parse(snakemake.params.settings)
    features, subset = extract.load(snakemake.input.features), long_tail.load(snakemake.input.subset)
    project.save(snakemake.output.projection, project.project(features, subset.counts, settings))
