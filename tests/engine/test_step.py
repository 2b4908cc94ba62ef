import copy
from functools import partial
from typing import Any

import pytest
import torch
from tests import small
from tests.engine.toy import replayed

from longtail.engine import graphs, optimizer, step
from longtail.engine.distributed import World
from longtail.runtime.errors import InputError
from longtail.stage1.learner import Stage1Learner

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="captured steps need a GPU")


def learner(capture=False, **changes):
    built = Stage1Learner(*small.data(), small.changed(small.STAGE1, **changes))
    if capture:
        object.__setattr__(built.backend, "capture", True)
    return built


def trained(built, epochs=2):
    """Losses of some epochs, the rate changed in between, and the state after them."""
    one, losses = step.make(built), []
    for epoch in range(1, epochs + 1):
        optimizer.set_rate(built.optimizer, 0.05 / epoch)
        losses += [one(batch) for batch in built.batches(built.epoch(epoch))]
    return torch.stack(losses), built.module.state_dict()


@pytest.mark.parametrize("mixing", [None, small.STAGE1.mixing])
def test_captured_steps_do_what_steps_do(monkeypatch: pytest.MonkeyPatch, mixing: Any) -> None:
    """On the CPU with a stand-in for CUDA graphs: inputs, rates and momenta in fixed places, ragged last batches."""
    monkeypatch.setattr(graphs, "Captured", partial(graphs.Captured, record=replayed))
    losses, state = trained(learner(mixing=mixing))
    found, reached = trained(learner(capture=True, mixing=mixing))
    torch.testing.assert_close(found, losses, rtol=1e-5, atol=1e-6)
    for name, value in state.items():
        torch.testing.assert_close(reached[name], value, rtol=1e-4, atol=1e-5)


class Counting(Stage1Learner):
    """Keeps, beside the network, how many images of each class its steps have seen, and the sum of their losses."""

    def build_memory(self, features, outputs):
        memory = torch.nn.Module()
        memory.register_buffer("seen", torch.zeros(outputs, dtype=torch.int64))
        memory.register_buffer("total", torch.zeros(features))
        return memory

    def loss(self, batch):
        loss = super().loss(batch)
        self.memory.seen.add_(torch.nn.functional.one_hot(batch.labels, len(self.memory.seen)).sum(0))
        self.memory.total.add_(loss.detach())
        return loss


def test_a_captured_step_keeps_the_memory_of_its_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warming up and capturing leave no trace in it, and every replay changes it."""
    monkeypatch.setattr(graphs, "Captured", partial(graphs.Captured, record=replayed))
    arrays, subset = small.data()
    built = Counting(arrays, subset, small.changed(small.STAGE1, mixing=None))
    assert not built.backend.capture
    object.__setattr__(built.backend, "capture", True)
    losses, _ = trained(built, epochs=2)
    assert built.memory.seen.tolist() == [2 * count for count in subset.counts]
    torch.testing.assert_close(built.memory.total, losses.sum().expand(64))


def test_a_memory_is_not_shared_among_processes() -> None:
    with pytest.raises(InputError, match=r"algorithm standard keeps a memory beside .* set compute.processes: 1"):
        Counting(*small.data(), small.STAGE1, world=World(1, 2))


@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_captured_steps_do_what_steps_do_on_a_gpu(precision: str) -> None:
    compute = {"device": "cuda", "precision": precision, "deterministic": True}
    losses, _ = trained(learner(compute=compute | {"capture": False}))
    found, _ = trained(learner(compute=compute))
    torch.testing.assert_close(found, losses, rtol=1e-3, atol=1e-3)


def test_undisturbed_puts_everything_back() -> None:
    built = learner()
    one = step.make(built)
    batches = list(built.batches(built.epoch(1)))
    one(batches[0])
    before = copy.deepcopy((built.module.state_dict(), built.optimizer.state_dict()["state"]))
    with step.undisturbed(built):
        one(batches[1])
        assert not torch.equal(built.module.state_dict()["classifier.weight"], before[0]["classifier.weight"])
    assert all(torch.equal(value, before[0][name]) for name, value in built.module.state_dict().items())
    after = built.optimizer.state_dict()["state"]
    assert all(torch.equal(after[i]["momentum_buffer"], before[1][i]["momentum_buffer"]) for i in before[1])


def test_parts_of_a_batch_add_up_to_its_gradient() -> None:
    """In evaluation mode, where batch norm does not see how a batch is parted."""
    gradients = []
    for micro_batches in (1, 3):
        built = learner(compute={"micro_batches": micro_batches})
        batch = next(built.batches(built.epoch(1)))
        built.module.eval()
        optimizer.set_rate(built.optimizer, 0.0)
        loss = step.make(built)(batch)
        gradients.append([loss, *(parameter.grad for parameter in built.module.parameters())])
    for whole, parted in zip(*gradients, strict=True):
        torch.testing.assert_close(parted, whole, rtol=1e-4, atol=1e-6)


def test_batch_smaller_than_its_parts() -> None:
    built = learner(compute={"micro_batches": 64})
    built.module.eval()
    assert torch.isfinite(step.make(built)(next(built.batches(built.epoch(1)))))
