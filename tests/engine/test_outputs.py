import json
import platform
from types import SimpleNamespace

import pytest
import torch

from longtail.engine import checkpoint, outputs
from longtail.engine.loop import Fitted

SETTINGS = {"mixup_alpha": 1.0, "recipe": {"epochs": 2}, "compute": {"device": "cpu"}}
HISTORY = [
    {"epoch": 1, "learning_rate": 0.02, "loss": 2.25, "test_top1": None},
    {"epoch": 2, "learning_rate": 0.1, "loss": 1.0 / 3.0, "test_top1": 0.5},
]
FITTED = Fitted(HISTORY, 2, {"weight": torch.ones(2)}, {"weight": torch.zeros(2)})


@pytest.fixture
def paths(tmp_path):
    names = {"last": "last.pt", "best": "best.pt", "history": "history.csv", "provenance": "provenance.json"}
    return SimpleNamespace(**{name: str(tmp_path / "stage1" / file) for name, file in names.items()})


def key(paths, settings=SETTINGS, code="c0de", inputs="abc"):
    with outputs.recorded(paths, settings, code, inputs) as run:
        return run.key


def test_everything_is_written(paths, tmp_path):
    with outputs.recorded(paths, SETTINGS, "c0de", "abc") as run:
        assert run.resume == tmp_path / "stage1" / "resume.pt"
        checkpoint.save(run.resume, {"key": run.key})
        run.save(FITTED)
    assert torch.equal(checkpoint.load(paths.last)["weight"], torch.ones(2))
    assert torch.equal(checkpoint.load(paths.best)["weight"], torch.zeros(2))
    with open(paths.history) as handle:
        assert handle.read() == "epoch,learning_rate,loss,test_top1\n1,0.02,2.25,\n2,0.1,0.3333333333333333,0.5\n"
    found = sorted(path.name for path in (tmp_path / "stage1").iterdir())
    assert found == ["best.pt", "history.csv", "last.pt", "provenance.json"]


def test_provenance_says_what_made_the_result(paths):
    key(paths)
    with open(paths.provenance) as handle:
        record = json.load(handle)
    assert record["settings"] == SETTINGS
    assert (record["code"], record["inputs"]) == ("c0de", "abc")
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert record["versions"]["python"] == platform.python_version()
    assert record["seconds_of_last_start"] >= 0
    assert record["accelerator"] is None
    assert {"commit", "processor"} <= record.keys()


def test_key_is_of_settings_code_inputs_torch_and_processor(paths, monkeypatch):
    keys = [
        key(paths),
        key(paths, settings=SETTINGS | {"mixup_alpha": 0.2}),
        key(paths, code="c0df"),
        key(paths, inputs="abd"),
    ]
    assert key(paths, settings=dict(reversed(SETTINGS.items()))) == keys[0]
    monkeypatch.setattr(torch, "__version__", "0.0")
    keys.append(key(paths))
    monkeypatch.undo()
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    keys.append(key(paths))
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in ("a small GPU", "a large GPU"):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda name=name: name)
        keys.append(key(paths, settings=SETTINGS | {"compute": {"device": "auto"}}))
        assert key(paths) == keys[0]  # the CPU was asked for
    assert len(set(keys)) == len(keys)


def test_failed_training_keeps_its_resume_file(paths, tmp_path):
    def fail():
        with outputs.recorded(paths, SETTINGS, "c0de", "abc") as run:
            checkpoint.save(run.resume, {"key": run.key})
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert [path.name for path in (tmp_path / "stage1").iterdir()] == ["resume.pt"]
