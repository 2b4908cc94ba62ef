import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import origin, probabilities, style
    from longtail.runtime import files

    layout, given = json.loads(snakemake.params.figure), snakemake.input
    counts = files.read_json(given.subset)["counts"]
    runs = {path: probabilities.of_true_class(path) for path in given.logits}
    panels = probabilities.laid_out(layout, runs, counts)
    figure = probabilities.probabilities(panels, counts, layout["title"])
    records = [files.read_json(path) for path in given.provenance]
    fewest = min(len(half["logits"]) for panel in layout["panels"] for half in panel)
    told = [*probabilities.daggers(layout), origin.after(layout["source"], layout["seeds"], records, fewest)]
    style.save(figure, snakemake.output.svg, snakemake.output.png, " ".join(told))
