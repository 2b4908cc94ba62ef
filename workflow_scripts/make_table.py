import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail import results
    from longtail.report import origin, render, tables
    from longtail.runtime import files

    table = json.loads(snakemake.params.table)
    metrics = {results.name(path): files.read_json(path) for path in snakemake.input.metrics}
    records = {results.name(path): files.read_json(path) for path in snakemake.input.provenance}
    numbers = tables.frame(table, metrics, records)
    sources = origin.sentences(table["source"], table["seeds"], list(records.values()))
    files.write_text(snakemake.output.csv, tables.csv(numbers))
    files.write_text(snakemake.output.md, render.markdown(table, numbers, sources))
    files.write_text(snakemake.output.tex, render.latex(table, numbers, sources))
    files.write_text(snakemake.output.html, render.webpage(table, numbers, sources))
