"""What a figure shows, as its kind sees it: titles, labels and the paths of files.

`graph.subjects` makes these from the plan. A kind of figure lays them out, and its job reads the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias


@dataclass(frozen=True)
class RunFiles:
    """The files of one run of a method. `provenance` is of every training that it stands on."""

    seed: int
    metrics: str
    logits: str
    features: str
    projection: str
    provenance: tuple[str, ...]


@dataclass(frozen=True)
class Method:
    """A method that a figure's file names, with its runs over seeds; without any, where it cannot run.

    `calibration` says how its logits become probabilities, where that is not the softmax of its training; `printed`
    are the paper's numbers; `needs` is what it lacks to run.
    """

    label: str
    calibration: str | None
    printed: Mapping[str, float | None]
    needs: str | None
    runs: Sequence[RunFiles]


@dataclass(frozen=True)
class Methods:
    """What a file of `config/figures` asks for: its content, its methods in order, and each of their runs once."""

    definition: Mapping[str, Any]
    methods: Sequence[Method]
    runs: Sequence[RunFiles]
    arrays: str
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
        """The run alone."""
        return [self.files]


@dataclass(frozen=True)
class Stage1:
    """One Stage 1: the label of its method, its seed, and the path of its history."""

    method: str
    seed: int
    history: str


@dataclass(frozen=True)
class Setting:
    """A data set at an imbalance, in words, with a backbone: its subset, the Stage 1s whose networks
    classify, and the losses of its Stage 2s.
    """

    setting: str
    backbone: str
    subset: str
    stage1s: Sequence[Stage1]
    stage2_losses: Sequence[Mapping[str, Any]]
    runs: Sequence[RunFiles] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set: its title, and the path of its subset for each imbalance in words, the least imbalanced first."""

    title: str
    subsets: Mapping[str, str]
    runs: Sequence[RunFiles] = ()


Subject: TypeAlias = Methods | Run | Setting | Dataset


class Configuration(Protocol):
    """What a kind may ask about the configuration before anything runs. `where` names the figure's file in errors."""

    where: str
    evaluation: Mapping[str, Any]

    def method(self, name: str) -> Mapping[str, Any]:
        """The definition of a method; InputError where there is none."""

    def learns_on_cached_features(self, name: str) -> bool:
        """Whether a method has a Stage 2 that changes neither images nor backbone."""

    def variants(
        self, method: str, key: str, values: Sequence[float | str], title: str
    ) -> tuple[float | str | None, list[str]]:
        """The method's own value of a setting, None where it is not among `values`, and a method for each value."""
