"""The subjects of one plan's figures (`report.subjects`): the files and labels that a figure shows."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail import results
from longtail.config import settings, sources
from longtail.config.plan import NETWORK, Cell, Plan, Run, Setting, Training
from longtail.graph.inputs import Inputs, logits_in, runs_of
from longtail.graph.layouts import Layouts
from longtail.report import subjects
from longtail.results import RUNS

METHODS, RUN, SETTING, DATASET = "methods", "run", "setting", "dataset"
# What one figure may show, with the pattern of its path.
PATTERNS = {
    METHODS: "{figure}",
    RUN: results.SETTING + "/{method}_seed{seed}",
    SETTING: results.SETTING,
    DATASET: "{dataset}",
}


class Subjects:
    """The subjects of figures by the wildcards `w` of their rules."""

    def __init__(self, plan: Plan, inputs: Inputs, layouts: Layouts) -> None:
        self.plan = plan
        self.registry = plan.registry
        self.inputs = inputs
        self.layouts = layouts
        # Slow to compute, and several figures need it.
        self._setting = functools.cache(self._setting_of)

    def every(self, shows: str, kind: str) -> Iterator[dict[str, str]]:
        """The wildcards of all figures of a kind, by what one of them shows."""
        if shows == METHODS:
            named = self.plan.figures.items()
            yield from ({"figure": name} for name, f in named if f.kind == kind and runs_of(f.cells))
        elif shows == RUN:
            for run in self.plan.runs:
                yield vars(run.setting) | {"method": run.method, "seed": str(run.seed)}
        elif shows == SETTING:
            yield from (dict(vars(setting)) for setting in self.plan.settings)
        else:
            yield from ({"dataset": name} for name in sorted({s.dataset for s in self.plan.settings}))

    def of(self, shows: str, w: Any, first_seed: bool) -> subjects.Subject:
        """The subject of one figure; for methods with the runs of all seeds, or of the first seed only."""
        if shows == METHODS:
            return self._methods(w.figure, first_seed)
        if shows == DATASET:
            paths = self.inputs.subsets(w.dataset)
            words = [self.layouts.factor_words(Path(path).parent.name) for path in paths]
            definition = self.registry.datasets[w.dataset]
            return subjects.Dataset(
                definition["title"],
                sources.form(definition),
                results.classes(w.dataset),
                dict(zip(words, paths, strict=True)),
            )
        setting = Setting(w.dataset, w.imbalance, w.backbone)
        if shows == SETTING:
            return self._setting(setting)
        label, files = self.registry.methods[w.method]["label"], self._files(self.inputs.run_of(w))
        return subjects.Run(label, self.layouts.label(setting), setting.backbone, files)

    def _methods(self, name: str, first_seed: bool) -> subjects.Methods:
        figure = self.plan.figures[name]
        cells = [(cell, cell.runs[:1] if first_seed else cell.runs) for cell in figure.cells]
        files = {run: self._files(run) for run in sorted({run for _, runs in cells for run in runs})}
        setting = figure.cells[0].setting
        return subjects.Methods(
            definition=figure.definition,
            methods=[self._method(cell, [files[run] for run in runs]) for cell, runs in cells],
            runs=list(files.values()),
            classes=results.classes(setting.dataset),
            subset=results.subset(setting.dataset, setting.imbalance),
        )

    def _method(self, cell: Cell, runs: list[subjects.RunFiles]) -> subjects.Method:
        calibration = self.registry.methods[cell.method].get("calibration")
        return subjects.Method(cell.label, calibration, cell.printed, cell.needs, runs)

    def _setting_of(self, setting: Setting) -> subjects.Setting:
        runs = [run for run in self.plan.runs if run.setting == setting]
        networks = {run.network.folder: run.network for run in runs}
        stage1s = [
            subjects.Stage1(
                self.registry.methods[network.method]["label"],
                network.seed,
                self._loss(network),
                f"{RUNS}/{folder}/history.csv",
            )
            for folder, network in sorted(networks.items())
        ]
        methods = sorted({run.method for run in runs if run.classifier})
        blocks = [
            settings.overridden(self.registry, setting.dataset, setting.imbalance, method, "stage2")
            for method in methods
        ]
        return subjects.Setting(
            self.layouts.label(setting),
            setting.backbone,
            results.subset(setting.dataset, setting.imbalance),
            stage1s,
            [block["loss"] for block in blocks],
            [self._all_of(method, runs) for method in sorted({run.method for run in runs})],
        )

    def _loss(self, network: Training) -> str:
        """The loss of a network in words. Two networks with the same words have losses of the same scale."""
        setting = network.setting
        block = settings.overridden(self.registry, setting.dataset, setting.imbalance, network.method, NETWORK)
        named = [block["loss"], *(block[key] for key in ("weighting", "algorithm") if block[key])]
        return ", ".join(part["name"].replace("_", " ") for part in named)

    def _all_of(self, method: str, runs: list[Run]) -> subjects.Method:
        """A method with all its runs among `runs`."""
        definition = self.registry.methods[method]
        own = [self._files(run) for run in runs if run.method == method]
        return subjects.Method(definition["label"], definition.get("calibration"), {}, None, own)

    def _files(self, run: Run) -> subjects.RunFiles:
        folder = f"{RUNS}/{run.folder}"
        return subjects.RunFiles(
            seed=run.seed,
            metrics=f"{RUNS}/{run.metrics}",
            logits=logits_in(run.folder, run),
            features=f"{folder}/features.npz",
            projection=f"{folder}/{run.method}/projection.npz",
            provenance=tuple(self.inputs.provenance([run])),
        )
