import json
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.small_settings import COMPUTE, plain

from longtail.engine import checkpoint, device, outputs
from longtail.engine.loop import Fitted
from longtail.settings.compute import Compute

SETTINGS = {"sampler": {"name": "class_aware"}, "recipe": {"epochs": 2}, "compute": plain(COMPUTE)}
SEEN = {"train": "0a", "test": "1b"}
HISTORY = [
    {"epoch": 1, "learning_rate": 0.02, "loss": 2.25, "test_top1": None},
    {"epoch": 2, "learning_rate": 0.1, "loss": 1.0 / 3.0, "test_top1": 0.5},
]
FITTED = Fitted(HISTORY, 2, {"weight": torch.ones(2)}, {"weight": torch.zeros(2)}, 640, 4.0, 3.2)


@pytest.fixture
def paths(tmp_path):
    names = {"last": "last.pt", "best": "best.pt", "history": "history.csv", "provenance": "provenance.json"}
    return SimpleNamespace(**{name: str(tmp_path / "stage1" / file) for name, file in names.items()})


def recorded(paths, settings=SETTINGS, code="c0de", inputs="abc"):
    params = SimpleNamespace(settings=json.dumps(settings), code=code)
    compute = Compute.parse(settings["compute"])
    return outputs.recorded(SimpleNamespace(output=paths, params=params), compute, inputs, SEEN)


def identity(paths, **given):
    with recorded(paths, **given) as run:
        return run.resume.identity


def differing(one, other):
    assert one.keys() == other.keys()
    return [what for what in one if one[what] != other[what]]


def test_everything_is_written(paths: Any, tmp_path: Path) -> None:
    with recorded(paths) as run:
        assert run.resume.path == tmp_path / "stage1" / "resume.pt"
        checkpoint.save(run.resume.path, {})
        (tmp_path / "stage1" / ".resume.pt.123.tmp").write_text("half a st")
        run.save(FITTED)
    assert torch.equal(checkpoint.load(paths.last)["weight"], torch.ones(2))
    assert torch.equal(checkpoint.load(paths.best)["weight"], torch.zeros(2))
    with open(paths.history) as handle:
        assert handle.read() == "epoch,learning_rate,loss,test_top1\n1,0.02,2.25,\n2,0.1,0.3333333333333333,0.5\n"
    found = sorted(path.name for path in (tmp_path / "stage1").iterdir())
    assert found == ["best.pt", "history.csv", "last.pt", "provenance.json"]


def test_provenance_says_what_made_the_result(paths: Any) -> None:
    with recorded(paths) as run:
        run.save(FITTED)
    with open(paths.provenance) as handle:
        record = json.load(handle)
    assert record["settings"] == SETTINGS
    assert (record["code"], record["inputs"], record["images_seen"]) == ("c0de", "abc", SEEN)
    assert torch.__version__.startswith(record["versions"]["torch"])
    assert record["versions"]["python"] == platform.python_version()
    assert (record["images"], record["seconds"], record["images_per_second"]) == (640, 4.0, 200.0)
    assert (record["accelerator"], record["precision"]) == (None, "float32")
    assert {"commit", "processor"} <= record.keys()


def test_identity_can_be_read_back_without_unpickling_code(paths: Any, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "resume.pt", identity(paths))
    assert checkpoint.load(tmp_path / "resume.pt") == identity(paths)


def test_identity_tells_what_differs(paths: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = identity(paths)
    assert identity(paths, settings=dict(reversed(SETTINGS.items()))) == first
    assert differing(first, identity(paths, settings=SETTINGS | {"sampler": {"name": "instance_balanced"}})) == [
        "settings"
    ]
    assert differing(first, identity(paths, code="c0df", inputs="abd")) == ["code", "inputs"]
    monkeypatch.setattr(torch, "__version__", "0.0")
    assert differing(first, identity(paths)) == ["PyTorch version"]
    monkeypatch.undo()
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    assert differing(first, identity(paths)) == ["processor"]
    monkeypatch.undo()
    # A precision left to the machine is part of what the run is.
    monkeypatch.setattr(device, "computes_bfloat16", lambda: True)
    automatic = SETTINGS | {"compute": SETTINGS["compute"] | {"precision": "auto"}}
    able = identity(paths, settings=automatic)
    monkeypatch.setattr(device, "computes_bfloat16", lambda: False)
    assert differing(able, identity(paths, settings=automatic)) == ["processor"]


def test_failed_training_keeps_its_resume_file(paths: Any, tmp_path: Path) -> None:
    def fail():
        with recorded(paths) as run:
            checkpoint.save(run.resume.path, {})
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        fail()
    assert [path.name for path in (tmp_path / "stage1").iterdir()] == ["resume.pt"]
