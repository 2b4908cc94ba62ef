from _script import snakemake

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import reliability, style
    from longtail.runtime import files

    score = files.read_json(snakemake.input.metrics[0])["last"]
    figure = reliability.reliability_diagram(score, snakemake.params.title)
    style.save(figure, snakemake.output.svg, snakemake.output.png)
