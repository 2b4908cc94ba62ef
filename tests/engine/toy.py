"""A training of milliseconds, and a stand-in for CUDA graphs, that several tests of the engine share."""

import numpy as np
import torch
from tests.small_settings import RECIPE as small_recipe
from tests.small_settings import changed
from torch import nn
from torch.nn import functional as F

from longtail.engine import optimizer, seeding
from longtail.engine.batches import Batch, Mixed
from longtail.engine.device import Backend
from longtail.engine.distributed import World
from longtail.engine.seeding import Epoch

RECIPE = changed(small_recipe, epochs=5, schedule={"milestones": [3]}, evaluate={"every": 2, "each_from": 4})
INPUTS = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 4))).float()
TARGETS = (INPUTS[:, 0] + 0.3 * INPUTS[:, 1] > 0).long()


class Interrupted(Exception):
    """Stands for a job that is killed."""


class Learner:
    """A two-layer network with momentum on 40 points; `stop` = (epoch, step) is where it is interrupted."""

    backend = Backend(torch.device("cpu"), torch.float32, False)
    world = World()
    micro_batches = 1
    validation_loss = None

    def __init__(self, stop=None, seed=0, batch_size=8):
        torch.manual_seed(seed)
        self.memory = nn.Module()
        self.module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
        groups = [
            {"params": list(self.module[:3].parameters()), "rate_factor": 0.5},
            {"params": list(self.module[3].parameters()), "rate_factor": 1.0},
        ]
        self.optimizer = optimizer.SGD(groups, lr=1.0, momentum=0.9, weight_decay=1e-3)
        self.stop, self.batch_size = stop, batch_size
        self.steps = []
        self.rates = []
        self.states = {}

    def epoch(self, number, first_batch=0):
        return Epoch(number, 0, 1, first_batch)

    def batches(self, epoch):
        self.module.train()
        order = torch.from_numpy(epoch.generator(seeding.ORDER).permutation(len(INPUTS)))
        for step, chosen in list(enumerate(order.split(self.batch_size), start=1))[epoch.first_batch :]:
            if (epoch.number, step) == self.stop:
                self.interrupt()
            self.steps.append((epoch.number, step))
            self.rates.append([group["lr"] for group in self.optimizer.param_groups])
            yield Batch(INPUTS[chosen], TARGETS[chosen])
        self.states[epoch.number] = {name: value.clone() for name, value in self.module.state_dict().items()}

    def interrupt(self):
        raise Interrupted

    def prepare(self, batch):
        return Mixed(batch.inputs, batch.labels)

    def loss(self, batch):
        return F.cross_entropy(self.module(batch.inputs), batch.labels)

    def test_top1(self):
        self.module.eval()
        with torch.no_grad():
            return float((self.module(INPUTS).argmax(1) == TARGETS).double().mean())


def replayed(function, inputs):
    """As a CUDA graph does: fixed inputs, a fixed output, run once to warm up and again with each replay."""
    function(*inputs)
    output = torch.empty_like(function(*inputs))
    return lambda: output.copy_(function(*inputs)), output
