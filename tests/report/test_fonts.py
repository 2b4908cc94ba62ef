import logging
import warnings
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from longtail.report import fonts, style

NOWHERE = "\U0010fffd"  # for private use: no font of matplotlib has it


def texts(*words: str) -> list[Text]:
    with style.theme():
        figure = Figure()
        return [figure.text(0, 0, word) for word in words]


def test_texts_in_the_fonts_of_the_house_style_are_left_alone() -> None:
    given = texts(
        "plain", "τ-norm ± 1 – שלום", "a\N{ZERO WIDTH JOINER}b\N{VARIATION SELECTOR-16}\N{IDEOGRAPHIC SPACE}"
    )
    assert fonts.complete(given) == (False, "")
    assert {tuple(text.get_fontfamily()) for text in given} == {("DejaVu Sans",)}


def test_another_font_of_the_machine_has_what_is_lacking() -> None:
    (character, *_) = sorted(fonts._characters("STIXGeneral") - fonts._characters("DejaVu Sans"))
    plain, lacking = texts("plain", f"a{character}")

    assert fonts.complete([plain, lacking]) == (True, "")

    assert plain.get_fontfamily() == ["DejaVu Sans"]
    own, other = lacking.get_fontfamily()
    assert own == "DejaVu Sans"
    assert character in fonts._characters(other)


def test_characters_that_no_font_has_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (title,) = texts(f"a{NOWHERE}b")
    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        style.save(title.figure, tmp_path / "a.svg", tmp_path / "a.png", "Small print.")

    assert f"no font on this machine has {NOWHERE}: install one that does" in caplog.text
    assert "<!-- Small print. Boxes stand for characters that no font here has: U+10FFFD. -->" in " ".join(
        (tmp_path / "a.svg").read_text().split()
    )
