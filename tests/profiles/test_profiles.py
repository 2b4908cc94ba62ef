import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yte
from yte.exceptions import YteError

from longtail.runtime.fingerprint import ROOT

NAMES = ("default", "slurm", "object-store", "kubernetes")
VARIABLES = ("ACCOUNT", "PARTITION", "GPU_PARTITION", "GRES", "LONGEST", "JOBS")
ON_GPU = ("train_stage1", "extract_features", "train_stage2", "project_features", "pack")


def text(name: str) -> str:
    return (ROOT / "profiles" / name / "profile.yaml").read_text()


def profile(name: str) -> dict[str, Any]:
    """A profile as Snakemake reads it where it prints to no terminal."""
    with (ROOT / "profiles" / name / "profile.yaml").open() as stream, contextlib.redirect_stdout(io.StringIO()):
        read: dict[str, Any] = yte.process_yaml(stream, require_use_yte=True)
    return read


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    monkeypatch.setenv("LONGTAIL_STORAGE", "s3://bucket/folder")
    monkeypatch.setenv("LONGTAIL_IMAGE", "longtail:0.1")


@pytest.fixture(autouse=True)
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands in for Slurm's, which would wait for a cluster: it says nothing of a configuration."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "scontrol"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def rules() -> set[str]:
    sources = [*(ROOT / "rules").glob("*.smk"), ROOT / "Snakefile"]
    return {name for source in sources for name in re.findall(r"^rule (\w+):", source.read_text(), re.MULTILINE)}


def evaluated(expression: str, attempt: int, threads: int = 1) -> Any:
    return eval(expression, {"attempt": attempt, "threads": threads, "min": min})


def test_a_machine_uses_all_it_has_and_retries() -> None:
    read = profile("default")
    assert read == {
        "cores": "all",
        "rerun-triggers": ["mtime", "params", "input", "software-env"],
        "retries": 2,
        "rerun-incomplete": True,
        "keep-going": True,
        "show-failed-logs": True,
    }


def test_profiles_agree_on_when_a_job_runs_again() -> None:
    keys = ("rerun-triggers", "retries", "rerun-incomplete", "keep-going", "show-failed-logs")
    read = [{key: profile(name)[key] for key in keys} for name in NAMES]
    assert read[1:] == read[:-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_has_a_comment_above_it(name: str) -> None:
    lines, commented = text(name).splitlines(), False
    for line in lines:
        if re.match(r"\s*#", line):
            commented = True
        elif re.match(r"[a-z?].*:", line):
            assert commented or line.startswith("set-resources"), line
            commented = False


@pytest.mark.parametrize("name", ["slurm", "kubernetes"])
def test_resources_are_asked_for_rules_that_there_are(name: str) -> None:
    assert profile(name)["set-resources"].keys() <= rules()


def test_a_storage_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert profile("object-store")["default-storage-provider"] == "s3"
    monkeypatch.delenv("LONGTAIL_STORAGE")
    for name in ("object-store", "kubernetes"):
        with pytest.raises(YteError, match="export LONGTAIL_STORAGE=s3://bucket/folder"):
            profile(name)


def test_slurm_needs_no_variable() -> None:
    read = profile("slurm")
    assert (read["default-resources"]["slurm_account"], read["default-resources"]["slurm_partition"]) == ("", "")
    assert read["jobs"] == 100
    for rule in ON_GPU:
        asked = read["set-resources"][rule]
        assert (asked["gres"], asked["gpu"], asked["slurm_partition"]) == ("'gpu:1'", 0, "")


def test_slurm_takes_what_differs_between_clusters_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ACCOUNT": "vision", "PARTITION": "cpu", "GPU_PARTITION": "gpu", "GRES": "gpu:a100:4", "JOBS": "7"}
    for name, value in given.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    read = profile("slurm")
    assert read["default-resources"]["slurm_account"] == "vision"
    assert read["default-resources"]["slurm_partition"] == "cpu"
    assert read["jobs"] == 7
    for rule in ON_GPU:
        asked = read["set-resources"][rule]
        assert (asked["gres"], asked["slurm_partition"]) == ("'gpu:a100:4'", "gpu")
    assert "slurm_partition" not in read["set-resources"]["build_arrays"]


def test_jobs_with_a_gpu_use_the_partition_of_the_others_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_PARTITION", "all")
    assert profile("slurm")["set-resources"]["train_stage1"]["slurm_partition"] == "all"


def test_no_gpu_is_requested_of_a_cluster_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_GRES", "")
    assert "gres" not in profile("slurm")["set-resources"]["train_stage1"]


def test_requests_grow_by_attempt_up_to_what_the_partitions_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_LONGEST", "1000")
    asked = profile("slurm")["set-resources"]["train_stage1"]
    assert [evaluated(asked["runtime"], attempt) for attempt in (1, 2, 3)] == [720, 1000, 1000]
    memory = [evaluated(asked["mem_mb"], attempt, threads=5) for attempt in (1, 2, 3)]
    assert memory == [11_000, 22_000, 33_000]


@pytest.mark.parametrize("name", ["LONGEST", "JOBS"])
@pytest.mark.parametrize("given", ["a day", "0", "-1", "1.5"])
def test_an_invalid_number_is_reported_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str
) -> None:
    monkeypatch.setenv(f"SLURM_{name}", given)
    with pytest.raises(YteError, match=f"SLURM_{name} is '{given}'"):
        profile("slurm")


@pytest.mark.parametrize(
    ("storage", "command"),
    [("accounting_storage/none", "squeue"), ("accounting_storage/slurmdbd", None)],
)
def test_finished_jobs_are_asked_for_where_they_are_known(scontrol: Path, storage: str, command: str | None) -> None:
    scontrol.write_text(f"#!/bin/sh\necho 'AccountingStorageType = {storage}'\n")
    assert profile("slurm").get("slurm-status-command") == command
