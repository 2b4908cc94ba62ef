"""Pages from made-up logits: no training, and every edge that a table of one's own may have."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.evaluate import ranking
from longtail.report.ranking import ranked
from longtail.report.ranking.ranked import Ranked

RECORD = {"commit": "abc", "versions": {"numpy": "2"}, "accelerator": None, "processor": "X", "precision": "float32"}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Ranked]:
    """Ranks methods of some `skill`: how far the true class stands out in their logits."""

    def of(
        skills: Sequence[float],
        sizes: Sequence[int] = (12, 12, 8, 6),
        train: Sequence[int] = (300, 120, 40, 6),
        seeds: Sequence[int] = (0, 1),
        classes: Sequence[str] = ("cat", "dog", "owl", "newt"),
        without: Sequence[tuple[int, int]] = (),
        **table: Any,
    ) -> Ranked:
        labels = np.repeat(np.arange(len(train)), sizes)
        common = np.random.default_rng(0).normal(size=(len(labels), len(train)))
        methods, records = [], {}
        for number, skill in enumerate(skills):
            runs = []
            for seed in [seed for seed in seeds if (number, seed) not in without]:
                noise = np.random.default_rng([number, seed]).normal(size=common.shape)
                logits = common + 0.3 * noise
                logits[np.arange(len(labels)), labels] += skill
                path = tmp_path / f"{number}_{seed}.npz"
                np.savez(path, last=logits, best=logits, labels=labels)
                records[f"training {number} {seed}"] = RECORD | {"seconds": 60.0 * (1 + number + seed)}
                runs.append({"seed": seed, "logits": str(path), "trainings": [f"training {number} {seed}"]})
            method = {"label": f"M{number}", "method": f"m{number}", "calibration": None, "needs": None, "runs": runs}
            methods.append(method)
        layout = {"title": "Pets", "source": "", "note": "", "name": "pets", "setting": "Pets, natural imbalance"}
        layout |= {"evaluation": {"bins": 15, "resamples": 100}, "seeds": list(seeds), "examples": "images"}
        layout |= {"methods": methods} | table
        layout["methods"] = [
            method | table.get("changes", {}).get(method["method"], {}) for method in layout["methods"]
        ]
        layout["methods"] += table.get("more", [])
        paths = [run["logits"] for method in methods for run in method["runs"]]
        measured = ranking.measure(paths, train, bins=15, resamples=100)
        return ranked.rank(layout, measured, classes, records)

    return of
