import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail import results
    from longtail.evaluate import ranking
    from longtail.report import origin
    from longtail.report.ranking import files as written
    from longtail.report.ranking import ranked
    from longtail.runtime import files

    table, inputs = json.loads(snakemake.params.table), snakemake.input
    records = {results.name(path): files.read_json(path) for path in inputs.provenance}
    counts = files.read_json(inputs.subset)["counts"]
    classes = files.read_json(inputs.classes, "names")["names"]
    measured = ranking.measure(inputs.logits, counts, **table["evaluation"])
    found = ranked.rank(table, measured, classes, records)
    written.write(found, origin.sentences("", table["seeds"], list(records.values())), snakemake.output)
