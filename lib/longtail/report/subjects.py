"""The subject of a figure, as its kind gets it: titles, labels and the paths of files.

`graph.subjects` makes subjects from the plan. A kind of figure makes a layout of a subject; its job reads the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True)
class RunFiles:
    """The files of one run of a method. `provenance` lists those of all trainings that it requires."""

    seed: int
    metrics: str
    logits: str
    features: str
    projection: str
    provenance: tuple[str, ...]


@dataclass(frozen=True)
class Method:
    """A method that a figure's file names, with its runs over seeds; no runs if it cannot run.

    `calibration` says how its logits become probabilities, if not by the softmax that it was trained with; `printed`
    are the paper's numbers; `needs` is what is missing before it can run.
    """

    label: str
    calibration: str | None
    printed: Mapping[str, float | None]
    needs: str | None
    runs: Sequence[RunFiles]


@dataclass(frozen=True)
class Methods:
    """A figure of `config/figures`: the content of its file, its methods in order, and each of their runs once."""

    definition: Mapping[str, Any]
    methods: Sequence[Method]
    runs: Sequence[RunFiles]
    classes: str
    subset: str


@dataclass(frozen=True)
class Run:
    """One run: the label of its method, its setting in words, its backbone, and its files."""

    method: str
    setting: str
    backbone: str
    files: RunFiles

    @property
    def runs(self) -> Sequence[RunFiles]:
        """The files of this run."""
        return [self.files]


@dataclass(frozen=True)
class Stage1:
    """One Stage 1: the label of its method, its seed, its loss in words, and the path of its history."""

    method: str
    seed: int
    loss: str
    history: str


@dataclass(frozen=True)
class Setting:
    """A data set at an imbalance (`setting`, in words) with a backbone.

    It has a subset, the Stage 1s whose networks predict the classes, the losses of its Stage 2s, and every method
    that a table or figure shows in it.
    """

    setting: str
    backbone: str
    subset: str
    stage1s: Sequence[Stage1]
    stage2_losses: Sequence[Mapping[str, Any]]
    methods: Sequence[Method] = ()
    runs: Sequence[RunFiles] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set: its title, what it consists of, the path of its arrays, and its subsets.

    `examples` is `images` or `titles`. `subsets` has the path of the subset for each imbalance (in words), least
    imbalanced first.
    """

    title: str
    examples: str
    classes: str
    subsets: Mapping[str, str]
    runs: Sequence[RunFiles] = ()


Subject: TypeAlias = Methods | Run | Setting | Dataset


class Configuration(Protocol):
    """What a kind of figure may read of the configuration. `where` is the figure's file, for error messages."""

    where: str
    evaluation: Mapping[str, Any]

    def method(self, name: str) -> Mapping[str, Any]:
        """The definition of a method; raises InputError if there is none."""

    def learns_on_cached_features(self, name: str) -> bool:
        """Whether a method has a Stage 2 that changes neither images nor backbone."""

    def variants(
        self, method: str, key: str, values: Sequence[float | str], title: str
    ) -> tuple[float | str | None, list[str]]:
        """The method's own value of a setting (None if it is not among `values`), and a method for each value."""
