import json

from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail import results
    from longtail.report import origin, statistics
    from longtail.runtime import files, provenance

    table, inputs = json.loads(snakemake.params.table), snakemake.input
    counts = {results.name(path): files.read_json(path)["counts"] for path in inputs.subsets}
    tests = {results.name(path): sum(files.read_json(path, "test_counts")["test_counts"]) for path in inputs.classes}
    numbers = statistics.frame(table, counts, tests)
    sources = origin.counted(table["source"], provenance.machine())
    files.write_text(snakemake.output.csv, statistics.csv(numbers))
    files.write_text(snakemake.output.md, statistics.markdown(table, numbers, sources))
    files.write_text(snakemake.output.tex, statistics.latex(table, numbers, sources))
    files.write_text(snakemake.output.html, statistics.webpage(table, numbers, sources))
