"""A disk that runs full under a training: a small tmpfs."""

import contextlib
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.engine.toy import RECIPE, Learner

from longtail.engine import checkpoint, loop
from longtail.engine.resume import Resume
from longtail.runtime.errors import InputError

KIB = 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 KiB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("only root may mount a small file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(disk: Path) -> None:
    """Leave no room."""
    with contextlib.suppress(OSError), open(disk / "ballast", "wb") as handle:
        while True:
            handle.write(b"0" * KIB)
            handle.flush()


def test_earlier_checkpoint_outlives_a_full_disk(disk: Path) -> None:
    path = disk / "last.pt"
    checkpoint.save(path, {"weight": torch.ones(2)})
    fill(disk)
    with pytest.raises(InputError, match=r"cannot write .*last\.pt: No space left on device: free space"):
        checkpoint.save(path, {"weight": torch.zeros(20 * KIB)})
    assert torch.equal(checkpoint.load(path)["weight"], torch.ones(2))
    assert {file.name for file in disk.iterdir()} == {"last.pt", "ballast"}


def test_training_goes_on_past_a_full_disk_and_from_its_last_state(
    disk: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(loop, "CHECK_SECONDS", 0)
    monkeypatch.setattr("longtail.engine.resume.SAVE_SHARE", 0)

    class Filling(Learner):
        def interrupt(self) -> None:
            fill(disk)

    resume = Resume(disk / "resume.pt", {"settings": "s"})
    with caplog.at_level(logging.WARNING):
        whole = loop.fit(Filling(stop=(3, 2)), RECIPE, resume)
    assert "No space left on device" in caplog.messages[0]
    assert "training goes on, and would go on from epoch 2 and 1 steps" in caplog.messages[0]
    # Had it been killed then, this is where it would have gone on.
    (disk / "ballast").unlink()
    again = loop.fit(Learner(seed=1), RECIPE, Resume(disk / "resume.pt", {"settings": "s"}))
    assert again.history == whole.history
