"""Trained weights that a backbone starts from: files of torchvision, timm and this project, matched by name."""

import logging
import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from longtail.runtime import files, parts
from longtail.runtime.errors import InputError
from longtail.runtime.provenance import shown
from longtail.settings.stage1 import Stage1

log = logging.getLogger(__name__)
# The entries in which training scripts keep the state of a network. Averaged weights (EMA) come first, since these
# are the ones that such scripts test.
ENTRIES = ("state_dict_ema", "model_ema", "state_dict", "model")
# What DataParallel, torch.compile and Lightning put before the names of a network.
WRAPPERS = re.compile(r"((module|_orig_mod|model)\.)+")
# In a network of this project, the names of the backbone begin with this.
BACKBONE = "backbone."
HEADS = ("classifier", "fc", "head")
# Batch norm's count of batches, which older files lack and which nothing here reads.
COUNT = "num_batches_tracked"
# The share of the backbone's tensors that a file must have, and of the file's tensors that the backbone must have.
LEAST = 0.9
VOCABULARY = "of the characters of its own data"


class Weights:
    """The tensors of a file by their names in a plain network, without those of its head.

    `report` says what was loaded once a backbone has been filled. Raises InputError for a file that is missing,
    damaged, or no state of a network.
    """

    def __init__(self, path: Path | str, where: str) -> None:
        self.source = shown(Path(path))
        self.where = where
        self.report: dict[str, Any] = {}
        try:
            state = _plain(_stored(Path(path)))
            self.sha256 = files.sha256(path)
        except Exception as error:  # damaged bytes may raise any exception
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"{where}: cannot read the weights {path} ({reason}): give a whole state dict (.pth, .pt or "
                ".safetensors) or a run of this project"
            ) from error
        self.is_ours = any(name.startswith(BACKBONE) for name in state)
        self.head = [name for name in state if self._is_head(name)]
        self.tensors = {name.removeprefix(BACKBONE): state[name] for name in state if name not in self.head}

    def _is_head(self, name: str) -> bool:
        return not name.startswith(BACKBONE) if self.is_ours else name.split(".")[0] in HEADS

    def fill(self, backbone: nn.Module, name: str) -> None:
        """Give the backbone `name` of `models/` all tensors that fit, with its statistics of batch norm.

        Logs and reports what was loaded and what was not. Raises InputError for weights of another architecture.
        """
        backbone.load_state_dict(self.fitting(backbone, name), strict=False)
        log.info("starts from %s: %d of %d tensors", self.source, self.report["loaded"], self.report["tensors"])
        _log("left out", self.report["left_out"])
        _log("as drawn", self.report["as_drawn"])

    def fitting(self, backbone: nn.Module, name: str) -> dict[str, Tensor]:
        """The tensors that fit a backbone, by their names there; the rest is in the report.

        Raises InputError for weights of another architecture.
        """
        own, starts_as = backbone.state_dict(), parts.literal("models", name, "STARTS_AS", {})
        loaded: dict[str, Tensor] = {}
        used, as_drawn = set(), {}
        for key, value in own.items():
            other = key if key in self.tensors else _renamed(key, starts_as)
            if key in _of_vocabulary(backbone):
                as_drawn[key] = VOCABULARY
            elif other not in self.tensors:
                as_drawn[key] = "not in the file"
            elif (theirs := self.tensors[other].shape) != value.shape:
                as_drawn[key] = f"{list(theirs)} in the file and {list(value.shape)} here"
            else:
                loaded[key] = self.tensors[other]
            used.add(other)
        left_out = dict.fromkeys(self.head, "the head, which is new")
        left_out |= {key: f"{name} has no such tensor" for key in self.tensors if key not in used}
        as_drawn, left_out = _without_counts(as_drawn), _without_counts(left_out)
        self._check(name, own, as_drawn, left_out)
        counts = {"loaded": len(_without_counts(loaded)), "tensors": len(_without_counts(own))}
        origin = {"source": self.source, "sha256": self.sha256}
        self.report = {**origin, **counts, "left_out": left_out, "as_drawn": as_drawn}
        return loaded

    def _check(self, name: str, own: dict[str, Tensor], as_drawn: dict[str, str], left_out: dict[str, str]) -> None:
        """Raises InputError if too little of the backbone is in the file, or of the file in the backbone."""
        absent = {key: why for key, why in as_drawn.items() if why != VOCABULARY}
        unknown = [key for key in left_out if key not in self.head]
        wanted, theirs = len(_without_counts(own)), len(_without_counts(self.tensors))
        if len(absent) <= (1 - LEAST) * wanted and len(unknown) <= (1 - LEAST) * theirs:
            return
        example = [*(f"'{key}' is {why}" for key, why in absent.items()), *(f"'{key}'" for key in unknown)][0]
        raise InputError(
            f"{self.where}: the weights {self.source} are of another architecture than {name}: {len(absent)} of its "
            f"{wanted} tensors are not there, and {len(unknown)} of the file's {theirs} are not in it ({example}): "
            "name the backbone that they were trained with, or other weights"
        )


def of_job(snakemake: Any, settings: Stage1) -> Weights | None:
    """The weights that a Stage 1 starts from, if any; `snakemake` is the object in its script.

    Raises InputError if they are not those of the settings any more.
    """
    if settings.weights is None:
        return None
    name = snakemake.wildcards.backbone
    # Weights that were downloaded are an input; a file of this machine is not.
    path = next(iter(snakemake.input.weights), snakemake.config["weights"][name])
    where = f"backbone '{name}', key 'weights'"
    weights = Weights(path, where)
    if not weights.sha256.startswith(settings.weights):
        raise InputError(
            f"{where}: {path} has sha256 {weights.sha256}, not {settings.weights}: it has changed since Snakemake "
            "started; start it again"
        )
    return weights


def _stored(path: Path) -> Any:
    """What a file holds, read without running code that it contains."""
    files.require_regular(path)
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    if zipfile.is_zipfile(path):
        files.check_archive(path)  # torch.load does not check the checksums
    return torch.load(path, map_location="cpu", weights_only=True)


def _plain(stored: Any) -> dict[str, Tensor]:
    """The tensors of a network by name, without the entry and the wrappers that they may be in."""
    while isinstance(stored, Mapping) and (entry := next((key for key in ENTRIES if _is_in(stored, key)), None)):
        log.info("the weights are those of its entry %s", entry)
        stored = stored[entry]
    if not isinstance(stored, Mapping):
        raise ValueError("it holds no state dict")
    tensors = {
        WRAPPERS.sub("", name, count=1) if WRAPPERS.match(name) else name: value
        for name, value in stored.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }
    if not tensors:
        raise ValueError("it holds no tensors by name")
    return tensors


def _is_in(stored: Mapping[Any, Any], entry: str) -> bool:
    return isinstance(stored.get(entry), Mapping)


def _renamed(key: str, starts_as: Mapping[str, str]) -> str:
    """The name of a tensor in the weights of the network that a backbone is made of."""
    for module, other in starts_as.items():
        if key.startswith(f"{module}."):
            return other + key.removeprefix(module)
    return key


def _of_vocabulary(backbone: nn.Module) -> set[str]:
    """The vectors of characters, whose rows mean other characters in other data."""
    return {f"{name}.weight" for name, module in backbone.named_modules() if isinstance(module, nn.Embedding)}


def _without_counts(named: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in named.items() if not key.endswith(COUNT)}


def _log(what: str, reasons: dict[str, str]) -> None:
    """One line for each reason, with the tensors that it holds for."""
    by_reason = defaultdict(list)
    for key, why in reasons.items():
        by_reason[why].append(key)
    for why, keys in by_reason.items():
        log.info("%s: %s (%s)", what, ", ".join(keys), why)
