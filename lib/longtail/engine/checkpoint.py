"""Checkpoints: only tensors and plain values, written completely or not at all, and read without unpickling code."""

import io
from pathlib import Path
from typing import Any

import torch

from longtail.runtime import files
from longtail.runtime.errors import InputError


def save(path: Path | str, state: Any) -> None:
    """Write a state; equal states give equal bytes (the archive inside carries no file name)."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with files.whole(path) as handle:
        handle.write(buffer.getbuffer())


def load(path: Path | str) -> Any:
    """Read a state onto the CPU; raises InputError if the file is damaged or holds anything but plain values."""
    try:
        files.check_archive(path)  # torch.load does not check the checksums
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes may raise any exception
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is not a whole checkpoint ({reason}): delete it and run again") from error
