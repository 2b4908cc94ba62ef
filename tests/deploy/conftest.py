"""Finished runs of three epochs on some digits, written as the workflow writes them, and models made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import COMPUTE, PREPROCESSING, STAGE1, STAGE2, changed, data, network_state, resume
from tests.small_settings import plain

from longtail.data import arrays, long_tail
from longtail.deploy import export
from longtail.deploy import run as runs
from longtail.deploy.export import Facts
from longtail.engine import checkpoint
from longtail.evaluate import protocols
from longtail.features import extract
from longtail.runtime import files
from longtail.settings.extraction import Extraction
from longtail.stage2 import post_hoc, train
from longtail.stage2.post_hoc import logit_adjustment, tau_norm

POST_HOC: dict[str, tuple[Any, dict[str, Any]]] = {
    "tau_norm": (tau_norm, {"tau": None, "bias": True}),
    "logit_adjustment": (logit_adjustment, {"tau": 1.0}),
}
STAGE2S = {"mislas": STAGE2, "mislas_shifted": changed(STAGE2, batch_norm="shifted")}


@pytest.fixture(scope="session")
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one seed of one network, with five methods on it; nothing changes anything there."""
    results = tmp_path_factory.mktemp("deploy") / "results"
    folder = results / "runs/digits/if10/resnet32/ce/seed0"
    images, subset = data()
    arrays.save(results / "data/digits/arrays.npz", images)
    long_tail.save(results / "data/digits/if10/subset.json", subset)
    for name in ("last.pt", "best.pt"):
        checkpoint.save(folder / "stage1" / name, network_state())
    files.write_json(folder / "stage1/provenance.json", {"settings": plain(STAGE1), "commit": "abc"})
    settings = Extraction("resnet32", STAGE1.head, PREPROCESSING, COMPUTE)
    features = extract.extract(images, subset, settings, folder / "stage1/last.pt", folder / "stage1/best.pt")
    extract.save(folder / "features.npz", features)
    for name, stage2 in STAGE2S.items():
        trained = train.train(images, subset, features, network_state(), stage2, resume(folder / name))
        train.save_logits(folder / name / "logits.npz", trained, features.test_labels)
        checkpoint.save(folder / name / "last.pt", trained.fitted.last_state)
        checkpoint.save(folder / name / "best.pt", trained.fitted.best_state)
        files.write_json(folder / name / "provenance.json", {"settings": plain(stage2), "commit": "abc"})
    for name, (part, values) in POST_HOC.items():
        adjusted = part.adjust(values, vars(features))
        post_hoc.save_logits(folder / name / "logits.npz", adjusted, features.test_labels)
        files.write_json(folder / name / "choice.json", adjusted.choice | {"post_hoc": {"name": name, **values}})
    for name in ("ce", *STAGE2S, *POST_HOC):
        path = folder / "features.npz" if name == "ce" else folder / name / "logits.npz"
        files.write_json(folder / name / "metrics.json", protocols.score_both(path, subset.counts, 15, 20))
    return folder


@pytest.fixture(scope="session")
def exported(seed_folder: Path) -> Callable[..., Any]:
    """The model of a method's run."""
    return lambda method, selection="last": export.model(runs.find(seed_folder / method, selection), Facts())


@pytest.fixture(scope="session")
def model_file(exported: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model, which nothing changes."""
    path = tmp_path_factory.mktemp("model") / "mislas.safetensors"
    export.save(path, exported("mislas_shifted"))
    return path


@pytest.fixture(scope="session")
def digits() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The test images [N, 8, 8]."""
    return data()[0].test_images[..., 0]
