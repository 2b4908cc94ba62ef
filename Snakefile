import os
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod, SharedFSUsage
from snakemake.sourcecache import LocalGitFile, LocalSourceFile
from snakemake.utils import min_version

min_version("9.27")


# Of another workflow's module that is named by a git repository, Snakemake reads single files. The library needs all, so
# the commit is cloned, once, into .snakemake of the working directory.
SOURCE = workflow.current_basedir
if isinstance(SOURCE, LocalSourceFile):
    CHECKOUT = Path(SOURCE.get_path_or_uri(secret_free=True))
else:
    is_local = isinstance(SOURCE, LocalGitFile)
    repository = SOURCE.repo_path if is_local else SOURCE.hosted_repo.repo_clone
    revision = ["git", "-C", repository, "rev-parse", f"{SOURCE.ref}^{{commit}}"]
    commit = subprocess.check_output(revision, text=True).strip()
    CHECKOUT = Path(".snakemake", "longtail", commit).resolve()
    if not CHECKOUT.is_dir():
        # A job may do the same at this moment: the finished clone appears under its name at once.
        new = CHECKOUT.with_name(f"{commit}.{os.getpid()}")
        clone = ["git", "clone", "--quiet", "--no-checkout", repository, new]
        subprocess.run(clone, check=True)
        checkout = ["git", "-C", new, "checkout", "--quiet", commit]
        subprocess.run(checkout, check=True)
        new.rename(CHECKOUT)
# Import the library of this checkout, even if another one is installed.
sys.path.insert(0, str(CHECKOUT / "lib"))

from longtail.config import command_line, layers
from longtail.graph import costs, gpu_start, packs, remote, weights
from longtail.graph.graph import Graph
from longtail.results import (
    ARRAYS,
    CLASSES,
    FEATURES,
    LOGS,
    METHOD,
    METHOD_RUN,
    NETWORK,
    STAGE1_RUN,
    SUBSET,
    WEIGHTS,
)
from longtail.runtime import forks, orchestration, servers
from longtail.runtime.conda import require_conda
from longtail.runtime.errors import InputError

# As a module of another workflow: errors and interruptions are that workflow's, and `config` is what it gives.
IS_MODULE = not workflow.modifier.is_main_snakefile()
# Whether all jobs see the files of the machine that starts Snakemake.
SHARED = SharedFSUsage.INPUT_OUTPUT in workflow.storage_settings.shared_fs_usage


configfile: str(CHECKOUT / "config/config.yaml")


# A working directory elsewhere may have a configuration of its own.
if not IS_MODULE and Path.cwd() != CHECKOUT and Path("config/config.yaml").is_file():

    configfile: "config/config.yaml"


INTERRUPTION = orchestration.Interruption()
if not IS_MODULE:
    orchestration.quote_interpreter()
    orchestration.do_not_retry_bad_input()
    if workflow.is_main_process:
        INTERRUPTION.expect()


onstart:
    # Jobs of a cluster or in a container cannot be forks of a process of this machine.
    if (
        workflow.is_main_process
        and workflow.local_exec
        and DeploymentMethod.APPTAINER
        not in workflow.deployment_settings.deployment_method
    ):
        forks.allow()
        if not workflow.touch:
            try:
                gpu_start.prepare(
                    GRAPH,
                    workflow.dag.needrun_jobs(),
                    workflow.resource_settings.cores,
                    orchestration.PYTHON,
                )
            except InputError as error:
                raise WorkflowError(str(error)) from None
        if GRAPH.resources.one_process:
            servers.allow(*servers.TRAININGS)


onerror:
    INTERRUPTION.end()


try:
    orchestration.check_place(str(CHECKOUT))
    if (
        workflow.is_main_process
        and DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
    ):
        require_conda()
    if IS_MODULE:
        FILES, ARGUMENTS = [], command_line.of_module(config)
    else:
        FILES, ARGUMENTS = workflow.configfiles, command_line.typed(
            workflow.config_settings.config
        )
    CONFIGURATION = layers.read(FILES, ARGUMENTS)
    GRAPH = Graph.of(
        CONFIGURATION, FILES, ARGUMENTS, SHARED or workflow.is_main_process
    )
    costs.check_batches(GRAPH)
    if workflow.is_main_process:
        if not SHARED:
            remote.check(GRAPH)
        weights.check(GRAPH)
        orchestration.check_cores(GRAPH.resources.cores, workflow.resource_settings)
        # A module's rules may have other names, and the rules of its workflow are not ours to check.
        if not IS_MODULE:
            orchestration.check_threads(workflow.resource_settings)
except InputError as error:
    raise WorkflowError(str(error)) from None

# Paths that jobs need but that are no parameters: moving data or a network must not repeat jobs. A new dictionary, since
# that of a module is its workflow's.
config = {
    **config,
    "stage1": GRAPH.imports,
    "places": GRAPH.places(),
    "weights": GRAPH.weights(),
}

# Snakemake only counts GPUs; the job itself locks one of them (runtime/gpus.py). How many jobs share a GPU is chosen on
# start (gpu_start.prepare), which a module's workflow does not do.
GRAPH.resources.counts_parts = (
    GRAPH.resources.is_automatic
    and workflow.is_main_process
    and workflow.local_exec
    and not IS_MODULE
)
for name, amount in GRAPH.resources.pools.items():
    if name not in workflow.global_resources:
        workflow.register_resource(name, amount)

PACKS = packs.Packs(
    GRAPH,
    CONFIGURATION,
    [method.name.lower() for method in workflow.deployment_settings.deployment_method],
)


report: str(CHECKOUT / "rules/captions/workflow.rst")


wildcard_constraints:
    dataset=r"\w+",
    archive=r"[\w-]+",
    weights=r"[\w.-]+",
    imbalance=r"if[\d.e+-]+|natural",
    backbone=r"\w+",
    stage1=r"\w+",
    method=r"(?!stage1\b)\w+",
    seed=r"\d+",
    table=GRAPH.patterns.method_tables,
    statistics=GRAPH.patterns.statistics_tables,
    claims=GRAPH.patterns.claims_tables,
    ranking=GRAPH.patterns.rankings,
    figure=r"[\w-]+",
    name=r"[\w-]+",
    pack=r"[\w-]+",


include: str(CHECKOUT / "rules/data.smk")
include: str(CHECKOUT / "rules/stage1.smk")
include: str(CHECKOUT / "rules/features.smk")
include: str(CHECKOUT / "rules/stage2.smk")
include: str(CHECKOUT / "rules/evaluate.smk")
include: str(CHECKOUT / "rules/report.smk")


# A pack starts a Snakemake of its own, which has neither a module's workflow nor a storage.
if not IS_MODULE and SHARED:

    include: str(CHECKOUT / "rules/packs.smk")


rule all:
    default_target: True
    input:
        GRAPH.targets.tables(),
        GRAPH.targets.rankings(),
        GRAPH.targets.figures(),


rule datasets:
    input:
        GRAPH.targets.datasets(),


rule stage1:
    input:
        GRAPH.targets.stage1(),


rule stage2:
    input:
        GRAPH.targets.stage2(),


rule metrics:
    input:
        GRAPH.inputs.metrics(GRAPH.plan.runs),


rule tables:
    input:
        GRAPH.targets.tables(),


rule rankings:
    input:
        GRAPH.targets.rankings(),


rule figures:
    input:
        GRAPH.targets.figures(),
