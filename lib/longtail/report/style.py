"""The common style of all figures, and saving them: equal input gives equal bytes.

Matplotlib is imported inside the functions, because Snakemake imports this module (by the kinds of figures) at start.
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

# The settings of seaborn's style "ticks" and context "paper" that are used here; importing seaborn takes seconds.
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
    "figure.dpi": PNG_DPI,  # the width of text depends on the resolution: lay out at the one that is saved
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same glyphs
    "mathtext.fontset": "dejavusans",
    "text.parse_math": False,  # a dollar sign is just that; axes with formulas turn this on
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
    """How one method is drawn; marker and dash distinguish methods for readers who cannot see the colours."""

    color: str
    marker: str
    dash: Literal["-", "--", "-.", ":"]


@cache
def palette() -> tuple[str, ...]:
    """Nine colours that colour-blind readers can distinguish (seaborn's without its palest two, plus ink)."""
    import seaborn as sns

    blue, orange, green, vermillion, purple, tan, _, grey, _, sky = sns.color_palette("colorblind").as_hex()
    return INK, grey, orange, vermillion, sky, blue, purple, green, tan


# The methods of the papers, nine per line: a line uses each colour once, and lines differ by marker and dash.
# Methods that a slide of MiSLAS compares are on one line, so that each has a colour of its own.
_METHODS = (
    *("CE", "mixup", "cRT", "cRT+mixup", "LWS", "LWS+mixup", "MiSLAS", "LADC", "LDAM-DRW"),
    *("CE-DRW", "Remix", "TDE", "BBN", "BSCE", "PC Softmax", "LADE", "LWS-Plus", "LDAM"),
    *("Focal", "CB", "CB-Focal", "Focal+DRW", "CE-DRS", "BALMS", "LADC_Average", "DC", "MCW"),
    *("Remix+DRW", "SMOTE", "M2m", "MetaSAug", "Bag of tricks", "τ-norm", "cRT+SSP", "LDAM-DRW+SSP", "OLTR"),
    *("OLTR+LFME", "FSLwF", "Range loss", "FSA", "Hybrid-PSC"),
)
_MARKERS = "osD^vPXph"
_DASHES: tuple[Literal["-", "--", "-.", ":"], ...] = ("-", "--", "-.", ":", "--")
# Positions in the palette, the colours that are easiest to distinguish first.
_CLEAREST = (5, 2, 7, 6, 4, 0, 3, 1, 8)


def _key(label: str) -> str:
    """A key that all spellings of a method share: "cRT + mixup", "cRT+mixup" and "crt_mixup"."""
    return "".join(character for character in label.casefold() if character.isalnum())


_PLACE = {_key(label): place for place, label in enumerate(_METHODS)}


def _look(place: int) -> Look:
    rounds, slot = divmod(place, 9)
    return Look(palette()[slot], _MARKERS[(slot + 4 * rounds) % 9], _DASHES[rounds % len(_DASHES)])


def looks(labels: Iterable[str]) -> dict[str, Look]:
    """The look of each label. A method of the papers has the same look in every figure.

    Other labels (runs, a user's own methods) get the least used colours, in alphabetical order.
    """
    result: dict[str, Look] = {}
    uses: Counter[str] = Counter()
    for label in sorted(set(labels), key=lambda label: (_key(label) not in _PLACE, label)):
        place = _PLACE.get(_key(label))
        if place is None:
            slot = min(_CLEAREST, key=lambda slot: uses[palette()[slot]])
            place = slot + 9 * (5 + uses[palette()[slot]])  # the lines below the methods
        result[label] = _look(place)
        uses[result[label].color] += 1
    return result


def shades(number: int) -> list[str]:
    """Colours from dark to light for ordered things, such as imbalance factors."""
    import seaborn as sns

    shades: list[str] = sns.color_palette("viridis", number + 1).as_hex()[:number]
    return shades


@contextmanager
def theme() -> Iterator[None]:
    """The context for drawing and saving: the house style, whatever the user's own matplotlibrc says."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SEABORN | _RC)
        yield


def fitted(text: str, letters: float) -> str:
    """A text broken into lines of at most this many letters."""
    # A zero character counts for the second half of a wide letter, and is removed again.
    return fill("".join(letter + "\0" * is_wide(letter) for letter in text), round(letters)).replace("\0", "")


def broken(title: str, width: float) -> str:
    """The title of a figure, broken into lines that fit its width in inches."""
    return fitted(title, 10.5 * width)


def shortened(names: Sequence[str], letters: int) -> list[str]:
    """Names of classes with at most this many letters: longer names lose their middle.

    If two would become equal, all get the number of their class as a prefix. Unprintable characters become a
    question mark in a box.
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
    """Write the figure as SVG and as PNG at 160 dpi: either both files are complete, or neither exists.

    A `footnote` (runs, code, machine) is added in small print below the figure, and ends with the characters that no
    font of the machine has; the log lists these in any case.
    Equal figures give equal bytes: neither date nor program version is written.
    Raises InputError, naming the file, if the disk is full or the folder cannot be written.
    """
    from matplotlib.text import Text

    from longtail.report import fonts

    try:
        # Ticks and texts are created only when the figure is drawn, so saving needs the theme, too.
        with theme(), whole(svg_path) as svg, whole(png_path) as png, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # fonts.complete says it
            small = figure.text(0.02, -0.01, footnote, va="top", fontsize=6, color=FAINT)
            figure.draw_without_rendering()
            more_fonts, boxes = fonts.complete(figure.findobj(Text))
            if more_fonts:
                figure.draw_without_rendering()
            # Each layout starts from the previous one. After two it is stable; a further one for the PNG would make
            # it differ from the SVG, so the engine is switched off.
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
