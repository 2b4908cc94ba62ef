"""The workflow on a real Slurm, by the command of docs/cluster.md: where sbatch is here and a cluster answers.

Takes some eight minutes, most of which is waiting: a time limit is a minute at least, and Slurm looks every half one.
"""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from envs.generate import uv

from longtail.runtime.fingerprint import ROOT

CONFIG = """
tables: [tests/workflow/tiny_table.yaml]
figures: []
seeds: {{runs: {runs}}}
compute: {{device: cpu}}
evaluation: {{resamples: 20}}
recipes:
  digits-S1:
    {{epochs: {epochs}, learning_rate: {rate}, schedule: {{warmup: 1, milestones: []}}, evaluate: {evaluate}}}
  digits-S2: {{epochs: 2}}
"""
RUNS = "results/{}/runs/digits/if50/resnet32/{}/seed0"
POLLED = ("--slurm-init-seconds-before-status-checks", "2")


def answers() -> bool:
    """Whether sbatch is here and a cluster behind it."""
    try:
        found = subprocess.run(["sinfo", "-h", "-t", "idle,mix,alloc"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and bool(found.stdout.strip())


pytestmark = [
    pytest.mark.skipif(not answers(), reason="no Slurm cluster answers here"),
    pytest.mark.timeout(900),
]


@dataclass
class Queue:
    """What squeue said, looked at twice a second: the jobs seen by number, with what they asked for."""

    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.5):
            self.look()

    def look(self) -> list[dict[str, str]]:
        """The jobs there are now."""
        form = "%i|%k|%P|%b|%m|%l|%T"
        answer = subprocess.run(["squeue", "-h", "-o", form], capture_output=True, text=True, check=True).stdout
        keys = ("id", "comment", "partition", "gres", "memory", "limit", "state")
        jobs = [dict(zip(keys, line.split("|"), strict=True)) for line in answer.splitlines()]
        self.seen |= {job["id"]: job for job in jobs}
        return [job for job in jobs if job["state"] in ("PENDING", "RUNNING")]

    def of(self, text: str) -> list[dict[str, str]]:
        """The jobs whose comment, which names rule and wildcards, has a text."""
        return [job for job in self.seen.values() if text in job["comment"]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as `make setup EXTRA=slurm` makes it."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    command = [str(uv()), "sync", "--frozen", "--quiet", "--no-dev", "--extra", "slurm"]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder)}, check=True)
    return folder / "bin" / "python"


@pytest.fixture
def queue() -> Iterator[Queue]:
    watched = Queue()
    thread = threading.Thread(target=watched.watch)
    thread.start()
    yield watched
    watched.over.set()
    thread.join()
    for job in watched.look():
        subprocess.run(["scancel", job["id"]], check=False)


def start(
    python: Path,
    folder: Path,
    *arguments: str,
    data: Path | None = None,
    epochs: int = 2,
    rate: str = "0.05",
    runs: str = "[0]",
) -> subprocess.Popen[bytes]:
    """The command of docs/cluster.md in a folder, running; with the data of another folder."""
    (folder / "tests").symlink_to(ROOT / "tests")
    if data:
        shutil.copytree(data / "results/data", folder / "results/data")
    evaluate = f"{{every: {epochs}, each_from: {epochs}}}"
    (folder / "own.yaml").write_text(CONFIG.format(epochs=epochs, rate=rate, runs=runs, evaluate=evaluate))
    partitions = subprocess.run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True, check=True).stdout
    here = {"SLURM_LONGEST": "60"} | ({"SLURM_GPU_PARTITION": "gpu"} if "gpu" in partitions.split() else {})
    command = [str(python), "-m", "snakemake", *arguments, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--workflow-profile", str(ROOT / "profiles" / "slurm"), "--configfile", "own.yaml", *POLLED]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=here | os.environ,
        stdout=(folder / "printed.txt").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Of what a shell starts in the background SIGINT is ignored, and so it would be of all that this starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(what: str, condition, seconds: float = 180) -> None:
    """Until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"gave up waiting for {what}"
        time.sleep(0.2)


def log(folder: Path, method: str) -> str:
    """What a Stage 1 has said so far."""
    path = folder / RUNS.format("logs", method) / "train_stage1.log"
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def slice_(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Queue]:
    """The smallest slice of the demo, from data to table, with what was printed and queued."""
    folder, watched = tmp_path_factory.mktemp("slice"), Queue()
    thread = threading.Thread(target=watched.watch)
    thread.start()
    running = start(python, folder, epochs=20)
    code = running.wait()
    watched.over.set()
    thread.join()
    printed = (folder / "printed.txt").read_text()
    assert code == 0, printed
    return folder, printed, watched


def test_every_job_but_the_small_ones_goes_through_sbatch(slice_: tuple[Path, str, Queue]) -> None:
    folder, printed, _ = slice_
    submitted = len(re.findall(r"submitted with SLURM jobid", printed))
    counted = dict(re.findall(r"^(\w+) +(\d+)$", printed.split("Job stats:")[1].split("\n\n")[0], re.MULTILINE))
    local = {"all", "build_long_tail", "make_table"} | {rule for rule in counted if rule.startswith("draw_")}
    assert submitted == sum(int(n) for rule, n in counted.items() if rule not in {*local, "total"})
    assert submitted == 8
    assert (folder / "results/tables/tiny_table.html").is_file()


def test_jobs_request_what_the_profile_says(slice_: tuple[Path, str, Queue]) -> None:
    _, _, queue = slice_
    for rule in ("train_stage1", "extract_features", "train_stage2"):
        found = queue.of(f"rule_{rule}")
        assert found
        assert {(job["gres"], job["memory"]) for job in found} == {("gres:gpu:1", "7000M")}
        assert {job["partition"] for job in found} <= {"gpu", *os.environ.get("SLURM_GPU_PARTITION", "").split()}
    found = queue.of("rule_evaluate")
    assert {(job["gres"], job["memory"], job["limit"]) for job in found} == {("N/A", "4000M", "1:00:00")}
    assert "gpu" not in {job["partition"] for job in found}


def test_a_job_that_fails_by_its_input_is_reported_with_its_log_and_not_retried(
    python: Path, tmp_path: Path, slice_: tuple[Path, str, Queue], queue: Queue
) -> None:
    stage1 = RUNS.format("", "ce").replace("//", "/") + "/stage1/last.pt"
    running = start(python, tmp_path, stage1, data=slice_[0], rate="1.0e+30")
    assert running.wait() == 1
    printed = (tmp_path / "printed.txt").read_text()
    assert "error: the loss is not finite at epoch 1" in printed
    assert "SLURM-job" in printed
    assert "Trying to restart" not in printed
    assert not (tmp_path / stage1).exists()


def test_job_cancelled_and_job_out_of_time_go_on_where_they_were(
    python: Path, tmp_path: Path, slice_: tuple[Path, str, Queue], queue: Queue
) -> None:
    trained = json.loads((slice_[0] / RUNS.format("", "ce") / "stage1/provenance.json").read_text())
    # A minute is the shortest limit, and Slurm looks every half minute; the machine may be less busy now than it was.
    epochs = math.ceil(200 / (trained["seconds"] / 20))
    limit = ("--set-resources", "train_stage1:runtime=min(1 + 9 * (attempt - 1), 60)")
    running = start(python, tmp_path, "stage1", *limit, data=slice_[0], epochs=epochs)
    wait_for("the first epochs", lambda: "epoch 5/" in log(tmp_path, "ce"))
    (cancelled,) = (job for job in queue.look() if "stage1=ce" in job["comment"] or "_ce_" in job["comment"])
    subprocess.run(["scancel", cancelled["id"]], check=True)
    assert running.wait(timeout=600) == 0, (tmp_path / "printed.txt").read_text()
    printed = (tmp_path / "printed.txt").read_text()
    assert printed.count("Trying to restart job") >= 2
    for method in ("ce", "mixup"):
        attempts = [job for job in queue.of("train_stage1") if f"_{method}_" in job["comment"]]
        assert len(attempts) >= 2
        assert re.search(r"going on after epoch [1-9]", log(tmp_path, method))
    limits = {job["limit"] for job in queue.of("train_stage1")}
    assert {"1:00", "10:00"} <= limits


def test_ctrl_c_cancels_what_is_queued(
    python: Path, tmp_path: Path, slice_: tuple[Path, str, Queue], queue: Queue
) -> None:
    running = start(python, tmp_path, "stage1", data=slice_[0], epochs=5000, runs="[0, 1]")
    wait_for("four jobs", lambda: len([job for job in queue.look() if "train_stage1" in job["comment"]]) == 4)
    # Two of the four run, of either seed, and the others wait.
    logs = tmp_path / "results/logs/runs"
    wait_for(
        "one that trains", lambda: any("epoch 2/" in path.read_text() for path in logs.rglob("train_stage1.log"))
    )
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=180) != 0
    wait_for("an empty queue", lambda: not queue.look())
    assert not list((tmp_path / "results/runs").rglob("last.pt"))
