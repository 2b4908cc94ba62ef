"""The parameters of each job: its settings as JSON text, and the fingerprint of its code.

Snakemake runs a job again when one of its parameters changes. Keys are sorted, so that their order does not matter.
"""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from longtail.config import archives, backbones, datasets, methods, settings, sources
from longtail.config.blame import THE_CONFIG
from longtail.config.plan import Plan, Training
from longtail.config.registry import named_parts
from longtail.graph import inputs
from longtail.runtime.fingerprint import fingerprint
from longtail.runtime.provenance import shown
from longtail.stage1 import imported

# Thousands of jobs share some dozens of fingerprints. The cache is here, not in `fingerprint` itself, whose module is
# part of the code of every job.
cached_fingerprint = functools.cache(fingerprint)


class Parameters:
    """Settings and code of the jobs of one plan. `w` are always a rule's wildcards."""

    def __init__(self, plan: Plan, files: Iterable[Path]) -> None:
        self.registry = plan.registry
        self.files = list(files)

    def source(self, w: Any) -> str:
        """Settings of a data set's arrays."""
        return text(settings.source(self.registry, w.dataset))

    def contents(self, w: Any) -> str:
        """A text that changes when the files of a data set change: hashes of what its source names."""
        return datasets.contents(self.registry.datasets[w.dataset])

    def long_tail(self, w: Any) -> str:
        """Settings of a subset."""
        seed, n_max = self.registry.config["seeds"]["subset"], self.registry.datasets[w.dataset]["n_max"]
        subset = {"imbalance": w.imbalance, "seed": seed, "n_max": n_max}
        rounding = {key: value for key, value in self.registry.datasets[w.dataset].items() if key == "decay_decimals"}
        return text(subset | rounding | settings.splitting(self.registry, w.dataset))

    def stage1(self, w: Any) -> str:
        """Settings of a Stage 1."""
        return text(self._stage1(w))

    def features(self, w: Any) -> str:
        """Settings of feature extraction: those of the Stage 1 that inference depends on."""
        methods.check_classifies(self.registry, w.stage1, f"features of '{w.stage1}'")
        return text({key: self._stage1(w)[key] for key in ("backbone", "head", "preprocessing", "compute")})

    def stage2(self, w: Any) -> str:
        """Settings of a Stage 2."""
        return text(self._stage2(w))

    def post_hoc(self, w: Any) -> str:
        """Settings of a post-hoc method."""
        return text(settings.post_hoc(self.registry, w.dataset, w.imbalance, w.method))

    def projection(self, w: Any) -> str:
        """Settings of a projection of features to the plane: those of the Stage 2 that generates some of them."""
        return text({key: self._stage2(w)[key] for key in ("sampler", "generator", "recipe", "compute", "seeds")})

    def evaluation(self, w: Any) -> str:
        """Settings of scoring."""
        return text(self.registry.config["evaluation"])

    def download(self, w: Any) -> str:
        """URLs and checksum of the archive of a data set, in the version with the requested file name."""
        data = self.registry.datasets[w.dataset]
        versions = {version["file"]: version for version in archives.versions(data)}
        return text({"archive": versions.get(f"{w.archive}.tar.gz", data["archive"])})

    def download_weights(self, w: Any) -> str:
        """The mirror and the checksum of published weights."""
        entries = self.registry.config["backbones"].values()
        found = next((a for a in map(backbones.archive, entries) if a and a["file"] == w.weights), None)
        return text({"archive": found})

    def configuration(self) -> str:
        """The files of `config/` that the configuration was read from; later ones override earlier ones.

        A user's own files are left out: their paths mean nothing on another machine. Snakemake lists the default
        last, though all other files override it.
        """
        own = [name for name in map(shown, self.files) if name.startswith("config/")]
        return text(sorted(own, key=lambda name: name != "config/config.yaml"))

    def code(self, script: str, w: Any) -> str:
        """Fingerprint of a job's code: its script, the form of its data and the parts that its settings name."""
        parts: list[str] = []
        if script == "build_arrays":
            parts = [f"data.sources.{self.registry.datasets[w.dataset]['kind']}"]
        elif script == "build_long_tail":
            parts = [f"data.forms.{self._form(w.dataset)}"]
            if "source" in settings.splitting(self.registry, w.dataset):
                parts.append(f"data.sources.{self.registry.datasets[w.dataset]['kind']}")
        elif script == "train_stage1":
            parts = [*_parts(self._stage1(w)), f"engine.forms.{self._form(w.dataset)}"]
        elif script == "extract_features":
            named = {key: self._stage1(w)[key] for key in ("backbone", "head")}
            parts = [*_parts(named), f"engine.forms.{self._form(w.dataset)}"]
        elif script == "train_stage2":
            parts = [*_parts(self._stage2(w)), f"engine.forms.{self._form(w.dataset)}"]
        elif script == "project_features":
            parts = _parts({key: self._stage2(w)[key] for key in ("sampler", "generator")})
        elif script == "adjust_classifier":
            parts = [f"stage2.post_hoc.{json.loads(self.post_hoc(w))['post_hoc']['name']}"]
        return cached_fingerprint(script, *parts)

    def imported_code(self, w: Any) -> str:
        """Fingerprint of the code that has trained an imported Stage 1 (not of the code that copies it)."""
        folder = inputs.folder(w)
        source = Path(self.registry.config["stage1"][folder]["source"])
        return str(imported.read_record(source, f"{THE_CONFIG}, stage1 '{folder}'")["code"])

    def training_code(self, network: Training) -> str:
        """Fingerprint of the code of this checkout that would train a network."""
        form = self._form(network.setting.dataset)
        return cached_fingerprint(
            "train_stage1", *_parts(settings.of_training(self.registry, network)), f"engine.forms.{form}"
        )

    def _form(self, dataset: str) -> str:
        """The name, in `data/forms/` and `engine/forms/`, of the form that the arrays of a data set have."""
        definition = self.registry.datasets[dataset]
        return "files" if sources.is_streamed(definition) else sources.form(definition)

    def _stage1(self, w: Any) -> dict[str, Any]:
        return settings.stage1(self.registry, w.dataset, w.imbalance, w.backbone, w.stage1, int(w.seed))

    def _stage2(self, w: Any) -> dict[str, Any]:
        return settings.stage2(self.registry, w.dataset, w.imbalance, w.backbone, w.method, int(w.seed))


def text(value: Any) -> str:
    """A parameter as JSON text, as Snakemake compares it."""
    return json.dumps(value, sort_keys=True)


def _parts(settings: dict[str, Any]) -> list[str]:
    """The modules that a stage's settings name."""
    named = [f"{package}.{part['name']}" for _, package, part in named_parts(settings)]
    return [*named, f"models.{settings['backbone']}"] if "backbone" in settings else named
