import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.evaluate import paired
    from longtail.report import claims, origin
    from longtail.runtime import files

    table = json.loads(snakemake.params.table)
    records = [files.read_json(path) for path in snakemake.input.provenance]
    estimates = paired.estimates(snakemake.input.logits, claims.metrics(table), **table["evaluation"])
    numbers = claims.frame(table, estimates)
    sources = origin.sentences(table["source"], table["seeds"], records)
    files.write_text(snakemake.output.csv, claims.csv(numbers))
    files.write_text(snakemake.output.md, claims.markdown(table, numbers, sources))
    files.write_text(snakemake.output.tex, claims.latex(table, numbers, sources))
    files.write_text(snakemake.output.html, claims.webpage(table, numbers, sources))
