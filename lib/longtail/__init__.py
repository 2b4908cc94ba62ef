"""Long-tailed recognition: data, two-stage training, calibration and reports (MiSLAS and LADC reproduced)."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """`load`, which reads a model that `longtail export` has written; torch is imported only when it is used."""
    if name == "load":
        return importlib.import_module("longtail.deploy.model").load
    raise AttributeError(f"module 'longtail' has no attribute '{name}'")
