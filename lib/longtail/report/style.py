"""One look for every figure, and the same bytes for the same input.

Matplotlib is imported where it is used: kinds of figures import this module, and Snakemake reads them when it starts.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from longtail.runtime.files import whole
from longtail.runtime.letters import is_unprintable, is_wide, room

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG_DPI = 160
INK, FAINT = "#262626", "#8c8c8c"

# What is left of seaborn's style "ticks" in its context "paper": asking it would take every figure seconds.
_SEABORN: Any = {
    "axes.edgecolor": ".15",
    "axes.labelcolor": ".15",
    "text.color": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "lines.markersize": 4.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
}
_RC: Any = {  # matplotlib types every key of rcParams
    "figure.dpi": PNG_DPI,  # text is a little wider at some resolutions: lay out at the one that is saved
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same glyphs
    "mathtext.fontset": "dejavusans",
    "text.parse_math": False,  # a dollar sign in a title is one; where a formula is meant, its axis says so
    "font.size": 8.5,
    "figure.titlesize": 10,
    "figure.titleweight": "bold",
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "lines.linewidth": 1.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "longtail",  # without a salt the ids in an SVG are random
}


class Look(NamedTuple):
    """How one method is drawn; marker and dash tell it apart for readers who cannot see the colour."""

    color: str
    marker: str
    dash: Literal["-", "--", "-.", ":"]


@cache
def palette() -> tuple[str, ...]:
    """Nine colours that stay apart for colour-blind readers (seaborn's without its palest two, plus ink)."""
    import seaborn as sns

    blue, orange, green, vermillion, purple, tan, _, grey, _, sky = sns.color_palette("colorblind").as_hex()
    return INK, grey, orange, vermillion, sky, blue, purple, green, tan


# The methods of the papers, nine a line: a line uses each colour once, and lines differ by marker and dash.
# Those that one slide of MiSLAS compares stand on one line, so there each has a colour of its own.
_METHODS = (
    *("CE", "mixup", "cRT", "cRT+mixup", "LWS", "LWS+mixup", "MiSLAS", "LADC", "LDAM-DRW"),
    *("CE-DRW", "Remix", "TDE", "BBN", "BSCE", "PC Softmax", "LADE", "LWS-Plus", "LDAM"),
    *("Focal", "CB", "CB-Focal", "Focal+DRW", "CE-DRS", "BALMS", "LADC_Average", "DC", "MCW"),
    *("Remix+DRW", "SMOTE", "M2m", "MetaSAug", "Bag of tricks", "τ-norm", "cRT+SSP", "LDAM-DRW+SSP", "OLTR"),
    *("OLTR+LFME", "FSLwF", "Range loss", "FSA", "Hybrid-PSC"),
)
_MARKERS = "osD^vPXph"
_DASHES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", "--", "-.", ":", "--")
# Places in the palette, those that are easiest to tell apart first.
_CLEAREST = (5, 2, 7, 6, 4, 0, 3, 1, 8)


def _key(label: str) -> str:
    """Spellings of one method agree: "cRT + mixup", "cRT+mixup" and "crt_mixup" are one key."""
    return "".join(character for character in label.casefold() if character.isalnum())


_PLACE = {_key(label): place for place, label in enumerate(_METHODS)}


def _look(place: int) -> Look:
    rounds, slot = divmod(place, 9)
    return Look(palette()[slot], _MARKERS[(slot + 4 * rounds) % 9], _DASHES[rounds % len(_DASHES)])


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """The look of each label. A method of the papers has the same one in every figure.

    The other labels (runs, a method of one's own) share out the colours that are left, in alphabetical order.
    """
    found: dict[str, Look] = {}
    uses: Counter[str] = Counter()
    for label in sorted(set(labels), key=lambda label: (_key(label) not in _PLACE, label)):
        place = _PLACE.get(_key(label))
        if place is None:
            slot = min(_CLEAREST, key=lambda slot: uses[palette()[slot]])
            place = slot + 9 * (5 + uses[palette()[slot]])  # the lines below the methods
        found[label] = _look(place)
        uses[found[label].color] += 1
    return found


def shades(number: int) -> list[str]:
    """Colours from dark to light for things that have an order, such as imbalance factors."""
    import seaborn as sns

    shades: list[str] = sns.color_palette("viridis", number + 1).as_hex()[:number]
    return shades


@contextmanager
def theme() -> Iterator[None]:
    """Draw and save inside this: the house style, whatever the reader's own matplotlibrc says."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SEABORN | _RC)
        yield


def fitted(text: str, letters: float) -> str:
    """A text broken into lines that have room for so many letters."""
    # What stands for the second half of a wide letter leaves no trace.
    return fill("".join(letter + "\0" * is_wide(letter) for letter in text), round(letters)).replace("\0", "")


def broken(title: str, width: float) -> str:
    """The title of a figure, broken into lines that fit its width in inches."""
    return fitted(title, 10.5 * width)


def shortened(names: Sequence[str], letters: int) -> list[str]:
    """Names of classes with room for so many letters: the middle of a longer one is left out.

    Where two would look alike, the number of the class stands before each. A question mark in a box stands for a
    control character and the like.
    """
    visible = ["".join("\ufffd" if is_unprintable(letter) else letter for letter in name) for name in names]
    drawn = [_in_short(name, letters) for name in visible]
    if len(set(drawn)) == len(set(names)):
        return drawn
    return [f"{number} {name}" for number, name in enumerate(drawn)]


def _in_short(name: str, letters: int) -> str:
    if room(name) <= letters:
        return name
    begin = end = name
    while room(begin) > letters - letters // 2 - 1:
        begin = begin[:-1]
    while room(end) > letters // 2:
        end = end[1:]
    return f"{begin}…{end}"


def save(figure: "Figure", svg_path: str | Path, png_path: str | Path, footnote: str = "") -> None:
    """Write the figure as SVG and as PNG at 160 dpi: both files appear whole, or neither is there.

    A `footnote` (runs, code, machine) is set in small print below the figure, which grows by it, and ends in the
    characters that no font of the machine has; the log names these in any case.
    Equal figures give equal bytes: no date and no program version is written.
    Raises InputError, naming the file, where the disk is full or the folder cannot be written.
    """
    from matplotlib.text import Text

    from longtail.report import fonts

    try:
        # Ticks and text are made only when drawn, so saving needs the theme as much as building did.
        with theme(), whole(svg_path) as svg, whole(png_path) as png, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # fonts.complete says it
            small = figure.text(0.02, -0.01, footnote, va="top", fontsize=6, color=FAINT)
            figure.draw_without_rendering()
            more_fonts, boxes = fonts.complete(figure.findobj(Text))
            if more_fonts:
                figure.draw_without_rendering()
            # A layout starts from the one before: two settle it, and none may follow, or the SVG and the PNG differ.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            if footnote:
                small.set_text(fitted(f"{footnote} {boxes}".strip(), 20 * figure.get_figwidth()))
            extent = "tight" if footnote else None
            figure.savefig(svg, format="svg", bbox_inches=extent, metadata={"Date": None, "Creator": None})
            figure.savefig(png, format="png", bbox_inches=extent, dpi=PNG_DPI, metadata={"Software": None})
    except BaseException:
        for path in (Path(svg_path), Path(png_path)):
            with suppress(OSError):
                path.unlink()
        raise
