"""What the rules ask of a plan: the files of each target, and the parameters of each job as tracked text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from longtail.config import plan as plans
from longtail.config import settings
from longtail.config.plan import Plan
from longtail.runtime import image_tree
from longtail.runtime.fingerprint import fingerprint

RUNS = "results/runs"


class Graph:
    """Answers for one plan. Parameters are JSON with sorted keys, so that only a change of value reruns a job."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.registry = plan.registry
        self.threads: int = plan.registry.config["compute"]["threads"]

    @classmethod
    def of(cls, config: dict[str, Any], files: Sequence[Path | str]) -> "Graph":
        """The graph of a config read from `files`; InputError for the first mistake in it."""
        return cls(plans.build(config, [Path(file) for file in files]))

    def source(self, w: Any) -> str:
        """Settings of a data set's arrays."""
        return _text(settings.source(self.registry, w.dataset))

    def contents(self, w: Any) -> str:
        """Hash of the listing of a folder data set; empty for others."""
        data = self.registry.datasets[w.dataset]
        return image_tree.digest(Path(data["data_dir"])) if data["kind"] == "folder" else ""

    def long_tail(self, w: Any) -> str:
        """Settings of a subset."""
        seed, n_max = self.registry.config["seeds"]["subset"], self.registry.datasets[w.dataset]["n_max"]
        return _text({"imbalance": w.imbalance, "seed": seed, "n_max": n_max})

    def stage1(self, w: Any) -> str:
        """Settings of a Stage 1."""
        return _text(self._stage1(w))

    def _stage1(self, w: Any) -> dict[str, Any]:
        return settings.stage1(self.registry, w.dataset, w.imbalance, w.backbone, w.stage1, int(w.seed))

    def code(self, script: str, w: Any) -> str:
        """Fingerprint of the code a job runs, with the parts its settings name."""
        parts = {
            "build_arrays": lambda: [f"data.sources.{self.registry.datasets[w.dataset]['kind']}"],
            "train_stage1": lambda: [f"models.{w.backbone}", f"losses.{self._stage1(w)['loss']['name']}"],
        }
        return fingerprint(script, *parts.get(script, list)())

    def stage1_runs(self) -> list[str]:
        """Every Stage 1."""
        return sorted({f"{RUNS}/{run.folder}/stage1/last.pt" for run in self.plan.runs})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
