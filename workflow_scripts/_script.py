"""The first import of every script: puts this checkout's library on the path and provides the job as `snakemake`.

Snakemake puts this folder on the path of every job that it starts: in .venv, in conda environments, in containers, on
this machine and on a cluster. Importing an installed library would not work everywhere: conda environments have none,
and that of .venv may belong to another checkout.

A script that a user starts reads its job from the command line (docs/run-one-script.md).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

# Imported once for all jobs (longtail/runtime/forks.py). Jobs that may use a GPU compute with PyTorch.
PYTORCH = ("torch",)
REPORTS = ("pandas", "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")

snakemake = vars(sys.modules["__main__"]).get("snakemake")
if snakemake is None:
    from longtail.runtime import alone

    snakemake = alone.job()
else:
    from longtail.runtime import forks

    forks.pass_on(PYTORCH if hasattr(snakemake.resources, "gpu") else REPORTS)
