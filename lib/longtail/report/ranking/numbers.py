"""The numbers of a page as CSV, one line for each of them."""

from typing import Any

import pandas as pd

from longtail.report.ranking.ranked import Ranked

COLUMNS = [
    *("ranking", "method", "label", "criterion", "unit", "better", "value", "low", "high", "sd", "n", "seeds"),
    *("rank", "rank_low", "rank_high", "first", "difference", "difference_low", "difference_high", "p", "worse"),
    *("minutes", "calibration", "needs", "runs"),
]
CLASS_COLUMNS = ["ranking", "class_number", "class", "group", "train", "test", "method", "label", "accuracy", "n"]


def criteria(ranked: Ranked) -> str:
    """One line per criterion and method, in the order of their ranks, then the methods that have not run.

    `difference` is that to the first method, whose own is empty; `p` is corrected for the number of pairs, and
    `worse` says whether the method is shown to be worse. Values and differences are in `unit`.
    """
    lines: list[dict[str, Any]] = []
    for name, standing in ranked.standings.items():
        criterion = standing.criterion
        for method in standing.order:
            of, found, place = ranked.methods[method], standing.estimates[method], standing.ranks[method]
            line: dict[str, Any] = {"method": of.name, "label": of.label, "criterion": name, "unit": criterion.unit}
            line |= {key: criterion.in_unit(getattr(found, key)) for key in ("value", "low", "high")}
            line |= {"sd": None if found.deviation is None else criterion.in_unit(found.deviation)}
            line |= {"n": found.seeds, "seeds": " ".join(map(str, of.runs)), "better": criterion.better}
            line |= {"rank": place.place, "rank_low": place.low, "rank_high": place.high}
            line |= {"first": ranked.methods[standing.first].name, "minutes": of.minutes}
            line |= {"calibration": of.calibration, "runs": " ".join(of.paths)}
            if compared := standing.comparisons.get((method, standing.first)):
                line |= {"difference": criterion.in_unit(compared.difference), "p": compared.p}
                line |= {f"difference_{end}": criterion.in_unit(getattr(compared, end)) for end in ("low", "high")}
                line |= {"worse": standing.is_better(standing.first, method)}
            lines.append(line)
    lines += [{"label": label, "n": 0, "needs": needs} for label, needs in ranked.left_out.items()]
    numbers = pd.DataFrame(lines, columns=COLUMNS).assign(ranking=ranked.table["name"])
    counted = numbers.astype({key: "Int64" for key in ("n", "rank", "rank_low", "rank_high")})
    return str(counted.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def classes(ranked: Ranked) -> str:
    """One line per class and method, classes with most training images first; accuracies are in %."""
    accuracies = [ranked.by_class(method) for method in range(len(ranked.methods))]
    lines = [
        {
            "ranking": ranked.table["name"],
            "class_number": number,
            "class": ranked.classes[number],
            "group": ranked.group_of(number),
            "train": ranked.examples.train_counts[number],
            "test": ranked.examples.sizes[number],
            "method": method.name,
            "label": method.label,
            "accuracy": 100 * accuracy[number],
            "n": len(method.runs),
        }
        for number in ranked.classes_by_size()
        for method, accuracy in zip(ranked.methods, accuracies, strict=True)
    ]
    frame = pd.DataFrame(lines, columns=CLASS_COLUMNS)
    return str(frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
