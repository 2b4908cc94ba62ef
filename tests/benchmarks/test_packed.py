"""MPS is started for the block and stopped after it, and a machine on which it does not work goes without."""

import os
from pathlib import Path

import pytest
from benchmarks import packed


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for nvidia-cuda-mps-control; the file lists how it was called and what it was told."""
    calls = tmp_path / "calls"
    program = tmp_path / "nvidia-cuda-mps-control"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -d ] && said=start || said=$(cat)\necho "$said $CUDA_MPS_PIPE_DIRECTORY" >> {calls}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return calls


@pytest.mark.parametrize("works", [True, False])
def test_mps_runs_for_the_block_under_a_folder_of_its_own(
    control: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    monkeypatch.setattr(packed, "PROBE", "" if works else "raise SystemExit(1)")
    with packed.mps() as clients:
        started = control.read_text().split()
        assert started[0] == "start"
        assert Path(started[1]).is_dir()
        assert (clients or {}).get("CUDA_MPS_PIPE_DIRECTORY") == (started[1] if works else None)
    assert control.read_text().split() == [*started, "quit", started[1]]


def test_without_mps_processes_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with packed.mps() as clients:
        assert clients is None
    contestants = packed.contestants("arrays.npz", None, "plain processes")
    apart = [each for each in contestants if not each.name.endswith("in one process")]
    assert [each.processes for each in apart] == [1, 2, 4, 8]
    assert [each.settings["count"] for each in contestants if each not in apart] == [2, 4, 8]
