"""The commands `export` and `predict`, as a person calls them."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.deploy.conftest import digits, exported, model_file, seed_folder

import longtail
from longtail.__main__ import main

__all__ = ["digits", "exported", "model_file", "seed_folder"]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def pictures(digits: Any, tmp_path: Path) -> Path:
    """Forty digits in two folders, one that is damaged, a hidden one and a text."""
    folder = tmp_path / "pictures"
    (folder / "inner").mkdir(parents=True)
    for number in range(40):
        Image.fromarray(digits[number]).save(folder / ("inner" if number % 2 else ".") / f"{number:02}.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / ".hidden.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("text")
    return folder


def test_export_writes_a_model_that_loads(seed_folder: Path, tmp_path: Path, capsys: Said) -> None:
    target = tmp_path / "model.safetensors"

    assert main(["export", str(seed_folder / "mislas_shifted"), "--to", str(target), "--selection", "best"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith(f"{target} (1.9 MB)\n")
    assert "Licence of the data: CC BY 4.0 (UCI" in printed
    card = longtail.load(target).card
    assert (card.selection, card.dataset["title"], card.method["label"]) == ("best", "Digits", "mislas_shifted")


def test_a_folder_becomes_csv(model_file: Path, pictures: Path, tmp_path: Path, digits: Any, capsys: Said) -> None:
    """With processes that decode, since there are more than a few."""
    target = tmp_path / "out.csv"

    assert (
        main(["predict", str(model_file), str(pictures), "--to", str(target), "--top", "2", "--batch-size", "7"]) == 0
    )

    with target.open() as stream:
        rows = list(csv.DictReader(stream))
    model = longtail.load(model_file)
    files = [str(pictures / f"{number:02}.png") for number in range(0, 40, 2)]
    files += [str(pictures / "inner" / f"{number:02}.png") for number in range(1, 40, 2)]
    assert [row["file"] for row in rows] == files
    for row in rows:
        expected = model.predict(digits[int(Path(row["file"]).stem)])
        assert (row["class"], row["class_2"]) == (expected.name, expected.top[1][0])
        assert float(row["probability"]) == pytest.approx(expected.probability, rel=1e-5)
        assert row["calibration"] == model.card.calibration.word
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"40 examples predicted, written to {target}. Probabilities are calibrated: softmax(")
    assert "1 other file in the folders left out: no image by name.\n1 file passed over:\n" in said.err
    assert f"  {pictures / 'broken.jpg'} is not a readable image" in said.err


def test_json_lines(model_file: Path, pictures: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"

    assert main(["predict", str(model_file), str(pictures / "00.png"), "--to", str(target), "--top", "99"]) == 0

    (line,) = map(json.loads, target.read_text().splitlines())
    assert line["file"] == str(pictures / "00.png")
    assert line["top"][0] == {"class": line["class"], "probability": line["probability"]}
    assert len(line["top"]) == 10


def test_a_terminal_shows_a_table_and_a_pipe_csv(
    model_file: Path, pictures: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["predict", str(model_file), str(pictures / "00.png"), "--top", "2"]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("file,class,probability,calibration,class_2,probability_2\n")

    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(words) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["example", "class", "next", "best"]
    assert row.startswith(str(pictures / "00.png"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{model}", "{empty}"], "error: {empty} has no picture: name a folder with images, or the files of images"),
        (["{model}", "nowhere"], "error: there is no file or folder nowhere: correct its path"),
        (["{model}", "{pictures}/broken.jpg"], "error: none of 1 file could be read, the first one because: "),
        (
            ["{model}", "{pictures}", "--to", "out.xls"],
            "error: --to is out.xls: give the file a name that",
        ),
        (["{model}", "{pictures}", "--top", "0"], "error: --top is 0: give a number from 1 on"),
        (["{pictures}/notes.txt", "{pictures}"], "error: {pictures}/notes.txt is not a whole model ("),
        (["{model}"], "error: the following arguments are required: INPUT"),
    ],
)
def test_mistakes_are_one_sentence(
    model_file: Path, pictures: Path, tmp_path: Path, capsys: Said, words: list[str], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"model": model_file, "pictures": pictures, "empty": tmp_path / "empty"}

    assert main(["predict", *(word.format(**places) for word in words)]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(sentence.format(**places))
    assert said.err.count("\n") == 1


def test_nothing_is_written_where_nothing_could_be_read(model_file: Path, pictures: Path, tmp_path: Path) -> None:
    words = ["predict", str(model_file), str(pictures / "broken.jpg"), "--to", str(tmp_path / "out/out.csv")]

    assert main(words) == 1

    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("target", ["model.pt", "model"])
def test_export_names_its_files_by_what_they_are(seed_folder: Path, capsys: Said, target: str) -> None:
    assert main(["export", str(seed_folder / "ce"), "--to", target]) == 1

    assert capsys.readouterr().err == f"error: --to is {target}: give the file a name that ends in .safetensors\n"
