"""Layouts of tables: titles, labels, printed numbers, and the files of the runs that they show."""

from typing import Any

from longtail import results
from longtail.config import sources
from longtail.config.plan import Cell, Described, Plan, Run, Setting
from longtail.graph.entries import Settings
from longtail.graph.inputs import Inputs, logits_in, runs_of
from longtail.results import RUNS


class Layouts:
    """Layouts of the tables of one plan, as JSON text. `w` are always a rule's wildcards."""

    def __init__(self, plan: Plan, inputs: Inputs) -> None:
        self.plan = plan
        self.registry = plan.registry
        self.inputs = inputs

    def table(self, w: Any) -> Settings:
        """The layout of a table: columns, and rows of cells with printed numbers, run paths, trainings and needs.

        `calibration` says how a row's logits become probabilities, if not by the softmax that it was trained with.
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
        return Settings(kept | {"name": table.name, "columns": columns, "rows": rows, "seeds": seeds})

    def statistics(self, w: Any) -> Settings:
        """The layout of a table of data sets: rows with printed numbers, files and needs."""
        table = self.plan.statistics[w.statistics]
        rows = [
            {
                "label": row.definition.get("label") or self.registry.datasets[row.dataset]["title"],
                "needs": row.needs,
                "subsets": [{"imbalance": imbalance, "path": path} for imbalance, path in self.inputs.described(row)],
                "classes": None if row.needs else results.classes(row.dataset),
                "printed": row.definition["printed"],
                "remark": self._remark(row),
            }
            for row in table.rows
        ]
        kept = {key: table.definition[key] for key in ("title", "source", "note")}
        return Settings(kept | {"name": table.name, "rows": rows})

    def claims(self, w: Any) -> Settings:
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
        return Settings(kept | {"name": table.name, "methods": methods})

    def ranking(self, w: Any) -> str:
        """The layout of a page that ranks methods: each with its runs, their logits and trainings, and needs.

        `examples` says what a test set contains, images or titles.
        """
        page, evaluation = self.plan.rankings[w.ranking], self.registry.config["evaluation"]
        setting = page.cells[0].setting
        methods = [
            {
                **self._calibration(cell),
                "label": cell.label,
                "method": cell.method,
                "needs": cell.needs,
                "runs": [self._ranked(run) for run in cell.runs],
            }
            for cell in page.cells
        ]
        kept = {key: page.definition[key] for key in ("title", "source", "note")}
        kept |= {"evaluation": {key: evaluation[key] for key in ("bins", "resamples")}}
        kept |= {"setting": f"{self.label(setting)}, {setting.backbone}", "methods": methods}
        kept |= {"examples": sources.form(self.registry.datasets[setting.dataset])}
        return Settings(kept | {"name": page.name, "seeds": sorted({run.seed for run in runs_of(page.cells)})})

    def label(self, setting: Setting) -> str:
        """A setting as figures and tables name it."""
        return self.imbalance_label(setting.dataset, setting.imbalance)

    def imbalance_label(self, dataset: str, imbalance: str) -> str:
        """`CIFAR-10, factor 100`, `CIFAR-10, balanced` or `Birds, natural`."""
        return f"{self.registry.datasets[dataset]['title']}, {self.factor_words(imbalance)}"

    def factor_words(self, imbalance: str) -> str:
        """`factor 100`, `balanced` or `natural imbalance`."""
        words = {"if1": "balanced", "natural": "natural imbalance"}
        return words.get(imbalance, f"factor {imbalance.removeprefix('if')}")

    def _ranked(self, run: Run) -> dict[str, Any]:
        return {
            "seed": run.seed,
            "logits": logits_in(run.folder, run),
            "trainings": self.inputs.provenance([run]),
        }

    def _timed(self, cell: Cell) -> dict[str, Any]:
        return _cell(cell) | {"trainings": [self.inputs.provenance([run]) for run in cell.runs]}

    def _calibration(self, cell: Cell) -> dict[str, str | None]:
        return {"calibration": self.registry.methods[cell.method].get("calibration")}

    def _remark(self, row: Described) -> str:
        """The footnote of a row of statistics, with the remark of the data set's source."""
        remark = str(row.definition["remark"])
        if row.needs:
            return remark
        source_remark = sources.call(self.registry.datasets[row.dataset], "remark", default="")
        return f"{remark} {source_remark}".strip()


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "printed": cell.printed,
        "runs": [f"{RUNS}/{run.metrics}" for run in cell.runs],
        "needs": cell.needs,
    }
