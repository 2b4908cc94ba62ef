import pytest
import torch
from tests.small_settings import COMPUTE, changed

from longtail.engine import device
from longtail.runtime.errors import InputError


@pytest.fixture(autouse=True)
def keep_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def keep_kernels():
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


def prepare(present, monkeypatch, able=False, rank=0, **compute):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(device, "computes_bfloat16", lambda: able)
    return device.prepare(changed(COMPUTE, **{"device": "auto", "precision": "auto"} | compute), rank)


def kind(*given, **compute):
    prepared = prepare(*given, **compute)
    return prepared.device.type, prepared.precision


def test_auto_is_the_gpu_in_bfloat16_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind(True, monkeypatch) == ("cuda", torch.bfloat16)
    assert kind(False, monkeypatch) == ("cpu", torch.float32)
    assert kind(False, monkeypatch, able=True) == ("cpu", torch.bfloat16)


def test_choice_of_a_person_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind(True, monkeypatch, device="cpu") == ("cpu", torch.float32)
    assert kind(True, monkeypatch, precision="float32") == ("cuda", torch.float32)
    assert kind(False, monkeypatch, precision="bfloat16", threads=2) == ("cpu", torch.bfloat16)
    assert torch.get_num_threads() == 2


def test_a_missing_gpu_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"compute\.device is 'cuda' but PyTorch sees no GPU"):
        prepare(False, monkeypatch, device="cuda")


def test_processes_take_the_gpus_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [prepare(True, monkeypatch, rank=rank).device.index for rank in range(3)] == [0, 1, 0]


def test_steps_are_captured_on_a_gpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepare(True, monkeypatch).capture
    assert not prepare(True, monkeypatch, capture=False).capture
    assert not prepare(False, monkeypatch).capture


def test_kernels_are_fused_on_a_gpu_only_and_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepare(True, monkeypatch, fused=True).fused
    assert not prepare(True, monkeypatch).fused
    assert not prepare(False, monkeypatch, fused=True).fused


def test_deterministic_kernels_are_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(True, monkeypatch, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    prepare(True, monkeypatch)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark


def test_autocast_is_the_chosen_precision() -> None:
    weights = torch.ones(2, 2)
    for precision in (torch.float32, torch.bfloat16):
        with device.Backend(torch.device("cpu"), precision, False).autocast():
            assert (weights @ weights).dtype == precision


def test_workers_are_the_cores_that_do_not_compute() -> None:
    compute = changed(COMPUTE, threads=2)
    assert device.workers(6, compute) == 4
    assert device.workers(6, compute, processes=2) == 2
    assert device.workers(1, compute) == 0  # --cores 1
