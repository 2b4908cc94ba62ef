"""Every kind of method and data through the real workflow: the exported model predicts what the run predicted."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.workflow.command import snakemake

import longtail
from longtail.__main__ import main
from longtail.data import arrays
from longtail.data.sources import digits
from longtail.engine.objective import INFERENCE_BATCH
from longtail.evaluate import protocols

pytestmark = pytest.mark.slow

SHORT = {"epochs": 2, "schedule": {"warmup": 1, "milestones": []}, "evaluate": {"every": 1, "each_from": 1}}
RECIPES = {"digits-S1": SHORT, "digits-baselines": SHORT | {"defer": 1}, "digits-S2": {"epochs": 1}}
RECIPES |= {"digits-LADC-S2": {"epochs": 1, "schedule": {"warmup": 0, "milestones": []}}}
RECIPES |= {"made-titles": {"epochs": 1}}
DIGITS = ("ce", "crt", "lws", "mislas", "shifted", "ladc", "tde", "bbn", "ldam_drw", "cb_focal", "mcw_ldam")
DIGITS += ("metasaug", "tau_norm", "logit_adjustment", "pc_softmax")
TITLES = ("ce", "lws", "ladc_text")
BACKBONES = ("textcnn", "textrnn", "transformer")
IMAGES = ("ce", "crt")
# A few units in the last place of the largest logit: NumPy adds up in another order than PyTorch.
ULPS = 2e-6


def table(columns: list[dict[str, Any]], methods: tuple[str, ...]) -> dict[str, Any]:
    rows = [{"method": method} for method in methods]
    return {"title": "T", "columns": columns, "rows": rows}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs on digits, on made-up titles, and on photographs in memory and in files."""
    folder = tmp_path_factory.mktemp("export")
    write_photographs(folder / "photographs")
    own = {"title": "Photographs", "kind": "folder", "data_dir": "photographs", "licence": "CC0"}
    own["recipes"] = {"MiSLAS-S1": "digits-S1", "MiSLAS-S2": "digits-S2"}
    crops = {"random_resized_crop": 24, "resize": 28, "center_crop": 24}
    config = {
        "tables": ["digits.yaml", "titles.yaml", "memory.yaml", "files.yaml"],
        "figures": [],
        "seeds": {"runs": [0]},
        "compute": {"device": "cpu", "precision": "float32"},
        "evaluation": {"resamples": 20},
        "recipes": RECIPES,
        "methods": {
            "shifted": {"label": "Shifted", "extends": "mislas", "stage2": {"batch_norm": "shifted"}},
            "tau_norm": {"stage1": "ce"},
        },
        "datasets": {
            "memory": own | {"image_size": 16},
            "files": own | {"streamed": True, "preprocessing": crops},
        },
    }
    column = {"factor": 50, "dataset": "digits", "backbone": "resnet32"}
    tables = {
        "digits": table([column], DIGITS),
        "titles": table([{"dataset": "made_titles", "factor": 20, "backbone": name} for name in BACKBONES], TITLES),
        "memory": table([{"dataset": "memory", "factor": 4, "backbone": "resnet32"}], IMAGES),
        "files": table([{"dataset": "files", "factor": 4, "backbone": "resnet32"}], IMAGES),
    }
    for name, content in (tables | {"mine": config}).items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    code, output = snakemake(folder, "tables", "--configfile", "mine.yaml")
    assert code == 0, output
    return folder


def write_photographs(root: Path) -> None:
    """Digits as colour pictures of several sizes: forty of each of two classes to train on, ten to test on."""
    images = digits.read({}, None)
    for split, pixels, labels, count in (
        ("train", images.train_images, images.train_labels, 40),
        ("test", images.test_images, images.test_labels, 10),
    ):
        for label in range(2):
            (root / split / f"digit {label}").mkdir(parents=True)
            for number in np.flatnonzero(labels == label)[:count]:
                picture = Image.fromarray(pixels[number, :, :, 0]).resize((30 + int(number) % 9, 33))
                picture.convert("RGB").save(root / split / f"digit {label}" / f"{number:04}.png")


def export(folder: Path, run: str, selection: str = "last") -> tuple[Any, Any]:
    """The model of a run, and the run's test logits."""
    target, path = folder / "model.safetensors", folder / "results/runs" / run
    words = ["export", str(path), "--to", str(target), "--selection", selection]
    assert main([*words, "--configfile", str(folder / "mine.yaml")]) == 0
    logits = path / "logits.npz" if (path / "logits.npz").exists() else path.parent / "features.npz"
    torch.set_num_threads(1)
    return longtail.load(target), protocols.load(logits)[selection]


def runs_of(folder: Path, dataset: str) -> list[str]:
    root = folder / "results/runs"
    return sorted(str(path.parent.relative_to(root)) for path in (root / dataset).rglob("metrics.json"))


@pytest.mark.parametrize("selection", protocols.PROTOCOLS)
@pytest.mark.parametrize("dataset", ["digits", "made_titles"])
def test_logits_are_those_of_the_run(made: Path, dataset: str, selection: str) -> None:
    """Bit by bit, but for methods that NumPy computes; probabilities of titles are calibrated on their validation."""
    data: Any = arrays.load(made / f"results/data/{dataset}/arrays.npz")
    examples = torch.from_numpy(data.test_images if dataset == "digits" else data.test_titles)
    names = runs_of(made, dataset)
    assert {name.split("/")[-1] for name in names} == set(DIGITS if dataset == "digits" else TITLES)
    for name in names:
        model, stored = export(made, name, selection)

        with torch.inference_mode():
            logits = torch.cat([model(batch) for batch in examples.split(INFERENCE_BATCH)]).numpy()

        np.testing.assert_allclose(logits, stored, rtol=0, atol=ULPS * np.abs(stored).max(), err_msg=name)
        if not (made / "results/runs" / name / "choice.json").exists():
            assert np.abs(logits - stored).max() <= (0 if dataset == "digits" else ULPS * np.abs(stored).max()), name
        assert (logits.argmax(1) == stored.argmax(1)).mean() > 0.99
        if dataset == "made_titles" and model.card.calibration.examples:
            assert (model.card.calibration.of, model.card.calibration.examples) == ("the validation split", 160)


@pytest.mark.parametrize("dataset", ["memory", "files"])
def test_files_are_decoded_as_those_of_the_run(made: Path, dataset: str) -> None:
    """Each test image, predicted from its file, in the order of the run."""
    for name in runs_of(made, dataset):
        model, stored = export(made, name)
        target = made / "out.csv"

        words = [str(made / "model.safetensors"), str(made / "photographs/test"), "--to", str(target), "--top", "2"]
        assert main(["predict", *words]) == 0

        with target.open() as stream:
            rows = list(csv.DictReader(stream))
        expected = model.probabilities(torch.from_numpy(stored)).amax(1).tolist()
        assert [float(row["probability"]) for row in rows] == pytest.approx(expected, rel=1e-4)
        assert [row["class"] for row in rows] == [model.classes[k] for k in stored.argmax(1)]
        assert model.card.dataset["licence"] == "CC0"
        assert model.card.checked["examples"] == 20
