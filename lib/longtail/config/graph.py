"""What the rules ask of a plan: the files of each target, and the parameters of each job as tracked text."""

import functools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longtail.config import archives, imports, registry, settings, text_files
from longtail.config import imbalance as factors
from longtail.config import plan as plans
from longtail.config.plan import Cell, Described, Figure, Plan, Run, Setting
from longtail.config.registry import is_streamed, named_parts
from longtail.runtime import files, gpus, image_tree
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import fingerprint
from longtail.runtime.provenance import shown
from longtail.stage1 import imported

RESULTS = "results"
RUNS, DATA, TABLES, FIGURES = f"{RESULTS}/runs", f"{RESULTS}/data", f"{RESULTS}/tables", f"{RESULTS}/figures"
TABLE_FORMATS = ("csv", "md", "tex", "html")
FIGURE_FORMATS = ("svg", "png")
SMOOTHING_LOSS = "label_aware_smoothing"
# Thousands of jobs run some dozens of codes. Remembered here and not at its definition, which is part of all of them.
remembered = functools.cache(fingerprint)


@dataclass(frozen=True)
class Drawing:
    """What one job draws, in a folder of its `kind` (comparisons in none).

    `trainings` are files of the trainings that it shows.
    """

    kind: str
    names: list[str]
    trainings: list[str] = field(default_factory=list)

    @property
    def files(self) -> list[str]:
        """Every drawing in every form."""
        folder = FIGURES if self.kind == "comparison" else f"{FIGURES}/{self.kind}"
        return [f"{folder}/{name}.{form}" for name in self.names for form in FIGURE_FORMATS]


class Graph:
    """Answers for one plan. Parameters are JSON with sorted keys, so that only a change of value reruns a job.

    `w` is a rule's wildcards throughout.
    """

    def __init__(self, plan: Plan, files: Sequence[Path] = (), arguments: Mapping[str, Any] = registry.NONE) -> None:
        self.plan = plan
        self.files = list(files)
        self.arguments = arguments
        self.registry = plan.registry
        self.compute = plan.registry.config["compute"]
        self.imports = plan.registry.config["stage1"]
        found = len(gpus.devices())
        # A job that will run on the CPU must not wait for its turn on a GPU.
        self.gpus = int(self.compute["device"] == "cuda" or (self.compute["device"] == "auto" and found > 0))
        self.gpus_of_stage1 = self.gpus * min(self.compute["processes"], max(1, found))
        self.gpu_slots = max(1, found) * self.compute["jobs_per_gpu"]
        # Cores that one training computes on.
        self.cores = int(self.compute["threads"]) * int(self.compute["processes"])

    @classmethod
    def of(
        cls,
        config: dict[str, Any],
        files: Sequence[Path | str],
        arguments: Mapping[str, Any] = registry.NONE,
    ) -> "Graph":
        """The graph of a config read from `files` and the `arguments` of `--config`.

        Raises InputError for the first mistake in it.
        """
        if Path(RESULTS).exists() and not Path(RESULTS).is_dir():
            raise InputError(f"{RESULTS} is a file: move it away, the results go into a folder of that name")
        paths = [Path(file) for file in files]
        plan = plans.build(config, paths, arguments)
        with registry.blaming(paths, arguments):
            imports.check(plan, Path(RUNS))
        return cls(plan, paths, arguments)

    def places(self) -> dict[str, dict[str, Any]]:
        """Where each data set is on this machine.

        No parameter of a job, since what is made of a data set stays what it is when that is moved.
        """
        datasets = self.registry.datasets
        return {name: settings.place(self.registry, name) for name in datasets if "kind" in datasets[name]}

    # Parameters of jobs

    def source(self, w: Any) -> str:
        """Settings of a data set's arrays."""
        return _text(settings.source(self.registry, w.dataset))

    def contents(self, w: Any) -> str:
        """Hash of the listing of a folder data set, of lists of images or of files of titles; empty for others."""
        data = self.registry.datasets[w.dataset]
        if paths := text_files.of(data):
            return " ".join(files.sha256(path)[:16] for path in paths)
        if data["kind"] == "image_list":
            return " ".join(files.sha256(data[key])[:16] for key in ("train_list", "test_list"))
        return image_tree.digest(Path(data["data_dir"])) if data["kind"] == "folder" else ""

    def long_tail(self, w: Any) -> str:
        """Settings of a subset."""
        seed, n_max = self.registry.config["seeds"]["subset"], self.registry.datasets[w.dataset]["n_max"]
        told = {"imbalance": w.imbalance, "seed": seed, "n_max": n_max}
        rounded = {key: value for key, value in self.registry.datasets[w.dataset].items() if key == "decay_decimals"}
        return _text(told | rounded)

    def stage1(self, w: Any) -> str:
        """Settings of a Stage 1."""
        return _text(self._stage1(w))

    def features(self, w: Any) -> str:
        """Settings of feature extraction: of the Stage 1, those that inference depends on."""
        return _text({key: self._stage1(w)[key] for key in ("backbone", "head", "preprocessing", "compute")})

    def stage2(self, w: Any) -> str:
        """Settings of a Stage 2."""
        return _text(self._stage2(w))

    def post_hoc(self, w: Any) -> str:
        """Settings of a change of a finished classifier."""
        return _text(settings.post_hoc(self.registry, w.dataset, w.imbalance, w.method))

    def projection(self, w: Any) -> str:
        """Settings of a projection of features to the plane: those of the Stage 2 that draws some of them."""
        return _text({key: self._stage2(w)[key] for key in ("sampler", "generator", "recipe", "compute", "seeds")})

    def evaluation(self, w: Any) -> str:
        """Settings of scoring."""
        return _text(self.registry.config["evaluation"])

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
        seeds = sorted({run.seed for run in self.table_runs(w)})
        return _text(kept | {"name": table.name, "columns": columns, "rows": rows, "seeds": seeds})

    def statistics(self, w: Any) -> str:
        """The layout of a table of data sets: rows with printed numbers, files and needs."""
        table = self.plan.statistics[w.statistics]
        rows = [
            {
                "label": row.definition.get("label") or self.registry.datasets[row.dataset]["title"],
                "needs": row.needs,
                "subsets": [{"imbalance": imbalance, "path": path} for imbalance, path in self._described(row)],
                "arrays": None if row.needs else f"{DATA}/{row.dataset}/arrays.npz",
                "printed": row.definition["printed"],
                "remark": self._remark(row),
            }
            for row in table.rows
        ]
        kept = {key: table.definition[key] for key in ("title", "source", "note")}
        return _text(kept | {"name": table.name, "rows": rows})

    def claims(self, w: Any) -> str:
        """The layout of a table of claims: the claims, and the methods they name with runs, logits and needs."""
        table = self.plan.claims[w.claims]
        methods = {
            cell.method: {
                **self._calibration(cell),
                "label": cell.label,
                "needs": cell.needs,
                "runs": [{"seed": run.seed, "logits": _logits(run.folder, run)} for run in cell.runs],
            }
            for cell in table.cells
        }
        setting, config = table.cells[0].setting, self.registry.config
        kept = {key: table.definition[key] for key in ("title", "source", "note", "claims")}
        kept |= {"evaluation": {key: config["evaluation"][key] for key in ("bins", "resamples")}}
        seeds = sorted({run.seed for run in _runs(table.cells)})
        kept |= {"setting": f"{self.label(setting)}, {setting.backbone}", "seeds": seeds}
        return _text(kept | {"name": table.name, "methods": methods})

    def comparison(self, w: Any) -> str:
        """The layout of a comparison of reliability diagrams; `bins` where not the evaluation's own are drawn."""
        figure = self.plan.figures[w.figure]
        titled, bins = self._titled(figure), figure.definition.get("bins")
        if bins == self.registry.config["evaluation"]["bins"]:
            bins = None
        if bins:
            titled["title"] += f", {bins} bins"
        panels = [_cell(cell) | {"label": cell.label} | self._calibration(cell) for cell in figure.cells]
        return _text(titled | {"panels": panels, "bins": bins})

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
        return _text(self._titled(figure) | shown)

    def similarity(self, w: Any) -> str:
        """The layout of a figure of cosine similarities."""
        figure = self.plan.figures[w.figure]
        kept = {key: figure.definition[key] for key in ("head_rule", "head_size")}
        return _text(self._titled(figure, first=True) | kept)

    def projected(self, w: Any) -> str:
        """The layout of a figure of projected features."""
        figure = self.plan.figures[w.figure]
        return _text(self._titled(figure, first=True) | {"method": figure.cells[0].label})

    def probabilities(self, w: Any) -> str:
        """The layout of a figure of true-class probabilities: panels of two methods, left and right, with logits."""
        figure = self.plan.figures[w.figure]
        halves = [
            {"label": cell.label, "logits": [_logits(run.folder, run) for run in cell.runs]} | self._calibration(cell)
            for cell in figure.cells
            if cell.runs
        ]
        panels = list(zip(halves[::2], halves[1::2], strict=True))
        return _text(self._titled(figure) | {"panels": panels})

    def download(self, w: Any) -> str:
        """Where the archive of a data set may be found, in the version that has the name asked for."""
        data = self.registry.datasets[w.dataset]
        named = {version["file"]: version for version in archives.versions(data)}
        return _text({"archive": named.get(f"{w.archive}.tar.gz", data["archive"])})

    def configuration(self) -> str:
        """The files of `config/` that the configuration was read from, later ones upon earlier ones.

        A person's own have no name elsewhere. Snakemake lists the default last, though all are laid upon it.
        """
        own = [name for name in map(shown, self.files) if name.startswith("config/")]
        return _text(sorted(own, key=lambda name: name != "config/config.yaml"))

    def run_title(self, w: Any) -> str:
        """Title of a single run's figure."""
        method = self.registry.methods[w.method]["label"]
        return f"{method} on {self.imbalance_label(w.dataset, w.imbalance)}, {w.backbone}, seed {w.seed}"

    def subset_labels(self, dataset: str) -> str:
        """Title and series of a figure of class counts, in the order of `subsets`."""
        series = [self._factor_words(Path(path).parent.name) for path in self.subsets(dataset)]
        return _text({"title": self.registry.datasets[dataset]["title"], "series": series})

    def curves(self, w: Any) -> str:
        """Title and series of a figure of training curves, in the order of `histories`."""
        folders = [Path(path).parents[1] for path in self.histories(w)]
        series = [
            f"{self.registry.methods[folder.parent.name]['label']}, {folder.name.replace('seed', 'seed ')}"
            for folder in folders
        ]
        title = f"{w.backbone} on {self.imbalance_label(w.dataset, w.imbalance)}, Stage 1"
        return _text({"title": title, "series": series})

    def smoothing(self, w: Any) -> str:
        """The label-aware smoothing of a setting: its first method's ε of head and tail."""
        return _text(self._smoothing_losses(Setting(w.dataset, w.imbalance, w.backbone))[0])

    def code(self, script: str, w: Any) -> str:
        """Fingerprint of the code a job runs, with the parts its settings name."""
        parts: list[str] = []
        if script == "build_arrays":
            parts = [f"data.sources.{self.registry.datasets[w.dataset]['kind']}"]
        elif script == "train_stage1":
            parts = _parts(self._stage1(w))
        elif script == "extract_features":
            parts = _parts({key: self._stage1(w)[key] for key in ("backbone", "head")})
        elif script == "train_stage2":
            parts = _parts(self._stage2(w))
        elif script == "project_features":
            parts = _parts({key: self._stage2(w)[key] for key in ("sampler", "generator")})
        elif script == "adjust_classifier":
            parts = [f"stage2.post_hoc.{json.loads(self.post_hoc(w))['post_hoc']['name']}"]
        return remembered(script, *parts)

    def imported_code(self, w: Any) -> str:
        """Fingerprint of the code that trained an imported Stage 1: copying it is not what made it."""
        folder = _folder(w)
        source = Path(self.imports[folder]["source"])
        return str(imported.record(source, f"{registry.THE_CONFIG}, stage1 '{folder}'")["code"])

    def training_code(self, run: Run) -> str:
        """Fingerprint of the code that the Stage 1 of a run would be trained by here."""
        return remembered("train_stage1", *_parts(imports.wanted_settings(self.registry, run)))

    # Resources of jobs

    def threads(self, w: Any, processes: int = 1) -> int:
        """Cores of a job: those that compute, and those that decode images of a data set in files."""
        data, compute = self.registry.datasets[w.dataset], self.compute
        decoding = int(compute["workers"]) if is_streamed(data) else 0
        return int(compute["threads"]) * processes + decoding

    # Inputs of jobs

    def archive(self, w: Any) -> list[str]:
        """The archive that a data set's arrays are read from, if it has one."""
        archive = archives.chosen(self.registry.datasets[w.dataset])
        return [f"{DATA}/{w.dataset}/{archive['file']}"] if archive else []

    def logits(self, w: Any) -> str:
        """The file with the test logits of a method: its Stage 2's, or its network's features."""
        return _logits(_folder(w), w)

    def metrics(self, runs: Iterable[Run]) -> list[str]:
        """Scores of runs."""
        return [f"{RUNS}/{run.metrics}" for run in runs]

    def provenance(self, runs: Iterable[Run]) -> list[str]:
        """Provenance of every training that runs stand on."""
        paths = {f"{RUNS}/{run.folder}/stage1/provenance.json" for run in runs}
        paths |= {f"{RUNS}/{run.folder}/{run.method}/provenance.json" for run in runs if run.two_stage}
        return sorted(paths)

    def table_runs(self, w: Any) -> list[Run]:
        """Runs that a table shows."""
        return _runs(self.plan.tables[w.table].cells)

    def claims_runs(self, w: Any) -> list[Run]:
        """Runs that a table of claims compares."""
        return _runs(self.plan.claims[w.claims].cells)

    def claims_logits(self, w: Any) -> list[str]:
        """Test logits that a table of claims compares."""
        return [_logits(run.folder, run) for run in self.claims_runs(w)]

    def figure_runs(self, w: Any) -> list[Run]:
        """Runs that a comparison shows."""
        return _runs(self.plan.figures[w.figure].cells)

    def figure_logits(self, w: Any) -> list[str]:
        """Files with the test logits of the runs that a figure shows."""
        return [_logits(run.folder, run) for run in self.figure_runs(w)]

    def run_of(self, w: Any) -> Run:
        """The run of a method in a setting under a seed."""
        method, setting = self.registry.methods[w.method], Setting(w.dataset, w.imbalance, w.backbone)
        return Run(setting, plans.stage1_of(method, w.method), w.method, int(w.seed), "post_hoc" in method)

    def first_run(self, w: Any) -> Run:
        """The run under the first seed of the one method that a figure shows."""
        return self.plan.figures[w.figure].cells[0].runs[0]

    def features_of(self, w: Any) -> str:
        """Features of the network that the one method of a figure stands on."""
        return f"{RUNS}/{self.first_run(w).folder}/features.npz"

    def projection_of(self, w: Any) -> str:
        """Projected features of the one method of a figure."""
        run = self.first_run(w)
        return f"{RUNS}/{run.folder}/{run.method}/projection.npz"

    def arrays_of(self, w: Any) -> str:
        """Arrays of the data set of a figure."""
        return f"{DATA}/{self.plan.figures[w.figure].definition['dataset']}/arrays.npz"

    def subset_of(self, w: Any) -> str:
        """The subset of a figure."""
        setting = self.plan.figures[w.figure].cells[0].setting
        return f"{DATA}/{setting.dataset}/{setting.imbalance}/subset.json"

    def described_subsets(self, w: Any) -> list[str]:
        """Subsets that a table of data sets counts."""
        return [path for row in self.plan.statistics[w.statistics].rows for _, path in self._described(row)]

    def described_arrays(self, w: Any) -> list[str]:
        """Arrays whose test images a table of data sets counts."""
        names = {row.dataset for row in self.plan.statistics[w.statistics].rows if not row.needs}
        return [f"{DATA}/{name}/arrays.npz" for name in sorted(names)]

    def choices(self) -> list[str]:
        """What every post-hoc method chose."""
        return [f"{RUNS}/{run.folder}/{run.method}/choice.json" for run in self.plan.runs if run.post_hoc]

    def histories(self, w: Any) -> list[str]:
        """Histories of all Stage 1s of a setting."""
        setting = Setting(w.dataset, w.imbalance, w.backbone)
        found = {run.folder for run in self.plan.runs if run.setting == setting}
        return [f"{RUNS}/{folder}/stage1/history.csv" for folder in sorted(found)]

    def subsets(self, dataset: str) -> list[str]:
        """Subsets of a data set that anything runs on, least imbalanced first."""
        used = {s.imbalance for s in self.plan.settings if s.dataset == dataset}
        ordered = sorted(used, key=lambda imbalance: factors.ratio(imbalance) or math.inf)
        return [f"{DATA}/{dataset}/{imbalance}/subset.json" for imbalance in ordered]

    def label(self, setting: Setting) -> str:
        """A setting as figures and tables name it."""
        return self.imbalance_label(setting.dataset, setting.imbalance)

    def imbalance_label(self, dataset: str, imbalance: str) -> str:
        """`CIFAR-10, factor 100`, `CIFAR-10, balanced` or `Birds, natural`."""
        return f"{self.registry.datasets[dataset]['title']}, {self._factor_words(imbalance)}"

    def _factor_words(self, imbalance: str) -> str:
        words = {"if1": "balanced", "natural": "natural imbalance"}
        return words.get(imbalance, f"factor {imbalance.removeprefix('if')}")

    # Which names a wildcard may take, as patterns

    @property
    def imported(self) -> str:
        """Runs whose Stage 1 is taken from elsewhere."""
        return _pattern(map(re.escape, self.imports))

    @property
    def post_hoc_methods(self) -> str:
        """Methods that change a finished classifier."""
        return _pattern(name for name, method in self.registry.methods.items() if "post_hoc" in method)

    @property
    def method_tables(self) -> str:
        """Tables of methods."""
        return _pattern(self.plan.tables)

    @property
    def statistics_tables(self) -> str:
        """Tables of data sets."""
        return _pattern(self.plan.statistics)

    @property
    def claims_tables(self) -> str:
        """Tables of claims."""
        return _pattern(self.plan.claims)

    # Targets

    def dataset_files(self) -> list[str]:
        """Every subset, and its class counts drawn."""
        names = sorted({setting.dataset for setting in self.plan.settings})
        drawn = [f"{FIGURES}/class_counts/{name}.svg" for name in names]
        return [path for name in names for path in self.subsets(name)] + drawn

    def stage1_files(self) -> list[str]:
        """Every Stage-1 network."""
        return sorted({f"{RUNS}/{run.folder}/stage1/last.pt" for run in self.plan.runs})

    def stage2_files(self) -> list[str]:
        """Every Stage-2 classifier."""
        return [f"{RUNS}/{run.folder}/{run.method}/last.pt" for run in self.plan.runs if run.two_stage]

    def table_files(self) -> list[str]:
        """Every table in every form."""
        names = [*self.plan.tables, *self.plan.statistics, *self.plan.claims]
        return [f"{TABLES}/{name}.{form}" for name in names for form in TABLE_FORMATS]

    def figure_files(self) -> list[str]:
        """Every figure in every form."""
        return [path for drawing in self.drawings() for path in drawing.files]

    def drawings(self) -> list[Drawing]:
        """Every job that draws."""
        found = [Drawing("class_counts", [name]) for name in sorted({s.dataset for s in self.plan.settings})]
        found += [Drawing("training_curves", [s.folder], self.histories(s)) for s in self.plan.settings]
        found += [Drawing("smoothing", [s.folder]) for s in self.plan.settings if self._smoothing_losses(s)]
        for run in self.plan.runs:
            name = f"{run.setting.folder}/{run.method}_seed{run.seed}"
            found.append(Drawing("reliability", [name], self.provenance([run])))
        for name, figure in self.plan.figures.items():
            if not (runs := _runs(figure.cells)):
                continue
            if figure.kind == "reliability":
                found.append(Drawing("comparison", [f"{name}_panels", f"{name}_overlay"], self.provenance(runs)))
            else:
                shown = figure.cells[0].runs[:1] if figure.kind in ("similarity", "projection") else runs
                found.append(Drawing(figure.kind, [name], self.provenance(shown)))
        return found

    def _timed(self, cell: Cell) -> dict[str, Any]:
        return _cell(cell) | {"trainings": [self.provenance([run]) for run in cell.runs]}

    def _calibration(self, cell: Cell) -> dict[str, str | None]:
        return {"calibration": self.registry.methods[cell.method].get("calibration")}

    def _titled(self, figure: Figure, first: bool = False) -> dict[str, Any]:
        """Title, source and seeds of a figure; the first seed alone where it shows one run."""
        seeds = sorted({run.seed for run in _runs(figure.cells)})
        kept = {key: figure.definition[key] for key in ("title", "source")}
        return kept | {"seeds": seeds[:1] if first else seeds}

    def _remark(self, row: Described) -> str:
        """The footnote of a row of statistics, with what is passed over in a folder of images."""
        remark, data = str(row.definition["remark"]), self.registry.datasets[row.dataset]
        if row.needs or data["kind"] != "folder":
            return remark
        passed = image_tree.passed_over(Path(data["data_dir"]))
        return f"{remark} Passed over in its folder: {passed}.".lstrip() if passed else remark

    def _described(self, row: Described) -> list[tuple[str, str]]:
        """Imbalances of a described data set with their subsets."""
        needed = [] if row.needs else row.imbalances
        return [(imbalance, f"{DATA}/{row.dataset}/{imbalance}/subset.json") for imbalance in needed]

    def _stage1(self, w: Any) -> dict[str, Any]:
        return settings.stage1(self.registry, w.dataset, w.imbalance, w.backbone, w.stage1, int(w.seed))

    def _stage2(self, w: Any) -> dict[str, Any]:
        return settings.stage2(self.registry, w.dataset, w.imbalance, w.backbone, w.method, int(w.seed))

    def _smoothing_losses(self, setting: Setting) -> list[dict[str, Any]]:
        methods = sorted({run.method for run in self.plan.runs if run.setting == setting and run.two_stage})
        blocks = [
            settings.overridden(self.registry, setting.dataset, setting.imbalance, m, "stage2") for m in methods
        ]
        return [block["loss"] for block in blocks if block["loss"]["name"] == SMOOTHING_LOSS]


def _parts(settings: dict[str, Any]) -> list[str]:
    """The modules that a stage's settings name."""
    named = [f"{package}.{part['name']}" for _, package, part in named_parts(settings)]
    return [*named, f"models.{settings['backbone']}"] if "backbone" in settings else named


def _folder(w: Any) -> str:
    """What `Run.folder` is, of wildcards."""
    return f"{w.dataset}/{w.imbalance}/{w.backbone}/{w.stage1}/seed{w.seed}"


def _logits(folder: str, of: Any) -> str:
    """Test logits in the folder of a Stage 1, `of` a run or a rule's wildcards."""
    return f"{RUNS}/{folder}/features.npz" if of.method == of.stage1 else f"{RUNS}/{folder}/{of.method}/logits.npz"


def _pattern(names: Iterable[str]) -> str:
    return "|".join(names) or "(?!)"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _runs(cells: Iterable[Cell]) -> list[Run]:
    return sorted({run for cell in cells for run in cell.runs})


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "printed": cell.printed,
        "runs": [f"{RUNS}/{run.metrics}" for run in cell.runs],
        "needs": cell.needs,
    }
