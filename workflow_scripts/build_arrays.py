import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import arrays
    from longtail.runtime import files, parts

    settings = json.loads(snakemake.params.settings) | snakemake.config["places"][snakemake.wildcards.dataset]
    source = parts.find("data.sources", settings["kind"])
    # A list of one archive, or empty.
    archive = next(iter(snakemake.input.archive), None)
    data = source.read(settings, archive)
    arrays.save(snakemake.output.arrays, data)
    files.write_json(snakemake.output.classes, arrays.classes(data))
