"""A table of data sets: the printed numbers of each, and those counted in its subsets (LADC, table 1)."""

import html
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from longtail.report.escapes import html_text, latex_file, latex_text, markdown_text
from longtail.report.render import NONE, PIPE, heading, listed, missing, page
from longtail.runtime.errors import InputError

HEADS = {
    "classes": "Classes",
    "factor": "Imbalance factor",
    "train": "Training images",
    "min": "Smallest class",
    "max": "Largest class",
    "test": "Test images",
}
COLUMNS = [
    *("table", "row_number", "row", "column_number", "column", "printed", "ours", "agrees"),
    *("needs", "remark", "values", "subsets"),
]
DIFFERS = "≠"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_PRINTED = re.compile(rf"({_NUMBER})(?:\s*[~–-]\s*({_NUMBER}))?")

Counts = Mapping[str, Sequence[int]]


def frame(table: Mapping[str, Any], counts: Counts, test_sizes: Mapping[str, int]) -> pd.DataFrame:
    """One line per row and column, with both numbers as text.

    `table` is the layout of `graph.layouts.statistics`; `counts` holds the training images of each class [K] by
    subset path, `test_sizes` the number of test images by path of its classes. A row's `subsets` are in the order of
    the definition's factors: `ours` is the range from the value of the first to that of the last, `values` lists all.
    The factor is the largest class over the smallest. `agrees` says whether both numbers are equal to the printed
    digits, and is None if one of them is missing.
    Raises InputError for a printed text that is neither a number nor a range, and for a class without images.
    Source: LADC, table 1.
    """
    lines = []
    for row_number, row in enumerate(table["rows"]):
        paths = [subset["path"] for subset in row["subsets"]]
        counted = {} if row["needs"] else _counted(paths, counts)
        if not row["needs"] and row["classes"]:
            counted["test"] = [float(test_sizes[row["classes"]])]
        for column_number, column in enumerate(HEADS):
            printed, values = row["printed"].get(column), counted.get(column, [])
            place = {"table": table["name"], "row": row["label"], "row_number": row_number}
            place |= {"column": column, "column_number": column_number, "printed": printed}
            lines.append(
                place
                | {
                    "ours": _range(values),
                    "agrees": _agrees(printed, values, f"'{column}' of row '{row['label']}'"),
                    "needs": row["needs"],
                    "remark": row["remark"],
                    "values": " ".join(f"{value:.10g}" for value in values),
                    "subsets": " ".join(paths),
                }
            )
    return pd.DataFrame(lines, columns=COLUMNS).astype({"agrees": object})


def _counted(paths: list[str], counts: Counts) -> dict[str, list[float]]:
    """The numbers of every subset, by column."""
    columns: dict[str, list[float]] = {}
    for path in paths:
        sizes = [int(count) for count in counts[path]]
        if min(sizes, default=0) < 1:
            raise InputError(f"the subset {path} has a class without images; make it again.")
        few, many = min(sizes), max(sizes)
        numbers = {"classes": len(sizes), "factor": many / few, "train": sum(sizes), "min": few, "max": many}
        for column, number in numbers.items():
            columns.setdefault(column, []).append(float(number))
    return columns


def _range(values: list[float]) -> str | None:
    """A range as the paper writes it: 20,431~11,203, or one number if both ends are equal."""
    ends = [f"{value:,.1f}".removesuffix(".0") for value in values]
    return "~".join(dict.fromkeys((ends[0], ends[-1]))) if ends else None


def _agrees(printed: str | None, values: list[float], where: str) -> bool | None:
    if printed is None:
        return None
    parts = _PRINTED.fullmatch(printed.strip())
    if parts is None:
        raise InputError(f"the printed {where} is '{printed}'; write a number or a range, such as 50,000~11,203.")
    if not values:
        return None
    ends = (parts[1], parts[2] or parts[1])
    return all(_same(end, value) for end, value in zip(ends, (values[0], values[-1]), strict=True))


def _same(printed: str, value: float) -> bool:
    decimals = len(printed.partition(".")[2])
    return abs(float(printed.replace(",", "")) - value) <= 0.5 * 10.0**-decimals


def csv(numbers: pd.DataFrame) -> str:
    """The frame as CSV."""
    return str(numbers.to_csv(index=False, lineterminator="\n"))


@dataclass(frozen=True)
class Cell:
    """A cell as text: the printed number ("" if the whole table has none), ours, and the subsets of ours."""

    printed: str
    ours: str
    differs: bool
    needs: str
    subsets: str

    def text(self, bar: str) -> str:
        """Printed and ours with `bar` between them, and a mark if they differ."""
        both = f"{self.printed}{bar}{self.ours}" if self.printed else self.ours
        return f"{both} {DIFFERS}" if self.differs else both


def _rows(numbers: pd.DataFrame) -> Iterator[tuple[str, str, list[Cell]]]:
    """Row head, number of its footnote ("" without one) and its cells."""
    alone, notes = not numbers["printed"].notna().any(), 0
    for _, row in numbers.groupby("row_number"):
        notes += bool(row["remark"].iloc[0])
        cells = [_cell(line, alone) for line in row.to_dict("records")]
        yield str(row["row"].iloc[0]), str(notes) if row["remark"].iloc[0] else "", cells


def _cell(line: Mapping[Hashable, Any], alone: bool) -> Cell:
    printed, ours = (line[key] if pd.notna(line[key]) else NONE for key in ("printed", "ours"))
    needs = line["needs"] if isinstance(line["needs"], str) else ""
    return Cell("" if alone else printed, ours, line["agrees"] is False, needs, line["subsets"])


def _remarks(numbers: pd.DataFrame) -> list[str]:
    """The footnotes in the order of their numbers."""
    return [str(remark) for remark in numbers.groupby("row_number")["remark"].first() if remark]


def _legend(numbers: pd.DataFrame) -> str:
    factor = "Our imbalance factor is the largest class over the smallest."
    if not numbers["printed"].notna().any():
        return factor.replace("Our", "The")
    compared = numbers["agrees"].dropna()
    result = f" {sum(compared)} of the {len(compared)} printed numbers that were counted again agree."
    return f"Each cell: printed | ours, and {DIFFERS} where they differ. {factor}{result if len(compared) else ''}"


def markdown(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """GitHub Markdown: the grid, its footnotes, what is missing, and where the numbers come from."""
    lines = heading(table)
    lines += [_legend(numbers), "", f"| Data set | {' | '.join(HEADS.values())} |", "|" + " --- |" * (len(HEADS) + 1)]
    for label, note, cells in _rows(numbers):
        texts = [PIPE.join(map(markdown_text, cell.text("|").split("|"))) for cell in cells]
        lines.append(f"| {markdown_text(label)}{f'<sup>{note}</sup>' if note else ''} | {' | '.join(texts)} |")
    lines.append("")
    if remarks := _remarks(numbers):
        lines += [*(f"{number}. {markdown_text(remark)}" for number, remark in enumerate(remarks, 1)), ""]
    if sentences := missing(numbers):
        lines += ["Not there yet:", "", *listed(sentences)]
    return "\n".join([*lines, *listed(origin)])


def latex(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """One `tabular` with its footnotes below (packages booktabs and graphicx)."""
    lines = [r"\begin{table}", r"\centering"]
    form = f": printed / ours, {DIFFERS} where they differ" if numbers["printed"].notna().any() else ""
    lines += [rf"\caption{{{latex_text(table['title'] + form)}.}}"]
    lines += [rf"\resizebox{{\linewidth}}{{!}}{{\begin{{tabular}}{{l{'c' * len(HEADS)}}}", r"\toprule"]
    lines += [" & ".join(["Data set", *HEADS.values()]) + r" \\", r"\midrule"]
    for label, note, cells in _rows(numbers):
        texts = [latex_text(cell.text(" / ")) for cell in cells]
        lines.append(" & ".join([latex_text(label) + (f"$^{{{note}}}$" if note else ""), *texts]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if remarks := [f"$^{{{number}}}${latex_text(remark)}" for number, remark in enumerate(_remarks(numbers), 1)]:
        lines += [r"\par\smallskip\raggedright\footnotesize", *(rf"{remark}\par" for remark in remarks)]
    return latex_file([*lines, r"\end{table}", ""], origin)


def webpage(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """A self-contained page; hovering over one of our numbers shows the subsets in which it was counted."""
    body = [f"<p>{html_text(_legend(numbers))} Hover over a number for its subsets.</p>"]
    heads = "".join(f"<th>{head}</th>" for head in ("Data set", *HEADS.values()))
    body.append(f"<div class='wide'><table><thead><tr>{heads}</tr></thead><tbody>")
    for label, note, cells in _rows(numbers):
        number = f"<sup>{note}</sup>" if note else ""
        body.append(f"<tr><th>{html_text(label)}{number}</th>{''.join(map(_html_cell, cells))}</tr>")
    body.append("</tbody></table></div>")
    if remarks := _remarks(numbers):
        body.append("<ol>" + "".join(f"<li>{html_text(remark)}</li>" for remark in remarks) + "</ol>")
    if sentences := missing(numbers):
        body.append("<h2>Not there yet</h2><ul>" + "".join(f"<li>{html_text(s)}</li>" for s in sentences) + "</ul>")
    return page(table, body, origin)


def _html_cell(cell: Cell) -> str:
    hint = html.escape(f"needs {cell.needs}" if cell.needs else cell.subsets.replace(" ", "\n"), quote=True)
    printed = f"<span class='printed'>{html_text(cell.printed)}</span> | " if cell.printed else ""
    ours = f"<span class='{'ours missing' if cell.needs else 'ours'}' title='{hint}'>{cell.ours}</span>"
    differs = f" <mark title='differs from what is printed'>{DIFFERS}</mark>" if cell.differs else ""
    return f"<td><div>{printed}{ours}{differs}</div></td>"
