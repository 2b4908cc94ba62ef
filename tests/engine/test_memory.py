"""Memory of a long training, in a process of its own."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import resource, sys, tempfile
from pathlib import Path
import torch
from tests.engine import toy
from tests.small_settings import changed
from longtail.engine import loop, optimizer
from longtail.engine.resume import Resume

torch.set_num_threads(1)
loop.CHECK_SECONDS = 0.0


class Noting(toy.Learner):
    peaks = []

    def __init__(self):
        super().__init__()
        # Large enough for a state kept each epoch to show.
        self.module = torch.nn.Sequential(torch.nn.Linear(4, 4096), torch.nn.ReLU(), torch.nn.Linear(4096, 2))
        groups = [{"params": list(self.module.parameters()), "rate_factor": 1.0}]
        self.optimizer = optimizer.SGD(groups, lr=1.0, momentum=0.9)

    def test_top1(self):
        self.peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return super().test_top1()

    def batches(self, epoch):
        self.steps.clear(), self.rates.clear(), self.states.clear()
        return super().batches(epoch)


recipe = changed(toy.RECIPE, epochs=200, evaluate={"every": 1, "each_from": 1})
with tempfile.TemporaryDirectory() as folder:
    loop.fit(Noting(), recipe, Resume(Path(folder) / "resume.pt", {}))
print(Noting.peaks[19], Noting.peaks[199])
"""


def test_memory_does_not_grow_over_200_epochs() -> None:
    environment = {"PYTHONPATH": "lib:."}
    found = subprocess.check_output([sys.executable, "-c", SCRIPT], env=environment, text=True, cwd=Path.cwd())
    early, late = map(int, found.split())
    assert late - early < 2048  # KiB; a state of the network kept each epoch would come to 20,000
