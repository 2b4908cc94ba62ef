"""The first import of every script: it puts this checkout's library on the path and has the job as `snakemake`.

A script that Snakemake starts has its job already, and Snakemake puts this folder on the path of every job: in .venv,
in conda environments, in containers, on this machine and on a cluster. An installed library is not enough: conda
environments have none, and that of .venv may belong to another checkout.

A script that is started by hand reads its job from the command line (docs/run-one-script.md).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

snakemake = vars(sys.modules["__main__"]).get("snakemake")
if snakemake is None:
    from longtail.runtime import alone

    snakemake = alone.job()
