import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lib"))

from longtail.runtime import joblog

with joblog.job(snakemake.log):
    from longtail.data import arrays
    from longtail.runtime import parts

    settings = json.loads(snakemake.params.settings) | snakemake.config["places"][snakemake.wildcards.dataset]
    source = parts.find("data.sources", settings["kind"])
    # A list, as the rule asks a function for it: of one archive or of none.
    archive = next(iter(snakemake.input.archive), None)
    arrays.save(snakemake.output.arrays, source.read(settings, archive))
