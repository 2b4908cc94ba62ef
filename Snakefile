import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, str(Path(workflow.basedir) / "lib"))

from longtail.config import graph
from longtail.runtime.errors import InputError


configfile: "config/config.yaml"


try:
    GRAPH = graph.Graph.of(config, workflow.configfiles)
except InputError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset=r"\w+",
    imbalance=r"if[\d.e+]+|natural",
    backbone=r"\w+",
    stage1=r"\w+",
    method=r"\w+",
    seed=r"\d+",


include: "rules/data.smk"
include: "rules/stage1.smk"


rule all:
    default_target: True
    input:
        GRAPH.stage1_runs(),
