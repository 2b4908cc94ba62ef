import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.evaluate import protocols
    from longtail.runtime import files

    settings = json.loads(snakemake.params.settings)
    counts = files.read_json(snakemake.input.subset)["counts"]
    files.write_json(snakemake.output.metrics, protocols.score_both(snakemake.input.logits, counts, **settings))
