"""The tables of a page as plain text, for every form that it is written in."""

from dataclasses import dataclass

from longtail.evaluate.confusions import Confusion, by_rate, confusions
from longtail.evaluate.ranking import BALANCED, TOP1
from longtail.evaluate.standing import Standing
from longtail.report.ranking import words
from longtail.report.ranking.ranked import Ranked
from longtail.report.render import NONE

CONFUSIONS = 10
FIRST, TIED, WORSE = "first", "tied", "worse"


@dataclass(frozen=True)
class Cell:
    """A number with its interval, the rank, and whether the method is first, tied with the first, or worse."""

    number: str
    rank: str
    kind: str


def heads(ranked: Ranked) -> list[str]:
    """The heads of the ranking: the criteria, with the better side, and the minutes of training."""
    return [f"{standing.criterion.label}" for standing in ranked.standings.values()]


def ranking(ranked: Ranked) -> list[tuple[str, list[Cell], str]]:
    """Label, cells and minutes of each method, the most accurate first."""
    return [
        (
            ranked.label(method),
            [_cell(ranked, standing, method) for standing in ranked.standings.values()],
            f"{ranked.methods[method].minutes:.1f}",
        )
        for method in ranked.standings[TOP1].order
    ]


def _cell(ranked: Ranked, standing: Standing, method: int) -> Cell:
    kind = FIRST if method == standing.first else WORSE if method in standing.worse else TIED
    number = words.estimate(standing.criterion, standing.estimates[method])
    return Cell(number + words.dagger(ranked, method, standing.criterion), words.rank(standing, method), kind)


def differences(ranked: Ranked, standing: Standing) -> list[tuple[str, str, str, str]]:
    """Label, difference to the first, p, and what they show, of each other method; the closest first."""
    rows = []
    for method in standing.order[1:]:
        found = standing.comparisons.get((method, standing.first))
        if found is None:
            rows.append((ranked.label(method), NONE, NONE, "no seed in common"))
            continue
        shown = "worse" if method in standing.worse else "not distinguishable"
        p = words.p_value(found.p).removeprefix("p ").removeprefix("= ")
        rows.append((ranked.label(method), words.difference(standing.criterion, found), p, shown))
    return rows


def by_class(ranked: Ranked) -> list[tuple[str, str, str, list[float | None]]]:
    """Name, training images, test images and the accuracies in % under `closely`; most training images first."""
    accuracies = [ranked.by_class(method) for method in ranked.closely]
    return [
        (
            ranked.classes[number],
            f"{ranked.examples.train_counts[number]:,}",
            f"{ranked.examples.sizes[number]:,}",
            [100 * float(accuracy[number]) if ranked.examples.sizes[number] else None for accuracy in accuracies],
        )
        for number in ranked.classes_by_size()
    ]


def confused(ranked: Ranked) -> dict[str, list[tuple[str, str, str, str]]]:
    """The most frequent confusions of the recommended method by number and by share of the class.

    Each is the true class, what it is taken for, how many images of how many, and their share.
    """
    method = ranked.methods[ranked.closely[0]]
    found = confusions(ranked.examples, list(method.runs.values()))
    orders = {"by number": found}
    if BALANCED in ranked.standings:  # else classes have equally many test images, and both orders are the same
        orders["by share of the class"] = by_rate(found)
    return {name: [_confusion(ranked, each) for each in listed[:CONFUSIONS]] for name, listed in orders.items()}


def _confusion(ranked: Ranked, found: Confusion) -> tuple[str, str, str, str]:
    count = f"{found.count:.1f}".removesuffix(".0")
    names = ranked.classes[found.true], ranked.classes[found.predicted]
    return (*names, f"{count} of {found.size}", f"{100 * found.rate:.1f} %")
