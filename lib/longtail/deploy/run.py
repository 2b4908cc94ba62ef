"""A finished run below `results/runs`: its folder and the files that it consists of."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longtail import results
from longtail.evaluate.protocols import PROTOCOLS
from longtail.runtime import files
from longtail.runtime.errors import InputError

Kind = Literal["stage1", "stage2", "post_hoc"]
EXAMPLE = "results/runs/digits/if10/resnet32/mixup/seed0/mislas"
# The files of the network, and those of each kind of method in its own folder.
NETWORK_FILES = ("last.pt", "best.pt", "provenance.json")
OWN_FILES: dict[Kind, tuple[str, ...]] = {
    "stage1": ("metrics.json",),
    "stage2": ("metrics.json", "last.pt", "best.pt", "provenance.json", "logits.npz"),
    "post_hoc": ("metrics.json", "choice.json", "logits.npz"),
}


@dataclass(frozen=True)
class Run:
    """A method's run: `folder` is its own, beside that of its Stage 1; `selection` is `last` or `best`.

    `backbone` is the one that the run's path names; a method may have replaced it (see the settings in `stage1`).
    """

    folder: Path
    selection: str
    kind: Kind
    dataset: str
    imbalance: str
    backbone: str
    stage1_method: str
    seed: int
    method: str

    @property
    def name(self) -> str:
        """The path below `results/runs`."""
        return "/".join(self.folder.parts[-6:])

    @property
    def network(self) -> Path:
        """The folder of the Stage 1."""
        return self.folder.parent / "stage1"

    @property
    def features(self) -> Path:
        """Features and logits of the Stage 1."""
        return self.folder.parent / "features.npz"

    @property
    def logits(self) -> Path:
        """The file with the run's test logits."""
        return self.features if self.kind == "stage1" else self.folder / "logits.npz"

    @property
    def arrays(self) -> Path:
        """The arrays of the data set."""
        return self._result(results.arrays(self.dataset))

    @property
    def subset(self) -> Path:
        """The long-tailed subset."""
        return self._result(results.subset(self.dataset, self.imbalance))

    def _result(self, path: str) -> Path:
        return self.folder.parents[6] / Path(path).relative_to(results.RESULTS)

    def records(self) -> dict[str, Any]:
        """The provenance of the trainings: `stage1`, and `stage2` if the method trains one."""
        paths = {"stage1": self.network / "provenance.json"}
        if self.kind == "stage2":
            paths["stage2"] = self.folder / "provenance.json"
        return {stage: files.read_json(path, "settings", "commit") for stage, path in paths.items()}


def find(folder: Path | str, selection: str) -> Run:
    """The run whose method has this folder.

    Raises InputError if the folder is missing, is not that of a run, or belongs to a run that has not finished.
    """
    named, folder = folder, Path(folder).resolve()
    if not folder.is_dir():
        raise InputError(f"there is no folder {named}: name that of a run, such as {EXAMPLE}")
    if selection not in PROTOCOLS:
        raise InputError(f"there is no selection '{selection}': choose one of {', '.join(PROTOCOLS)}")
    seed_folder = folder if _seed(folder.name) is not None else folder.parent
    seed = _seed(seed_folder.name)
    if seed is None or len(folder.parts) < 8:
        raise InputError(f"{named} is not the folder of a run: name one such as {EXAMPLE}")
    if folder == seed_folder or folder.name == "stage1":
        methods = sorted(path.parent.name for path in seed_folder.glob("*/metrics.json"))
        remedy = f"name one of {', '.join(methods)} in {seed_folder}" if methods else "none of them has finished"
        raise InputError(f"{named} is not the folder of a single method: {remedy}")
    dataset, imbalance, backbone, stage1, _, method = folder.parts[-6:]
    kind = _kind(folder, stage1 == method)
    run = Run(folder, selection, kind, dataset, imbalance, backbone, stage1, seed, method)
    needed = [folder / name for name in OWN_FILES[kind]] + [run.network / name for name in NETWORK_FILES]
    for path in [*needed, run.features, run.arrays, run.subset]:
        if not path.is_file():
            raise InputError(
                f"{named} is not a finished run, since there is no {path}: finish it with snakemake first"
            )
    return run


def _seed(name: str) -> int | None:
    found = re.fullmatch(r"seed(\d+)", name)
    return int(found[1]) if found else None


def _kind(folder: Path, is_stage1: bool) -> Kind:
    if is_stage1:
        return "stage1"
    return "post_hoc" if (folder / "choice.json").is_file() else "stage2"
