"""Results in an object store: S3's protocol, spoken by a server of this machine; one training is killed."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from envs.generate import uv
from tests.workflow.command import contents, smallest, snakemake
from tests.workflow.test_unkillable import training

from longtail.runtime.fingerprint import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(uv() is None, reason="no uv to install the plugin of S3 with")]

PACKAGES = ("snakemake-storage-plugin-s3", "moto[server]")
RECIPES = {
    "digits-S1": {"epochs": 40, "schedule": {"warmup": 1, "milestones": []}, "evaluate": {"every": 20}},
    "digits-S2": {"epochs": 2},
}
SAME = ("metrics.json", "subset.json", "features.npz", "logits.npz", "last.pt", ".csv")
BUCKET = """
import boto3, sys
boto3.client("s3", endpoint_url=sys.argv[1]).create_bucket(Bucket="results")
"""
DOWNLOAD = """
import boto3, pathlib, sys
client = boto3.client("s3", endpoint_url=sys.argv[1])
for page in client.get_paginator("list_objects_v2").paginate(Bucket="results"):
    for item in page["Contents"]:
        path = pathlib.Path(sys.argv[2], item["Key"])
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file("results", item["Key"], str(path))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment as docs/storage.md makes it, with the server."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    place = os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder)}
    subprocess.run([str(uv()), "sync", "--frozen", "--quiet", "--no-dev"], cwd=ROOT, env=place, check=True)
    python = folder / "bin" / "python"
    install = [str(uv()), "pip", "install", "--quiet", "--python", str(python), *PACKAGES]
    if (done := subprocess.run(install, capture_output=True, text=True)).returncode:
        pytest.skip(f"the package index has not all of {', '.join(PACKAGES)}: {done.stderr[-300:]}")
    return python


@pytest.fixture
def store(python: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a store with an empty bucket `results`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "anything")
    for name in ("ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", "anything")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SNAKEMAKE_STORAGE_S3_ENDPOINT_URL", address)
    monkeypatch.setenv("LONGTAIL_STORAGE", "s3://results/here")
    for _ in range(100):
        if subprocess.run([python, "-c", BUCKET, address], stderr=subprocess.DEVNULL).returncode == 0:
            break
        time.sleep(0.2)
    yield address
    server.kill()
    server.wait()


def numbers(folder: Path) -> dict[str, str]:
    return {
        name: digest for name, digest in contents(folder).items() if name.endswith(SAME) and "history" not in name
    }


def test_s3_gets_the_same_bytes_though_a_training_is_killed(python: Path, store: str, tmp_path: Path) -> None:
    plain, stored = smallest(tmp_path / "plain", recipes=RECIPES), smallest(tmp_path / "stored", recipes=RECIPES)
    code, output = snakemake(plain, "--configfile", "mine.yaml")
    assert code == 0, output
    command = [str(python), "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--workflow-profile", str(ROOT / "profiles/object-store"), "--configfile", "mine.yaml"]
    with (tmp_path / "printed.txt").open("w") as printed:
        running = subprocess.Popen(command, cwd=stored, stdout=printed, stderr=subprocess.STDOUT)
    resumable = stored / ".snakemake/storage/s3/results/here/results/runs"
    end = time.monotonic() + 120
    while not list(resumable.rglob("resume.pt")) and time.monotonic() < end:
        time.sleep(0.05)
    killed = training(stored)
    assert killed, (tmp_path / "printed.txt").read_text()
    os.kill(killed, signal.SIGKILL)

    assert running.wait(timeout=400) == 0, (tmp_path / "printed.txt").read_text()
    subprocess.run([python, "-c", DOWNLOAD, store, str(tmp_path / "copy")], check=True)

    results = tmp_path / "copy/here/results"
    assert numbers(results) == numbers(plain / "results")
    assert any(re.search("going on after epoch", log.read_text()) for log in results.rglob("train_stage1.log"))
    assert not (stored / "results").exists()
