from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from tests.report import readers

from longtail.report.ranking import drawings, files, numbers, page
from longtail.report.ranking.ranked import Ranked

Make = Callable[..., Ranked]
ORIGIN = ["Seeds: 0, 1."]
NEEDS = [{"label": "M2m", "method": "m2m", "calibration": None, "needs": "a form of mixing for titles", "runs": []}]
FIGURES = dict.fromkeys(("intervals", "front", "classes", "reliability"), "<?xml?><svg width='1pt'></svg>")


def plain(found: Ranked, origin: list[str]) -> str:
    """The page for GitHub without its image and what is bold on purpose; in a text, both are escaped."""
    return (
        page.markdown(found, "pets.png", origin).replace("**", "").replace("![Intervals by criterion](pets.png)", "")
    )


def test_the_ranking_has_each_method_and_says_what_another_lacks(make: Make) -> None:
    found = make([3.0, 1.0], more=NEEDS, changes={"m1": {"calibration": "each logit by a sigmoid"}})

    cells = readers.markdown(plain(found, ORIGIN))

    assert {"M0", "M1"} <= set(cells)
    assert "M2m is not ranked: it needs a form of mixing for titles." in cells
    assert "† M1: each logit by a sigmoid." in cells
    daggers = [cell for cell in cells if cell.endswith("]†")]
    assert len(daggers) == 2  # ECE and NLL
    assert "Pets, natural imbalance" in cells


def test_classes_are_named_from_most_to_fewest_training_images(make: Make) -> None:
    found = make([3.0, 1.0], train=(6, 120, 300, 40))

    text = page.markdown(found, "pets.png", ORIGIN)

    section = text.split("## Accuracy of each class")[1].split("\n## ")[0]
    rows = [line.split(" | ")[:3] for line in section.splitlines() if line.startswith("| ")][2:]
    assert rows == [["| owl", "300", "8"], ["| dog", "120", "12"], ["| newt", "40", "6"], ["| cat", "6", "12"]]


def test_numbers_as_csv_are_those_of_the_standings(make: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    found = make([3.0, 1.0], more=NEEDS)
    path = tmp_path_factory.mktemp("csv") / "numbers.csv"
    path.write_text(numbers.criteria(found))

    read = pd.read_csv(path)

    lines = read.set_index(["criterion", "method"])
    accuracy = found.standings["top1"]
    other = lines.loc[("top1", "m1")]
    assert other["value"] == pytest.approx(100 * accuracy.estimates[1].value, abs=1e-6)
    assert other["difference"] == pytest.approx(-100 * accuracy.comparisons[0, 1].difference, abs=1e-6)
    assert (other["rank"], other["first"], other["n"], other["seeds"]) == (2, "m0", 2, "0 1")
    assert pd.isna(lines.loc[("top1", "m0")]["difference"])
    assert read.iloc[-1][["label", "needs", "n"]].tolist() == ["M2m", "a form of mixing for titles", 0]
    path.write_text(numbers.classes(found))
    classes = pd.read_csv(path)
    assert classes[classes["method"] == "m0"]["class"].tolist() == ["cat", "dog", "owl", "newt"]
    assert classes["group"].tolist()[::2] == ["Many (> 100)", "Many (> 100)", "Medium (20–100)", "Few (< 20)"]


@pytest.fixture
def pair(make: Make) -> Ranked:
    """Two methods of which the first is better at all."""
    return make([3.0, -3.0])


@readers.every_text(5)
def test_every_text_is_shown(pair: Ranked, text: str) -> None:
    first, second = pair.methods
    found = replace(
        pair,
        table={**pair.table, "title": text, "note": text, "setting": text},
        methods=[replace(first, label=text), replace(second, calibration=text)],
        classes=(text, "dog", "owl", "newt"),
    )
    origin = [text]

    for cells in (
        readers.markdown(plain(found, origin)),
        readers.html(page.webpage(found, FIGURES, origin)),
    ):
        assert {f"Which method? {text}", text, f"† M1: {text.rstrip('.')}."} <= set(cells)
        assert any(cell.startswith(f"{text} is first by accuracy") for cell in cells)


@pytest.mark.parametrize(
    "case",
    [
        {"skills": [3.0, 1.0], "sizes": (40, 12), "train": (300, 30), "classes": ("cat", "dog"), "seeds": [0]},
        {"skills": [3.0, 1.0, 2.0], "sizes": (1, 1, 1, 1)},
        {"skills": [3.0], "sizes": (12, 0, 3, 1)},
        {"skills": [40.0, 40.0], "train": (50, 50, 50, 50)},
    ],
    ids=["two classes and one seed", "an image a class", "one method, and a class without images", "all right"],
)
def test_all_files_are_written_whatever_the_data(make: Make, tmp_path_factory: pytest.TempPathFactory, case) -> None:
    folder = tmp_path_factory.mktemp("pages")
    found = make(**case)
    output = SimpleNamespace(
        **{name: str(folder / f"pets.{name}") for name in ("html", "md", "csv", "classes", "svg", "png")}
    )

    files.write(found, ORIGIN, output)

    assert len(list(folder.iterdir())) == 6
    text = (folder / "pets.html").read_text()
    assert text.count("<svg role='img'") == (3 if len(case["skills"]) == 1 else 4)
    assert "nan" not in text.replace("finance", "").split("<figure>")[0]


def test_odd_and_many_names_of_classes_are_drawn(make: Make) -> None:
    names = tuple(f"{text[:30]} {number}" for number, text in enumerate(readers.NASTY[:4]))

    figure = drawings.classes(make([3.0, 1.0], classes=names))

    assert len(figure.axes[1].get_xticklabels()) == 4
