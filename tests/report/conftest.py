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
    return {"runs": runs, "printed": dict(zip(["top1", "ece"], printed, strict=False)), "needs": needs}
