import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.report import curves, style
    from longtail.runtime import files

    loss = json.loads(snakemake.params.smoothing)
    counts = files.read_json(snakemake.input.subset)["counts"]
    figure = curves.smoothing_curves(counts, loss["head"], loss["tail"])
    style.save(figure, snakemake.output.svg, snakemake.output.png)
