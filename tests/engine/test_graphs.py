import logging

import pytest
import torch
from tests.engine.toy import replayed

from longtail.engine import graphs

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


def test_result_is_the_functions_for_every_shape() -> None:
    calls = []

    def double(values):
        calls.append(len(values))
        return values * 2

    captured = graphs.Captured(double, record=replayed)
    inputs = (torch.arange(3.0), torch.ones(3), torch.ones(2), torch.zeros(3))
    results = [(given, captured(given)) for given in inputs]
    # All results are looked at in the end: one must not be overwritten by the next.
    for given, result in results:
        assert torch.equal(result, given * 2)
    assert len(captured.recorded) == 2
    assert calls == [3, 3, 3, 3, 2, 2, 2, 3]


def test_a_failed_capture_is_reported_once_and_has_no_other_effect(caplog: pytest.LogCaptureFixture) -> None:
    def fail(function, inputs):
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    captured = graphs.Captured(lambda values: values + 1, record=fail)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(captured(torch.zeros(2)), torch.ones(2))
        assert torch.equal(captured(torch.ones(2)), torch.full((2,), 2.0))
    assert caplog.messages == [
        "not captured as a CUDA graph, so slower: operation not permitted when stream is capturing"
    ]


@needs_gpu
def test_recorded_on_a_gpu() -> None:
    captured = graphs.Captured(lambda a, b: a @ b)
    for seed in range(3):
        torch.manual_seed(seed)
        a, b = torch.randn(4, 5, device="cuda"), torch.randn(5, 6, device="cuda")
        torch.testing.assert_close(captured(a, b), a @ b)
    assert captured.possible
