"""A training that is killed in the middle of writing its resume file, again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from tests.engine.toy import RECIPE, Learner

from longtail.engine import checkpoint, loop
from longtail.engine.resume import Resume

SCRIPT = """
import io, os, signal, sys
from pathlib import Path
import torch
from tests.engine.toy import RECIPE, Learner
from longtail.engine import checkpoint, loop, resume
from longtail.runtime import files

folder, last = Path(sys.argv[1]), int(sys.argv[2])
loop.CHECK_SECONDS = resume.SAVE_SHARE = 0
written = 0


def save(path, state):
    global written
    written += 1
    if written < last:
        return whole(path, state)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with files.whole(path) as handle:
        handle.write(buffer.getvalue()[: len(buffer.getvalue()) // 2])
        handle.flush()
        os.kill(os.getpid(), signal.SIGKILL)


whole, checkpoint.save = checkpoint.save, save
fitted = loop.fit(Learner(), RECIPE, resume.Resume(folder / "resume.pt", {"settings": "s"}))
whole(folder / "last.pt", {"state": fitted.last_state, "history": fitted.history})
"""


def test_training_killed_while_it_saves_ends_with_the_same_bytes(tmp_path: Path) -> None:
    def run(write: int) -> int:
        command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(write)]
        environment = os.environ | {"PYTHONPATH": f"lib{os.pathsep}.", "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=environment, check=False).returncode

    assert [run(write) for write in (1, 4, 9)] == [-signal.SIGKILL] * 3
    # What was saved before the write that broke off: nothing, then 3 steps, then 8 more.
    kept = checkpoint.load(tmp_path / "resume.pt")["progress"]
    assert (kept["epoch"], len(kept["losses"])) == (2, 1)
    assert run(1000) == 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    whole = loop.fit(Learner(), RECIPE, Resume(tmp_path / "other" / "resume.pt", {"settings": "s"}))
    torch.set_num_threads(threads)
    ended = checkpoint.load(tmp_path / "last.pt")
    assert ended["history"] == whole.history
    assert all(torch.equal(value, ended["state"][name]) for name, value in whole.last_state.items())
