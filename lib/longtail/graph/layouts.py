"""What each table and figure is told: titles, labels, printed numbers, and the files of the runs that it shows."""

from pathlib import Path
from typing import Any

from longtail import results
from longtail.config import settings, sources
from longtail.config.plan import Cell, Described, Figure, Plan, Setting
from longtail.graph.inputs import Inputs, logits_in, runs_of
from longtail.graph.parameters import text
from longtail.results import RUNS

SMOOTHING_LOSS = "label_aware_smoothing"


class Layouts:
    """Layouts of the tables and figures of one plan, as JSON text. `w` is a rule's wildcards throughout."""

    def __init__(self, plan: Plan, inputs: Inputs) -> None:
        self.plan = plan
        self.registry = plan.registry
        self.inputs = inputs

    def table(self, w: Any) -> str:
        """The layout of a table: columns, and rows of cells with printed numbers, run paths, trainings and needs.

        `calibration` says how a row's logits become probabilities, where that is not the softmax of its training.
        """
        table = self.plan.tables[w.table]
        columns = [
            vars(cell.setting) | {"label": column.get("label") or self.label(cell.setting)}
            for column, cell in zip(table.definition["columns"], table.rows[0], strict=True)
        ]
        rows = [
            {"label": row[0].label, "method": row[0].method, "cells": list(map(self._timed, row))}
            | self._calibration(row[0])
            for row in table.rows
        ]
        kept = {key: table.definition[key] for key in ("title", "source", "note", "metrics")}
        seeds = sorted({run.seed for run in self.inputs.table_runs(w)})
        return text(kept | {"name": table.name, "columns": columns, "rows": rows, "seeds": seeds})

    def statistics(self, w: Any) -> str:
        """The layout of a table of data sets: rows with printed numbers, files and needs."""
        table = self.plan.statistics[w.statistics]
        rows = [
            {
                "label": row.definition.get("label") or self.registry.datasets[row.dataset]["title"],
                "needs": row.needs,
                "subsets": [{"imbalance": imbalance, "path": path} for imbalance, path in self.inputs.described(row)],
                "arrays": None if row.needs else results.arrays(row.dataset),
                "printed": row.definition["printed"],
                "remark": self._remark(row),
            }
            for row in table.rows
        ]
        kept = {key: table.definition[key] for key in ("title", "source", "note")}
        return text(kept | {"name": table.name, "rows": rows})

    def claims(self, w: Any) -> str:
        """The layout of a table of claims: the claims, and the methods they name with runs, logits and needs."""
        table = self.plan.claims[w.claims]
        methods = {
            cell.method: {
                **self._calibration(cell),
                "label": cell.label,
                "needs": cell.needs,
                "runs": [{"seed": run.seed, "logits": logits_in(run.folder, run)} for run in cell.runs],
            }
            for cell in table.cells
        }
        setting, config = table.cells[0].setting, self.registry.config
        kept = {key: table.definition[key] for key in ("title", "source", "note", "claims")}
        kept |= {"evaluation": {key: config["evaluation"][key] for key in ("bins", "resamples")}}
        seeds = sorted({run.seed for run in runs_of(table.cells)})
        kept |= {"setting": f"{self.label(setting)}, {setting.backbone}", "seeds": seeds}
        return text(kept | {"name": table.name, "methods": methods})

    def comparison(self, w: Any) -> str:
        """The layout of a comparison of reliability diagrams; `bins` where not the evaluation's own are drawn."""
        figure = self.plan.figures[w.figure]
        titled, bins = self._titled(figure), figure.definition.get("bins")
        if bins == self.registry.config["evaluation"]["bins"]:
            bins = None
        if bins:
            titled["title"] += f", {bins} bins"
        panels = [_cell(cell) | {"label": cell.label} | self._calibration(cell) for cell in figure.cells]
        return text(titled | {"panels": panels, "bins": bins})

    def sensitivity(self, w: Any) -> str:
        """The layout of a figure of a method's settings: the baseline's runs, panels and their points with theirs."""
        figure = self.plan.figures[w.figure]
        baseline, *cells = (_cell(cell)["runs"] for cell in figure.cells)
        runs = iter(cells)
        panels = [
            {
                "title": panel["title"],
                "default": panel["default"],
                "points": [{"at": value, "runs": next(runs)} for value in panel["values"]],
            }
            for panel in figure.definition["panels"]
        ]
        shown = {"label": figure.cells[0].label, "baseline": baseline, "panels": panels}
        shown |= {key: value for key, value in figure.definition.items() if key == "metrics"}
        return text(self._titled(figure) | shown)

    def similarity(self, w: Any) -> str:
        """The layout of a figure of cosine similarities."""
        figure = self.plan.figures[w.figure]
        kept = {key: figure.definition[key] for key in ("head_rule", "head_size")}
        return text(self._titled(figure, first=True) | kept)

    def projected(self, w: Any) -> str:
        """The layout of a figure of projected features."""
        figure = self.plan.figures[w.figure]
        return text(self._titled(figure, first=True) | {"method": figure.cells[0].label})

    def probabilities(self, w: Any) -> str:
        """The layout of a figure of true-class probabilities: panels of two methods, left and right, with logits."""
        figure = self.plan.figures[w.figure]
        halves = [
            {"label": cell.label, "logits": [logits_in(run.folder, run) for run in cell.runs]}
            | self._calibration(cell)
            for cell in figure.cells
            if cell.runs
        ]
        panels = list(zip(halves[::2], halves[1::2], strict=True))
        return text(self._titled(figure) | {"panels": panels})

    def run_title(self, w: Any) -> str:
        """Title of a single run's figure."""
        method = self.registry.methods[w.method]["label"]
        return f"{method} on {self.imbalance_label(w.dataset, w.imbalance)}, {w.backbone}, seed {w.seed}"

    def subset_labels(self, dataset: str) -> str:
        """Title and series of a figure of class counts, in the order of `subsets`."""
        series = [self._factor_words(Path(path).parent.name) for path in self.inputs.subsets(dataset)]
        return text({"title": self.registry.datasets[dataset]["title"], "series": series})

    def curves(self, w: Any) -> str:
        """Title and series of a figure of training curves, in the order of `histories`."""
        folders = [Path(path).parents[1] for path in self.inputs.histories(w)]
        series = [
            f"{self.registry.methods[folder.parent.name]['label']}, {folder.name.replace('seed', 'seed ')}"
            for folder in folders
        ]
        title = f"{w.backbone} on {self.imbalance_label(w.dataset, w.imbalance)}, Stage 1"
        return text({"title": title, "series": series})

    def smoothing(self, w: Any) -> str:
        """The label-aware smoothing of a setting: its first method's ε of head and tail."""
        return text(self.smoothing_losses(Setting(w.dataset, w.imbalance, w.backbone))[0])

    def label(self, setting: Setting) -> str:
        """A setting as figures and tables name it."""
        return self.imbalance_label(setting.dataset, setting.imbalance)

    def imbalance_label(self, dataset: str, imbalance: str) -> str:
        """`CIFAR-10, factor 100`, `CIFAR-10, balanced` or `Birds, natural`."""
        return f"{self.registry.datasets[dataset]['title']}, {self._factor_words(imbalance)}"

    def _factor_words(self, imbalance: str) -> str:
        words = {"if1": "balanced", "natural": "natural imbalance"}
        return words.get(imbalance, f"factor {imbalance.removeprefix('if')}")

    def _timed(self, cell: Cell) -> dict[str, Any]:
        return _cell(cell) | {"trainings": [self.inputs.provenance([run]) for run in cell.runs]}

    def _calibration(self, cell: Cell) -> dict[str, str | None]:
        return {"calibration": self.registry.methods[cell.method].get("calibration")}

    def _titled(self, figure: Figure, first: bool = False) -> dict[str, Any]:
        """Title, source and seeds of a figure; the first seed alone where it shows one run."""
        seeds = sorted({run.seed for run in runs_of(figure.cells)})
        kept = {key: figure.definition[key] for key in ("title", "source")}
        return kept | {"seeds": seeds[:1] if first else seeds}

    def _remark(self, row: Described) -> str:
        """The footnote of a row of statistics, with what the source of the data set has to say."""
        remark = str(row.definition["remark"])
        if row.needs:
            return remark
        of_source = sources.call(self.registry.datasets[row.dataset], "remark", default="")
        return f"{remark} {of_source}".strip()

    def smoothing_losses(self, setting: Setting) -> list[dict[str, Any]]:
        methods = sorted({run.method for run in self.plan.runs if run.setting == setting and run.classifier})
        blocks = [
            settings.overridden(self.registry, setting.dataset, setting.imbalance, m, "stage2") for m in methods
        ]
        return [block["loss"] for block in blocks if block["loss"]["name"] == SMOOTHING_LOSS]


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "printed": cell.printed,
        "runs": [f"{RUNS}/{run.metrics}" for run in cell.runs],
        "needs": cell.needs,
    }
