import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import origin, projection, style
    from longtail.runtime import files, npz

    layout, given = json.loads(snakemake.params.figure), snakemake.input
    names = npz.load(given.arrays, ["classes"], "arrays")["classes"].tolist()
    points = npz.load(given.projection, projection.ARRAYS, "projection")
    figure = projection.projection(projection.panels(points, layout["method"]), names, layout["title"])
    records = [files.read_json(path) for path in given.provenance]
    small_print = origin.after(layout["source"], layout["seeds"], records)
    style.save(figure, snakemake.output.svg, snakemake.output.png, small_print)
