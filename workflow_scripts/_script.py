"""The first import of every script: puts this checkout's library on the path and provides the job as `snakemake`.

Snakemake puts this folder on the path of every job that it starts: in .venv, in conda environments, in containers, on
this machine and on a cluster. Importing an installed library would not work everywhere: conda environments have none,
and that of .venv may belong to another checkout.

A script that a user starts reads its job from the command line (docs/run-one-script.md).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

# Imported once for all jobs (longtail/runtime/forks.py), and only for those that need them.
PYTORCH = ("torch",)
NUMPY = ("numpy",)
REPORTS = ("pandas", "matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
OF_REPORTS = ("draw", "make_claims", "make_ranking", "make_statistics", "make_table", "publish")

snakemake = vars(sys.modules["__main__"]).get("snakemake")
if snakemake is None:
    from longtail.runtime import alone

    snakemake = alone.job()
else:
    from longtail.runtime import forks

    name = Path(vars(sys.modules["__main__"])["__file__"]).stem
    if name == "build_arrays":
        # Trainings follow: PyTorch is imported meanwhile, on another core.
        forks.prepare(PYTORCH)
    elif hasattr(snakemake.resources, "gpu"):
        # Jobs that may use a GPU compute with PyTorch.
        forks.pass_on(PYTORCH)
    else:
        forks.pass_on(REPORTS if name in OF_REPORTS else NUMPY)
