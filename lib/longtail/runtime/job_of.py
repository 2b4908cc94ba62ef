"""`python -m longtail.runtime.job_of FILE [CONFIGFILE ...]`: finds Snakemake's job that makes a file.

Prints, pickled: its rule, the name of its script, and the `snakemake` object that the script would get.
"""

import contextlib
import io
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.exceptions import MissingRuleException
from snakemake.iocontainers import Log, Snakemake
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings
from snakemake.utils import available_cpu_count

from longtail.runtime import joblog
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


def described(api: SnakemakeApi, file: str, config_files: Sequence[Path]) -> tuple[str, str, Snakemake]:
    """Rule, script (empty if it has none) and `snakemake` object of the job.

    Raises InputError if no job makes the file, and any exception of Snakemake.
    """
    workflow = api.workflow(
        resource_settings=ResourceSettings(cores=available_cpu_count()),
        config_settings=ConfigSettings(configfiles=list(config_files)),
        snakefile=ROOT / "Snakefile",
    )
    target = os.path.relpath(file)
    # The only function of Snakemake's interface that builds the graph of jobs without starting any of them.
    with contextlib.suppress(MissingRuleException), contextlib.redirect_stdout(io.StringIO()):
        workflow.dag(DAGSettings(targets={target})).printrulegraph()
    jobs = [job for job in workflow._workflow.dag.jobs if target in job.output]
    if not jobs:
        raise InputError(f"no rule of this configuration makes {file}: correct the path, or name its --configfile")
    job, rule, config = jobs[0], jobs[0].rule, workflow._workflow.globals["config"]
    lists = (job.input, job.output, job.params, job.wildcards)
    snakemake = Snakemake(*lists, job.threads, job.resources, Log(), config, rule.name, None)
    return rule.name, Path(rule.script or "").name, snakemake


def main() -> int:
    """Print the job, or the reason why there is none."""
    file, *config_files = sys.argv[1:]
    with SnakemakeApi(OutputSettings(log_level_override="ERROR")) as api:
        try:
            job = described(api, file, [Path(path) for path in config_files])
        except InputError as error:
            print(f"{joblog.MISTAKE}{error}", file=sys.stderr)
            return 1
        except Exception as error:
            # A mistake in the configuration: the same message as at any start of Snakemake.
            api.print_exception(error)
            return 1
    sys.stdout.buffer.write(pickle.dumps(job))
    return 0


if __name__ == "__main__":
    sys.exit(main())
