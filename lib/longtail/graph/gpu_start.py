"""Once before the first job on this machine's GPUs: MPS is started, and it is chosen how many jobs share a GPU."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from longtail import results
from longtail.graph import costs, sharing
from longtail.graph.graph import Graph
from longtail.graph.resources import Resources
from longtail.results import LOGS, TRIALS
from longtail.runtime import mps, visible_gpus
from longtail.runtime.fingerprint import ROOT

STAGE1 = "train_stage1"
ON_GPU = (STAGE1, "extract_features", "train_stage2", "project_features")
TRIAL = "benchmarks.trial"
# The trial itself ends earlier; this is for one that hangs.
TRIAL_SECONDS = 120.0
TRIAL_LOG = f"{LOGS}/gpu_trial.log"
# Fewer image passes, two trainings of CIFAR, are done on a GPU before the trial would have paid for itself.
WORTH_A_TRIAL = 5e6


def prepare(graph: Graph, jobs: Iterable[Any], cores: int, python: str) -> None:
    """Start MPS, which ends with this process, and choose `jobs_per_gpu`, if some of Snakemake's `jobs` share a GPU.

    A GPU of which there is no record yet is tried out by `python`, if Stage 1s are to be trained on it for minutes.
    """
    resources = graph.resources
    together = [job for job in jobs if job.rule.name in ON_GPU and _shares(resources, job)]
    most = resources.most_per_gpu(cores) if resources.is_automatic else resources.jobs_per_gpu
    if not resources.gpus or most == 1 or len(together) <= resources.present:
        return
    under_mps = contextlib.ExitStack()
    atexit.register(under_mps.close)
    clients = under_mps.enter_context(mps.running())
    if clients is None:
        _say("NVIDIA's MPS is not available here: trainings that share a GPU take turns.")
    os.environ |= clients or {}
    if resources.is_automatic:
        stage1s = [job for job in together if job.rule.name == STAGE1]
        resources.share(_chosen(graph, stage1s, most, clients is not None, python))
    if resources.jobs_per_gpu == 1:
        under_mps.close()
        for name in clients or {}:
            del os.environ[name]


def _shares(resources: Resources, job: Any) -> bool:
    return not resources.is_automatic or resources.is_small(job.wildcards)


def _chosen(graph: Graph, stage1s: list[Any], most: int, under_mps: bool, python: str) -> int:
    """The number of small trainings that share a GPU: that of a record, else of a trial if it is worth it, else 1."""
    model, compute = visible_gpus.model(), graph.registry.config["compute"]
    number = sharing.chosen(model, compute, most, under_mps)
    if number is None and model and _is_worth_a_trial(graph, stage1s):
        _say(f"Measuring once how many trainings {model} does best at a time: about a minute …")
        reason = _try_out(most, compute, python)
        # A trial that failed late has recorded what it had measured.
        number = sharing.chosen(model, compute, most, under_mps)
        if number is None:
            _say(
                f"Measuring failed ({reason}, see {TRIAL_LOG}), so one training at a time on each GPU; "
                "compute.jobs_per_gpu sets another number."
            )
    if number is not None:
        _say(f"Small trainings share a GPU, {number} at a time, as measured on {model}.")
    return number or 1


def _is_worth_a_trial(graph: Graph, stage1s: list[Any]) -> bool:
    if len(stage1s) <= graph.resources.present:
        return False
    passes = {training.folder: training.passes for training in costs.trainings(graph, graph.plan.runs)}
    found = [passes[f"{_folder(job.wildcards)}/stage1"] for job in stage1s]
    return None in found or sum(filter(None, found)) >= WORTH_A_TRIAL


def _folder(w: Any) -> str:
    return results.stage1_run(w.dataset, w.imbalance, w.backbone, w.stage1, w.seed)


def _try_out(most: int, compute: dict[str, Any], python: str) -> str:
    """Run the trial, which records what it measures; how it ended."""
    Path(TRIAL_LOG).parent.mkdir(parents=True, exist_ok=True)
    command = [python, "-m", TRIAL, "--record", str(Path(TRIALS).absolute())]
    command += ["--most", str(most), "--threads", str(compute["threads"]), "--precision", compute["precision"]]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "lib"), str(ROOT)])}
    with open(TRIAL_LOG, "w") as log:
        # In a group of its own, to end all its processes at once.
        trial = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=ROOT, process_group=0)
        try:
            return f"exit code {trial.wait(TRIAL_SECONDS)}"
        except subprocess.TimeoutExpired:
            return f"not done after {TRIAL_SECONDS:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(trial.pid, signal.SIGKILL)
            trial.wait()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
