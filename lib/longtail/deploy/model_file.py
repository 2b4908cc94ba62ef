"""The file of a model: tensors in safetensors, and its card in JSON as the file's metadata. Nothing is unpickled."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from longtail.deploy.card import Card
from longtail.runtime import files
from longtail.runtime.errors import InputError

# The version of this format; another one is refused.
FORMAT = 1
KEY = "longtail"


def save(path: Path | str, card: Card, state: dict[str, Tensor]) -> None:
    """Write a model, completely or not at all; equal models give equal bytes."""
    from safetensors.torch import save as as_bytes

    tensors = {name: value.detach().cpu().contiguous() for name, value in sorted(state.items())}
    text = json.dumps(card.plain(), sort_keys=True, allow_nan=False, ensure_ascii=False)
    about = json.dumps({"format": FORMAT, "sha256": _digest(text, tensors), "card": text})
    with files.whole(path) as handle:
        # A single key, since safetensors writes several in a random order.
        handle.write(as_bytes(tensors, {KEY: about}))


def load(path: Path | str) -> tuple[Card, dict[str, Tensor]]:
    """The card and the tensors of a model.

    Raises InputError if the file is missing, damaged, of another format, or no model of `longtail export`.
    """
    metadata, tensors = _read(path)
    if KEY not in metadata:
        raise InputError(f"{path} holds weights but is not a model that `longtail export` has written: name one")
    about = json.loads(metadata[KEY])
    if about["format"] != FORMAT:
        raise InputError(
            f"{path} has format {about['format']}, and this version reads {FORMAT}: export the run again"
        )
    if about["sha256"] != _digest(about["card"], tensors):
        raise InputError(f"{path} was changed after it was written (its checksum differs): export the run again")
    return Card.parse(about["card"], f"{path}, card"), tensors


def _read(path: Path | str) -> tuple[dict[str, str], dict[str, Tensor]]:
    from safetensors import safe_open

    try:
        files.require_regular(path)
        with safe_open(path, framework="pt") as stored:
            return stored.metadata() or {}, {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"cannot read the model {path} ({error.strerror or error}): correct its path") from error
    except Exception as error:  # damaged bytes may raise any exception
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not a whole model ({reason}): export it again") from error


def _digest(card: str, tensors: dict[str, Any]) -> str:
    hasher = hashlib.sha256(card.encode())
    for name, value in sorted(tensors.items()):
        hasher.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        hasher.update(value.numpy().tobytes())
    return hasher.hexdigest()
