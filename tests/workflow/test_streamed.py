"""A data set in files through the whole graph, by the real command: lists, loaders, large backbone, shifted norms."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.workflow.command import jobs, sha256, snakemake

from longtail.data.sources import digits

CONFIG = {
    "tables": ["table.yaml"],
    "figures": [],
    "seeds": {"runs": [0]},
    "compute": {"device": "cpu", "workers": 1},
    "evaluation": {"resamples": 20},
    "datasets": {
        "listed": {
            "title": "Listed digits",
            "kind": "image_list",
            "data_dir": "images",
            "train_list": "train.txt",
            "test_list": "test.txt",
            "preprocessing": {
                "random_resized_crop": 32,
                "resize": 36,
                "center_crop": 32,
                "color_jitter": [0.4, 0.4, 0.4, 0],
            },
        }
    },
    "methods": {"mislas": {"stage2": {"batch_norm": "shifted"}}},
    "recipes": {
        "MiSLAS-S1": {"epochs": 1, "batch_size": 16, "evaluate": {"every": 1, "each_from": 1}},
        "MiSLAS-S2": {"epochs": 1, "batch_size": 16},
    },
}
TABLE = {
    "title": "Listed digits",
    "columns": [{"dataset": "listed", "factor": "natural", "backbone": "resnet10"}],
    "rows": [{"method": "mixup"}, {"method": "mislas"}],
}


def write(directory: Path) -> None:
    """Forty training and twelve test images of three digits, in several sizes, with their lists."""
    arrays = digits.read({}, None)
    for split, images, labels, counts in (
        ("train", arrays.train_images, arrays.train_labels, (20, 14, 6)),
        ("test", arrays.test_images, arrays.test_labels, (4, 4, 4)),
    ):
        (directory / "images" / split).mkdir(parents=True)
        lines = []
        for label, count in enumerate(counts):
            for number in np.flatnonzero(labels == label)[:count]:
                name = f"{split}/{number}.png"
                side = 40 + int(number) % 7
                Image.fromarray(images[number, :, :, 0]).resize((side, side + 5)).save(directory / "images" / name)
                lines.append(f"{name} {label}\n")
        (directory / f"{split}.txt").write_text("".join(lines))
    (directory / "table.yaml").write_text(yaml.safe_dump(TABLE))
    (directory / "own.yaml").write_text(yaml.safe_dump(CONFIG))


@pytest.mark.slow
def test_lists_lead_to_a_table(tmp_path: Path) -> None:
    write(tmp_path)

    code, output = snakemake(tmp_path, "tables", "--configfile", "own.yaml")

    assert code == 0, output
    runs = tmp_path / "results/runs/listed/natural/resnet10/mixup/seed0"
    for method in ("mixup", "mislas"):
        metrics = json.loads((runs / method / "metrics.json").read_text())
        assert 0 <= metrics["last"]["top1"] <= 1
    record = json.loads((runs / "stage1" / "provenance.json").read_text())
    assert record["images"] == 40
    assert "Listed digits" in (tmp_path / "results/tables/table.md").read_text()

    # The images move, and nothing is made again; what is made from then on finds them.
    (tmp_path / "images").rename(tmp_path / "moved")
    moved = CONFIG["datasets"]["listed"] | {"data_dir": "moved/"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(CONFIG | {"datasets": {"listed": moved}}))
    code, output = snakemake(tmp_path, "tables", "--configfile", "own.yaml", "--dry-run")
    assert (code, jobs(output)) == (0, {}), output
    features = sha256(runs / "features.npz")
    (runs / "features.npz").unlink()
    code, output = snakemake(tmp_path, str(runs.relative_to(tmp_path) / "features.npz"), "--configfile", "own.yaml")
    assert (code, jobs(output)) == (0, {"extract_features": 1}), output
    assert sha256(runs / "features.npz") == features

    # A file that cannot be decoded is found when it is needed, named, and tried no second time.
    broken = tmp_path / "moved" / (tmp_path / "train.txt").read_text().split()[0]
    broken.write_bytes(b"no image")
    code, output = snakemake(tmp_path, "stage1", "--configfile", "own.yaml", "--forcerun", "train_stage1")
    assert code != 0
    assert f"{broken.relative_to(tmp_path)} is not a readable image" in output
    assert "Traceback" not in output.split("Logfile results/logs")[1]
    assert "Trying to restart" not in output
