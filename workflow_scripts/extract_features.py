from _script import snakemake

from longtail.runtime import gpus, joblog

with joblog.job(snakemake.log), gpus.reserved(snakemake.resources.gpu, snakemake.resources.jobs_per_gpu):
    # PyTorch must see no other GPU, so it is imported here.
    from longtail.engine import inputs
    from longtail.features import extract
    from longtail.settings.extraction import Extraction

    settings, checkpoints = Extraction.parse(snakemake.params.settings), (snakemake.input.last, snakemake.input.best)
    read = inputs.read(snakemake, settings.compute)
    features = extract.extract(read.data, read.subset, settings, *checkpoints, read.workers)
    extract.save(snakemake.output.features, features)
