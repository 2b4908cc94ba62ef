"""Writes a model in ONNX, and checks that it computes what the module computes."""

import importlib
import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.deploy.examples import Pictures
from longtail.deploy.model import Model
from longtail.runtime import files
from longtail.runtime.errors import InputError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INPUT, OUTPUTS, BATCH = "examples", ("logits", "probabilities"), "batch"
# Examples that are compared, and by how much of the largest logit they may differ: sums have another order there.
COMPARED, TOLERANCE = 3, 1e-4


class _Whole(nn.Module):
    """Logits and probabilities of uint8 pixels [B, H, W, C] or of numbers [B, L], as one graph."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.normalise = model.normalise
        self.network = model.network
        self.temperature = model.card.calibration.temperature

    def forward(self, examples: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.network(self.normalise(examples))
        return logits, torch.softmax(logits / self.temperature, dim=1)


def save(path: Path, model: Model) -> str:
    """Write the model; a sentence that says what was compared.

    Raises InputError if a package is missing, or if ONNX Runtime computes other logits than the module.
    """
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"--onnx needs the package {missing[0]}, which is not installed: run `make setup EXTRA=onnx`, or pip "
            f"install {' '.join(PACKAGES)}"
        )
    examples = _examples(model)
    with torch.inference_mode():
        expected, _ = _Whole(model)(examples)
    content = _graph(model, examples)
    runtime: Any = importlib.import_module("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    # One example fewer than the graph was made with: its batch may have any size.
    logits, _ = session.run(list(OUTPUTS), {INPUT: examples[:-1].numpy()})
    furthest = float(np.abs(logits - expected[:-1].numpy()).max())
    if not furthest <= TOLERANCE * float(expected.abs().max()):
        raise InputError(
            f"{path} was not written, since ONNX Runtime's logits differ by up to {furthest:.3g}: leave --onnx out"
        )
    with files.whole(path) as handle:
        handle.write(content)
    return f"{path} ({len(content) / 1e6:.1f} MB); ONNX Runtime's logits differ by {furthest:.1g} at most"


def _examples(model: Model) -> Tensor:
    """Random examples, always the same."""
    generator, kind = torch.Generator().manual_seed(0), model.kind
    if isinstance(kind, Pictures):
        return torch.randint(256, (COMPARED, *kind.shape), dtype=torch.uint8, generator=generator)
    size = (COMPARED, kind.inputs.length)
    return torch.randint(len(kind.inputs.characters), size, dtype=torch.int32, generator=generator)


def _graph(model: Model, examples: Tensor) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the insides of the exporter; what it makes is checked
        program = torch.onnx.export(
            _Whole(model).eval(),
            (examples,),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes={INPUT: {0: torch.export.Dim(BATCH)}},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = "card", json.dumps(model.card.plain(), sort_keys=True, ensure_ascii=False)
    content: bytes = proto.SerializeToString()
    return content
