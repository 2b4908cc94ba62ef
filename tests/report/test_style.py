import re
from pathlib import Path

import matplotlib as mpl
import pytest
import seaborn
from matplotlib.figure import Figure

from longtail.report import style
from longtail.runtime.errors import InputError

MISLAS = ("CE", "mixup", "cRT", "LWS", "cRT+mixup", "LWS+mixup", "MiSLAS")


def drawing(title: str = "one") -> Figure:
    with style.theme():
        figure = Figure(figsize=(2, 2), layout="constrained")
        ax = figure.subplots()
        ax.bar([1, 2], [3, 1], hatch="//", clip_on=True)
        ax.set_title(title)
    return figure


def test_a_method_looks_the_same_in_any_company() -> None:
    together = style.looks(MISLAS)
    assert {label: style.looks([label])[label] for label in MISLAS} == together
    assert style.looks([*reversed(MISLAS), "my own run", "LDAM"])["MiSLAS"] == together["MiSLAS"]


def test_methods_of_one_slide_have_a_colour_each() -> None:
    for slide in (MISLAS, ("TDE", "BSCE", "PC Softmax", "LADE")):
        assert len({look.color for look in style.looks(slide).values()}) == len(slide)


def test_no_two_methods_share_a_look() -> None:
    looks = style.looks(style._METHODS)
    assert len(set(looks.values())) == len(style._METHODS)


def test_spellings_of_one_method_agree() -> None:
    looks = style.looks(["cRT+mixup", "cRT + mixup", "crt_mixup"])
    assert len(set(looks.values())) == 1


def test_other_labels_take_free_colours_whatever_their_order() -> None:
    labels = ["CE", "LWS+mixup", *(f"run {i}" for i in range(7))]
    looks = style.looks(labels)
    assert len({look.color for look in looks.values()}) == 9
    assert style.looks(reversed(labels)) == looks


def test_more_labels_than_colours_still_differ() -> None:
    labels = [*style._METHODS, *(f"run {i}" for i in range(27))]
    assert len(set(style.looks(labels).values())) == len(labels)


def test_shades_are_distinct() -> None:
    assert len(set(style.shades(4))) == 4


def test_theme_leaves_no_trace() -> None:
    before = dict(mpl.rcParams)
    with style.theme():
        assert mpl.rcParams["svg.hashsalt"] == "longtail"
    assert dict(mpl.rcParams) == before


def test_long_title_is_broken_into_lines_that_fit() -> None:
    title = style.broken("Reliability on CIFAR-10-LT, imbalance factor 100, from a folder of JPEG files", 3.5)
    with style.theme():
        figure = Figure(figsize=(3.5, 3))
        heading = figure.suptitle(title)
        figure.draw_without_rendering()
        extent = heading.get_window_extent()
    assert title.count("\n") == 2
    assert figure.bbox.x0 <= extent.x0
    assert extent.x1 <= figure.bbox.x1


def test_dollar_signs_are_drawn_as_they_are(tmp_path: Path) -> None:
    def glyphs(text: str) -> list[str]:
        with style.theme():
            figure = Figure(figsize=(2, 1))
            figure.text(0.1, 0.5, text)
        style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
        return re.findall(r'href="#(DejaVu[^"]+)"', (tmp_path / "a.svg").read_text())

    for text in ("a$b$c", "Ba$$in", "Coins$1_&$2", r"\$x^2$"):
        assert glyphs(text) == [glyph for letter in text for glyph in glyphs(letter)]
        assert len(glyphs(text)) == len(text)


def test_wide_letters_take_the_room_of_two() -> None:
    assert style.fitted("ab cd ef", 5) == "ab cd\nef"
    assert style.fitted("长尾识别 ab", 4) == "长尾\n识别\nab"
    assert style.fitted("x" * 7, 3) == "xxx\nxxx\nx"


def test_long_names_lose_their_middle_and_stay_apart() -> None:
    assert style.shortened(["cat", "airplane"], 8) == ["cat", "airplane"]
    assert style.shortened(["cat", "airplanes"], 8) == ["cat", "air…anes"]
    assert style.shortened(["长尾识别标签平滑"], 9) == ["长尾…平滑"]
    assert style.shortened(["bird of type a1 from", "bird of type b2 from"], 11) == ["0 bird … from", "1 bird … from"]


def test_what_xml_may_not_hold_is_a_question_mark() -> None:
    assert style.shortened(["a\x07\udce9\nb", "\ufffe"], 30) == ["a\ufffd\ufffd\ufffdb", "\ufffd"]


def test_saving_gives_the_same_bytes_whatever_the_settings_of_the_reader(tmp_path: Path) -> None:
    style.save(drawing(), tmp_path / "a.svg", tmp_path / "a.png")
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "savefig.dpi": 30, "axes.grid": False}):
        style.save(drawing(), tmp_path / "b.svg", tmp_path / "b.png")
    style.save(drawing("two"), tmp_path / "c.svg", tmp_path / "c.png")
    for kind in ("svg", "png"):
        first, again, other = ((tmp_path / f"{name}.{kind}").read_bytes() for name in "abc")
        assert first == again
        assert first != other


def test_saving_one_figure_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    figure = drawing()
    for name in "ab":
        style.save(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_png_has_160_dots_per_inch(tmp_path: Path) -> None:
    style.save(drawing(), tmp_path / "a.svg", tmp_path / "a.png")
    header = (tmp_path / "a.png").read_bytes()[16:24]
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:])) == (320, 320)


@pytest.mark.parametrize("blocked", ["a.svg", "a.png"])
def test_neither_file_is_left_when_one_cannot_be_written(tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).mkdir()
    with pytest.raises(InputError, match=blocked):
        style.save(drawing(), tmp_path / "a.svg", tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == [blocked]


def test_neither_file_is_left_when_drawing_fails(tmp_path: Path) -> None:
    figure = drawing()
    figure.text(0, 0, r"$\frac$", parse_math=True)
    with pytest.raises(ValueError, match="frac"):
        style.save(figure, tmp_path / "a.svg", tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_the_theme_is_seaborns_but_for_what_the_house_style_says() -> None:
    with mpl.rc_context():
        mpl.rcdefaults()
        for asked in (seaborn.axes_style("ticks"), seaborn.plotting_context("paper"), style._RC):
            mpl.rcParams.update(asked)
        wanted = dict(mpl.rcParams)
    with style.theme():
        found = dict(mpl.rcParams)
    # The one font of all text comes with matplotlib, and every colour map is named where it is used.
    for key in wanted.keys() - {"font.sans-serif", "image.cmap", "backend", "backend_fallback"}:
        assert found[key] == (pytest.approx(wanted[key]) if isinstance(wanted[key], float) else wanted[key]), key
