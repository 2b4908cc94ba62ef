"""The drawing jobs: the rule of each kind of figure, and the inputs and layouts of its jobs."""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from longtail.config.registry import FIGURES as PACKAGE
from longtail.graph.entries import Caption, Entries, Settings
from longtail.graph.parameters import cached_fingerprint
from longtail.graph.subjects import METHODS, PATTERNS, Subjects
from longtail.report.subjects import Subject
from longtail.results import FIGURE_FORMATS, FIGURES, LOGS, RUNS
from longtail.runtime import parts
from longtail.runtime.errors import InputError

# The form of a figure that the report shows.
ENTRY = FIGURE_FORMATS[0]
_WILDCARD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Drawing:
    """One drawing job: its files, the files that it reads, and the files of the trainings that it shows."""

    kind: "Kind"
    outputs: list[str]
    inputs: list[str]
    trainings: list[str]


class Kind:
    """One kind of figure, with the entries of its rule. `w` are always the rule's wildcards."""

    def __init__(self, name: str, subjects: Subjects) -> None:
        self.name = name
        self.shows: str = self._literal("SHOWS", METHODS)
        # Such a figure is drawn only if its file is requested by its path.
        self.on_request: bool = self._literal("ON_REQUEST", False)
        self._subjects = subjects
        # What the report calls each form behind the title.
        self._forms: dict[str, str] = self._literal("DRAWINGS", {"": ""})
        folder = self._literal("FOLDER", name)
        self._pattern = f"{folder}/{PATTERNS[self.shows]}".lstrip("/")

    @functools.cached_property
    def _part(self) -> ModuleType:
        return parts.find(PACKAGE, self.name)

    @property
    def log(self) -> str:
        """The path pattern of its logs."""
        return f"{LOGS}/figures/{self._pattern}.log"

    @property
    def message(self) -> str:
        """The message that Snakemake prints when a job starts."""
        return _WILDCARD.sub(r"{wildcards.\1}", self._text("MESSAGE"))

    def outputs(self, report: Callable[..., Any], entries: Entries) -> dict[str, Any]:
        """The path patterns of its files by name; Snakemake's `report` makes each SVG one of its entries."""
        outputs: dict[str, Any] = {}
        for form in self._forms:
            prefix = f"{form}_" if form else ""
            outputs[prefix + ENTRY] = report(
                f"{self._path(form)}.{ENTRY}",
                caption="captions/figure.rst",
                category=self._text("CATEGORY"),
                labels=self._labels(form, entries),
            )
            for ending in FIGURE_FORMATS[1:]:
                outputs[prefix + ending] = f"{self._path(form)}.{ending}"
        return outputs

    def _labels(self, form: str, entries: Entries) -> Callable[[Any], dict[str, str]]:
        """The function by which Snakemake asks for the labels of one form, from the wildcards `w`."""

        def labels(w: Any) -> dict[str, str]:
            return entries.labels(f"{self._path(form)}.{ENTRY}".format(**dict(w.items())), self._title(w, form))

        return labels

    def titles(self) -> dict[str, str]:
        """The titles of all its figures by the path that the report shows, with those drawn only on request."""
        titles = {}
        for values in self._subjects.every(self.shows, self.name):
            w = SimpleNamespace(**values)
            if self._applies(self._subject(w)):
                for form in self._forms:
                    titles[f"{self._path(form)}.{ENTRY}".format(**values)] = self._title(w, form)
        return titles

    def _title(self, w: Any, form: str) -> str:
        title: str = self.layout(w).value["title"]
        return f"{title}, {self._forms[form]}" if form else title

    def _applies(self, subject: Subject) -> bool:
        """Whether there is anything to draw."""
        return not hasattr(self._part, "applies") or bool(self._part.applies(subject))

    def inputs(self, w: Any) -> dict[str, Any]:
        """The files that a job reads, by name; for methods also the provenance of all their trainings."""
        return self._inputs(self._subject(w))

    def layout(self, w: Any) -> Settings:
        """The layout of a figure, as JSON text; for methods also title, source and seeds."""
        subject: Any = self._subject(w)
        common: dict[str, Any] = {}
        if self.shows == METHODS:
            common = {key: subject.definition[key] for key in ("title", "source")}
            common["seeds"] = sorted({run.seed for run in subject.runs})
        return Settings(common | self._part.layout(subject))

    def caption(self, w: Any) -> Caption:
        """The text beside a figure in the report, as reStructuredText."""
        return Caption(self._text("CAPTION"))

    def code(self, w: Any) -> str:
        """Fingerprint of the drawing code."""
        return cached_fingerprint("draw", f"{PACKAGE}.{self.name}")

    def drawings(self) -> Iterator[Drawing]:
        """Every job of this kind."""
        for values in self._subjects.every(self.shows, self.name):
            subject = self._subject(SimpleNamespace(**values))
            if not self._applies(subject):
                continue
            paths = [self._path(form).format(**values) for form in self._forms]
            outputs = [f"{path}.{ending}" for path in paths for ending in FIGURE_FORMATS]
            inputs = [
                path
                for item in self._inputs(subject).values()
                for path in ([item] if isinstance(item, str) else item)
            ]
            run_files = {path for path in inputs if path.startswith(f"{RUNS}/")}
            yield Drawing(self, outputs, inputs, sorted(run_files | set(_provenance(subject))))

    def _inputs(self, subject: Subject) -> dict[str, Any]:
        inputs: dict[str, Any] = self._part.inputs(subject)
        return inputs | ({"provenance": _provenance(subject)} if self.shows == METHODS else {})

    def _literal(self, constant: str, default: Any = None) -> Any:
        return parts.literal(PACKAGE, self.name, constant, default)

    def _text(self, constant: str) -> str:
        """A text that every kind must have."""
        text = self._literal(constant)
        if not isinstance(text, str):
            raise InputError(f"report/figures/{self.name}.py lacks {constant}: add it, as a plain text")
        return text

    def _path(self, form: str) -> str:
        """The path pattern of a file without its ending."""
        return f"{FIGURES}/{self._pattern}" + (f"_{form}" if form else "")

    def _subject(self, w: Any) -> Subject:
        return self._subjects.of(self.shows, w, self._literal("FIRST_SEED", False))


def kinds(subjects: Subjects) -> dict[str, Kind]:
    """All kinds by name."""
    return {name: Kind(name, subjects) for name in parts.names(PACKAGE)}


def _provenance(subject: Subject) -> list[str]:
    return sorted({path for run in subject.runs for path in run.provenance})
