import pytest
import torch

from longtail.engine import device
from longtail.runtime.errors import InputError


@pytest.fixture(autouse=True)
def keep_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def prepare(present, monkeypatch, **compute):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    where, precision = device.prepare({"device": "auto", "precision": "auto", "threads": 1, **compute})
    return where.type, precision


def test_auto_is_the_gpu_in_bfloat16_where_there_is_one(monkeypatch):
    assert prepare(True, monkeypatch) == ("cuda", torch.bfloat16)
    assert prepare(False, monkeypatch) == ("cpu", torch.float32)


def test_choice_of_a_person_stands(monkeypatch):
    assert prepare(True, monkeypatch, device="cpu") == ("cpu", torch.float32)
    assert prepare(True, monkeypatch, precision="float32") == ("cuda", torch.float32)
    assert prepare(False, monkeypatch, precision="bfloat16", threads=2) == ("cpu", torch.bfloat16)
    assert torch.get_num_threads() == 2


def test_missing_gpu_is_said(monkeypatch):
    with pytest.raises(InputError, match=r"compute\.device is 'cuda' but PyTorch sees no GPU"):
        prepare(False, monkeypatch, device="cuda")
