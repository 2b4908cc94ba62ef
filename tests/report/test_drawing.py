import json
from pathlib import Path

from longtail.report import drawing

RECORD = {
    "commit": "abc",
    "versions": {"torch": "2.9"},
    "accelerator": None,
    "processor": "CPU",
    "precision": "float32",
}
BINS = {"edges": [0, 0.5, 1], "count": [1, 3], "accuracy": [0.5, 0.7], "confidence": [0.4, 0.9]}


def stored(path: Path, content: object) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def test_a_figure_without_methods_is_drawn_from_its_files(tmp_path: Path) -> None:
    inputs = {
        "subsets": [stored(tmp_path / "subset.json", {"counts": [30, 10, 3]})],
        "classes": stored(tmp_path / "classes.json", {"names": ["cat", "dog", "owl"]}),
    }
    outputs = {form: str(tmp_path / f"a.{form}") for form in ("svg", "png")}

    drawing.draw("class_counts", {"title": "Toys", "series": ["factor 10"], "examples": "images"}, inputs, outputs)

    assert all(Path(path).stat().st_size > 1000 for path in outputs.values())


def test_a_kind_with_two_drawings_saves_both_with_small_print(tmp_path: Path) -> None:
    run = stored(tmp_path / "metrics.json", {"last": {"top1": 0.7, "ece": 0.1, "signed_gap": 0.1, "bins": BINS}})
    inputs = {"metrics": [run], "provenance": [stored(tmp_path / "provenance.json", RECORD)]}
    panel = {"label": "CE", "runs": [run], "printed": {}, "calibration": None, "needs": None}
    layout = {"title": "Toys", "source": "", "seeds": [0], "bins": None, "panels": [panel]}
    names = {f"{form}_{ending}": f"{form}.{ending}" for form in ("panels", "overlay") for ending in ("svg", "png")}
    sizes = []

    for records in (inputs["provenance"], []):
        folder = tmp_path / f"{len(records)}"
        folder.mkdir()
        outputs = {name: str(folder / file) for name, file in names.items()}
        drawing.draw("comparison", layout, inputs | {"provenance": records}, outputs)
        sizes.append([Path(path).stat().st_size for path in outputs.values()])

    with_records, without = sizes
    assert all(size > other for size, other in zip(with_records, without, strict=True))
