"""Models for titles, with the vocabulary that their data were numbered by."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small import COMPUTE

from longtail.data.sources import made_titles
from longtail.deploy import gather
from longtail.deploy.card import Calibration, Card, Inputs
from longtail.deploy.model import Model
from longtail.engine import forms
from longtail.models import network
from longtail.runtime.errors import InputError
from longtail.settings.part import Part

BACKBONES = ["textcnn", "textrnn", "transformer", "transformer_mixed_heads"]


def model_of(backbone: str) -> tuple[Model, Any]:
    """A network with initial values for made-up titles, and the titles."""
    data = made_titles.read({"titles": {"length": 24, "dimensions": 40}}, None)
    form = forms.of(data, None, torch.device(COMPUTE.device))
    built = network.build(backbone, form.inputs, 8, seed=0)
    inputs = Inputs("titles", length=24, dimensions=40, characters=tuple(data.characters.tolist()))
    nothing: dict[str, Any] = {}
    card = Card(
        *("run", "last", nothing, nothing, tuple(data.classes), inputs, backbone, Part("linear")),
        *(Calibration(1.0, "a test"), nothing, nothing, nothing, nothing),
    )
    return Model(card, built.state_dict()), data


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_text_has_the_logits_of_its_numbers(backbone: str) -> None:
    model, data = model_of(backbone)
    texts = ["".join(data.characters[number] for number in row if number < 26) for row in data.test_titles[:3]]

    with torch.inference_mode():
        torch.testing.assert_close(model(texts), model(torch.from_numpy(data.test_titles[:3])), rtol=0, atol=0)
        torch.testing.assert_close(model(texts[0]), model(texts[:1]), rtol=0, atol=0)


def test_unknown_characters_and_length() -> None:
    model, data = model_of("textcnn")
    known = {character: number for number, character in enumerate(data.characters.tolist())}

    (row,) = model.prepare(" aß ").tolist()

    assert row == [known["a"], known["<UNK>"]] + [known["<PAD>"]] * 22
    assert model.prepare("b" * 99).tolist() == [[known["b"]] * 24]
    with pytest.raises(InputError, match="this model takes titles, and got ndarray: give a text"):
        model.predict(np.zeros((2, 2)))


def test_titles_in_files(tmp_path: Path) -> None:
    text, table = tmp_path / "a.txt", tmp_path / "b.csv"
    text.write_text("first\n\n second\tlabel\n")
    table.write_text('label,Text\nx,third\ny,"over\ntwo lines"\nz,fifth\n')

    found = [(title.path.name, title.line, title.text) for title in gather.titles([text, table])]

    assert found == [
        ("a.txt", 1, "first"),
        ("a.txt", 3, "second"),
        ("b.csv", 2, "third"),
        ("b.csv", 3, "over\ntwo lines"),
        ("b.csv", 5, "fifth"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "title\nx\n", "a.csv, line 1: must name the columns, 'text' once among them"),
        ("a.csv", 'text\n"x\n', "a.csv, line 2: is no row of CSV"),
        ("a.csv", "text\n", "a.csv has no title: write one a line"),
        ("a.txt", "\n", "the file of titles .*a.txt is empty"),
    ],
)
def test_files_without_titles(tmp_path: Path, name: str, content: str, sentence: str) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(InputError, match=sentence):
        gather.titles([tmp_path / name])


def test_a_folder_has_no_titles(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder, and this model takes titles: name \.txt or \.csv files"):
        gather.titles([tmp_path])
