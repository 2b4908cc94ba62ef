import pytest

COLUMN = {"label": "Toy, factor 10", "dataset": "toy", "imbalance": "if10", "backbone": "resnet32"}


def score(top1, ece, gap):
    return {"top1": top1, "ece": ece, "signed_gap": gap, "nll": 1.25, "brier": 0.5}


@pytest.fixture
def metrics():
    return {
        "runs/a/seed0": {"last": score(0.70, 0.10, 0.10), "best": score(0.71, 0.11, 0.11)},
        "runs/a/seed1": {"last": score(0.74, 0.14, 0.14), "best": score(0.75, 0.15, 0.15)},
        "runs/b/seed0": {"last": score(0.80, 0.02, -0.02), "best": score(0.80, 0.02, -0.02)},
    }


@pytest.fixture
def records():
    """A network trains two minutes under seed 0 and three under seed 1, the Stage 2 on it half a minute."""
    seconds = {"a/seed0/stage1": 120.0, "a/seed1/stage1": 180.0, "a/seed0/a": 30.0, "a/seed1/a": 30.0}
    seconds["b/seed0/stage1"] = 90.0
    return {f"runs/{path}": {"seconds": second} for path, second in seconds.items()}


@pytest.fixture
def table():
    rows = [
        {
            "label": "A_1",
            "method": "a",
            "calibration": None,
            "cells": [cell(["runs/a/seed0", "runs/a/seed1"], [73.1, 10.6])],
        },
        {"label": "B", "method": "b", "calibration": None, "cells": [cell(["runs/b/seed0"], [])]},
        {"label": "C", "method": "c", "calibration": None, "cells": [cell([], [50.0, None], needs="the C loss")]},
    ]
    kept = {"title": "Toys & co", "source": "slide 1", "note": "", "metrics": ["top1", "ece"]}
    return kept | {"name": "toys", "columns": [COLUMN], "rows": rows, "seeds": [0, 1]}


def cell(runs, printed, needs=None):
    trainings = [[f"{run}/stage1"] + ([f"{run}/a"] if run.startswith("runs/a") else []) for run in runs]
    printed = dict(zip(["top1", "ece"], printed, strict=False))
    return {"runs": runs, "printed": printed, "needs": needs, "trainings": trainings}
