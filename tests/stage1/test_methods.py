"""Every method with a Stage 1 of its own trains, and what follows finds features and logits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests import definitions, small

from longtail.config import methods, settings
from longtail.data import long_tail
from longtail.data.forms.images import Arrays
from longtail.engine import checkpoint
from longtail.features import extract
from longtail.runtime import parts
from longtail.settings.stage1 import Stage1
from longtail.stage1 import train

SHIPPED = definitions.shipped()
ONE_STAGE = [name for name, method in SHIPPED.methods.items() if isinstance(method.get("stage1"), dict)]
CLASSIFYING = [name for name in ONE_STAGE if methods.outputs(SHIPPED.methods[name]["stage1"]) is None]
BRIEF = {"epochs": 2, "batch_size": 16, "defer": 1, "evaluate": {"every": 2, "each_from": 2}}
BRIEF |= {"schedule": {"warmup": 1}}


@pytest.fixture(scope="module")
def few() -> tuple[Arrays, long_tail.Subset]:
    """12 + 9 + 7 + 5 + 4 + 3 + 2 + 2 + 1 + 1 training digits, and 40 to test on."""
    arrays, _ = small.data()
    tested = Arrays(
        arrays.train_images, arrays.train_labels, arrays.test_images[:40], arrays.test_labels[:40], arrays.classes
    )
    return tested, long_tail.cut(arrays.train_labels, 12, 10, seed=0, n_max=12)


@pytest.mark.parametrize("name", CLASSIFYING)
def test_a_one_stage_method_trains_and_gives_features(
    few: tuple[Arrays, long_tail.Subset], tmp_path: Path, name: str
) -> None:
    whole = Stage1.parse(settings.stage1(SHIPPED, "digits", "if50", "resnet32", name, 0))
    algorithm = {"per_class": 2, "batch_size": 4} if "per_class" in whole.algorithm.settings else {}
    brief = small.changed(whole, recipe=BRIEF, algorithm=algorithm, compute=small.COMPUTE)

    networks = dict.fromkeys(brief.networks, small.network_state())
    fitted = train.train(*few, brief, small.resume(tmp_path), networks=networks)

    assert np.isfinite([row["loss"] for row in fitted.history]).all()
    assert all(torch.isfinite(value).all() for value in fitted.last_state.values())
    checkpoint.save(tmp_path / "last.pt", fitted.last_state)
    found = extract.extract(*few, brief, tmp_path / "last.pt", tmp_path / "last.pt")
    width = 128 if brief.backbone == "bbn_resnet32" else 64
    assert found.train_features.shape == (sum(few[1].counts), width)
    assert found.test_logits.shape == (40, 10)
    assert np.isfinite(found.test_logits).all()
    linear = parts.literal("heads", brief.head.name, "LINEAR", False)
    assert found.weight.shape == ((10, width) if linear else (0, width))
    assert found.bias.shape == ((10,) if linear else (0,))
    # What is stored is what was tested, best of two epochs or not.
    top1 = float((found.test_logits.argmax(1) == found.test_labels).mean())
    assert top1 == pytest.approx(fitted.history[-1]["test_top1"])


def test_both_kinds_of_parts_are_among_them() -> None:
    """Else the test above would have nothing new to train."""
    blocks = [SHIPPED.methods[name]["stage1"] for name in ONE_STAGE]
    for package, key in (("heads", "head"), ("stage1.algorithms", "algorithm")):
        assert {block[key]["name"] for block in blocks} == set(parts.names(package))
    assert any(block["deferred"] and "sampler" in block["deferred"] for block in blocks)
