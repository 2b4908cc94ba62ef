"""A Stage 1 as another machine leaves it, in a folder of one's own."""

import json
from pathlib import Path
from typing import Any

import torch

from longtail.engine import checkpoint

SEEN = {"train": "7a" * 32, "test": "7e" * 32}
MACHINE = {
    "code": "c0de00000000",
    "commit": "abc123",
    "versions": {"python": "3.11.7", "torch": "2.15.0"},
    "processor": "Far Processor, 64 cores",
    "accelerator": "Far GPU",
    "precision": "bfloat16",
    "images": 1000,
    "seconds": 60.0,
}


def trained(folder: Path, settings: dict[str, Any], **changes: Any) -> Path:
    """Write the four files of a finished Stage 1, its record with `changes`; a change to None removes a key."""
    folder.mkdir(parents=True)
    checkpoint.save(folder / "last.pt", {"weight": torch.ones(3)})
    checkpoint.save(folder / "best.pt", {"weight": torch.full((3,), 2.0)})
    (folder / "history.csv").write_text("epoch,learning_rate,loss,test_top1\n1,0.1,2.5,0.5\n")
    record = {"settings": settings, "images_seen": SEEN} | MACHINE | changes
    (folder / "provenance.json").write_text(json.dumps({k: v for k, v in record.items() if v is not None}))
    return folder
