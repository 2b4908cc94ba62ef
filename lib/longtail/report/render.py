"""Renders tables as Markdown, LaTeX and HTML; a cell is `printed | ours mean ± sd (n) | difference`."""

import html
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from longtail.evaluate.columns import COLUMNS, METRICS, Metric
from longtail.report.escapes import html_text, latex_file, latex_text, markdown_note, markdown_text
from longtail.report.origin import DAGGER, explained
from longtail.report.tables import PROTOCOLS

TITLES = {
    "last": "Last epoch (no look at the test set)",
    "best": "Best epoch on the test set (the papers' habit)",
}
NONE = "–"
PIPE = r" \| "  # a bar inside a cell of a Markdown table


@dataclass(frozen=True)
class Number:
    """One metric of one cell as text: the printed number, ours with spread and n, and the difference.

    `name` is empty if the head of the column already names the metric; `alone` says that nothing is printed for it.
    """

    name: str
    printed: str
    ours: str
    difference: str
    runs: str
    needs: str
    alone: bool

    @property
    def plain(self) -> tuple[str, ...]:
        """The parts to show, in order."""
        return (self.ours,) if self.alone else (self.printed, self.ours, self.difference)


def dagger(metric: str, calibration: Any) -> str:
    """The dagger for a metric of probabilities whose logits were not trained by a softmax (`calibration` is text)."""
    column = COLUMNS[metric]
    return DAGGER if isinstance(column, Metric) and column.of_probabilities and isinstance(calibration, str) else ""


def _number(line: Mapping[Hashable, Any], headed: bool, printed: set[str]) -> Number:
    column, ours = COLUMNS[line["metric"]], NONE
    if line["n"]:
        spread = f" ± {column.text(line['sd'])}" if pd.notna(line["sd"]) else ""
        under = " under" if column.name == "ece" and line["signed_gap"] < 0 else ""
        mark = dagger(column.name, line["calibration"])
        ours = f"{column.text(line['ours'])}{spread}{mark}{under} ({line['n']})"
    return Number(
        "" if headed else column.label,
        column.as_printed(line["printed"]) if pd.notna(line["printed"]) else NONE,
        ours,
        column.signed(line["difference"]) if pd.notna(line["difference"]) else NONE,
        line["runs"],
        line["needs"] if isinstance(line["needs"], str) else "",
        column.name not in printed,
    )


def _by_metric(numbers: pd.DataFrame) -> bool:
    """Whether each metric has a column of its own: in a table of one setting and several metrics."""
    return numbers["column_number"].nunique() == 1 and numbers["metric"].nunique() > 1


def _printed_metrics(numbers: pd.DataFrame) -> set[str]:
    """The metrics for which at least one cell has a printed number."""
    return set(numbers.loc[numbers["printed"].notna(), "metric"])


def _laid_out(numbers: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of the rendered table."""
    if not _by_metric(numbers):
        return numbers
    order = {metric: place for place, metric in enumerate(numbers["metric"].unique())}
    return numbers.assign(column_number=numbers["metric"].map(order), column=numbers["metric"].map(_label))


def _label(metric: str) -> str:
    return COLUMNS[metric].label


def _rows(numbers: pd.DataFrame, protocol: str) -> Iterator[tuple[str, list[list[Number]]]]:
    """Row heads with a list of numbers per column; metrics without any number are left out."""
    headed, printed = _by_metric(numbers), _printed_metrics(numbers)
    chosen = _laid_out(numbers)[numbers["protocol"] == protocol]
    for _, row in chosen.groupby("row_number"):
        label, cells = row["row"].iloc[0], row.groupby("column_number")
        numbers_of = [[_number(line, headed, printed) for line in cell.to_dict("records")] for _, cell in cells]
        yield str(label), [[n for n in cell if n.printed != NONE or n.ours != NONE] for cell in numbers_of]


def _heads(numbers: pd.DataFrame) -> list[str]:
    return [str(column) for column in _laid_out(numbers).groupby("column_number")["column"].first()]


def _cell_form(numbers: pd.DataFrame) -> tuple[str, str, str]:
    """What a cell contains: before our number, our number, and after it."""
    if numbers["printed"].notna().any():
        return "printed | ", "ours mean ± sd (n runs)", " | difference"
    return "", "mean ± sd (n runs)", ""


def missing(numbers: pd.DataFrame) -> list[str]:
    """A sentence for the rows that cannot run yet, by what they need."""
    blocked = numbers[numbers["needs"].notna()]
    reasons: dict[str, list[str]] = {}
    for (row, need), _ in blocked.groupby(["row", "needs"], sort=False):
        reasons.setdefault(str(need), []).append(str(row))
    return [f"{', '.join(rows)}: needs {need}." for need, rows in reasons.items()]


def daggers(numbers: pd.DataFrame) -> list[str]:
    """Explains the daggers behind numbers of a table."""
    of_probabilities = [metric.name for metric in METRICS.values() if metric.of_probabilities]
    marked = numbers["calibration"].notna() & numbers["metric"].isin(of_probabilities) & (numbers["n"] > 0)
    rows = numbers.loc[marked, ["row_number", "row", "calibration"]].drop_duplicates("row_number")
    return explained(zip(rows["row"], rows["calibration"], strict=True))


def _units(table: Mapping[str, Any], numbers: pd.DataFrame) -> str:
    """The units of the metrics, the metrics without printed numbers, and the setting if the table has only one."""
    units = ", ".join(f"{_label(metric)} in {COLUMNS[metric].unit}" for metric in table["metrics"])
    printed = _printed_metrics(numbers)
    if alone := [_label(metric) for metric in table["metrics"] if metric not in printed and printed]:
        units += f"; of {', '.join(alone)} nothing is printed"
    return f"{units}; all on {numbers['column'].iloc[0]}" if _by_metric(numbers) else units


def markdown(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """GitHub Markdown: a grid per protocol, what is missing, and where the numbers come from."""
    heads = " | ".join(map(markdown_text, ("Method", *_heads(numbers))))
    lines = heading(table)
    lines += [f"Each cell: {''.join(_cell_form(numbers))}; {markdown_text(_units(table, numbers))}.", ""]
    for protocol in PROTOCOLS:
        lines += [f"## {TITLES[protocol]}", "", f"| {heads} |"]
        lines.append("|" + " --- |" * (len(_heads(numbers)) + 1))
        for label, cells in _rows(numbers, protocol):
            texts = ["<br>".join(f"{n.name} {PIPE.join(n.plain)}".strip() for n in cell) or NONE for cell in cells]
            lines.append(f"| {markdown_text(label)} | {' | '.join(texts)} |")
        lines.append("")
    lines += [line for sentence in daggers(numbers) for line in (markdown_text(sentence), "")]
    if sentences := missing(numbers):
        lines += ["Not there yet:", "", *listed(sentences)]
    return "\n".join([*lines, *listed(origin)])


def heading(table: Mapping[str, Any]) -> list[str]:
    """The first lines of a Markdown page: title and note."""
    note = [markdown_note(table["note"]), ""] if table["note"] else []
    return [f"# {markdown_text(table['title'])}", "", *note]


def listed(sentences: Iterable[str]) -> list[str]:
    """The lines of a Markdown list, followed by an empty line."""
    return [*(f"- {markdown_text(sentence)}" for sentence in sentences), ""]


def _shortstack(cell: list[Number]) -> str:
    lines = [latex_text(f"{number.name} {' / '.join(number.plain)}".strip()) for number in cell]
    return r"\shortstack{" + r"\\".join(lines or ["--"]) + "}"


def latex(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """A `tabular` per protocol (packages booktabs and graphicx), each cell stacked."""
    heads = _heads(numbers)
    lines = []
    form = "".join(_cell_form(numbers)).replace(" | ", " / ")
    for protocol in PROTOCOLS:
        lines += [r"\begin{table}", r"\centering"]
        lines += [rf"\caption{{{latex_text(table['title'])}. {latex_text(TITLES[protocol])}: {latex_text(form)}.}}"]
        lines += [rf"\resizebox{{\linewidth}}{{!}}{{\begin{{tabular}}{{l{'c' * len(heads)}}}", r"\toprule"]
        lines += [" & ".join(["Method", *map(latex_text, heads)]) + r" \\", r"\midrule"]
        for label, cells in _rows(numbers, protocol):
            stacks = [_shortstack(cell) for cell in cells]
            lines.append(" & ".join([latex_text(label), *stacks]) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}}"]
        lines += [rf"\par\footnotesize {latex_text(sentence)}" for sentence in daggers(numbers)]
        lines += [r"\end{table}", ""]
    return latex_file(lines, origin)


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 112rem; padding: 0 1rem }
h1 { font-size: 1.35rem } h2 { font-size: 1.05rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; border-bottom: 1px solid #ddd }
thead th { border-bottom: 2px solid #444 }
tr > th:first-child { position: sticky; left: 0; background: #fff; min-width: 9rem }
td div { white-space: nowrap; font-size: 13px; line-height: 1.7 }
.metric { display: inline-block; width: 3.7em; color: #767676 }
.printed, .difference { color: #555 } .ours { font-weight: 600 }
.missing { color: #767676; font-style: italic } ul { color: #444 }
"""


def webpage(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """A self-contained page; hovering over one of our numbers shows its runs."""
    before, ours, after = map(html_text, _cell_form(numbers))
    body = [f"<p>Each cell: {before}<b>{ours}</b>{after}; {html_text(_units(table, numbers))}. ECE is "]
    body.append("over-confidence unless marked <i>under</i>. Hover over a number for its runs.</p>")
    for protocol in PROTOCOLS:
        heads = "".join(f"<th>{html_text(head)}</th>" for head in _heads(numbers))
        title = html_text(TITLES[protocol])
        body.append(f"<h2>{title}</h2><div class='wide'><table><thead><tr><th>Method</th>{heads}")
        body.append("</tr></thead><tbody>")
        for label, cells in _rows(numbers, protocol):
            texts = "".join(f"<td>{''.join(map(_html_number, cell)) or NONE}</td>" for cell in cells)
            body.append(f"<tr><th>{html_text(label)}</th>{texts}</tr>")
        body.append("</tbody></table></div>")
    body += [f"<p>{html_text(sentence)}</p>" for sentence in daggers(numbers)]
    if sentences := missing(numbers):
        body.append("<h2>Not there yet</h2><ul>" + "".join(f"<li>{html_text(s)}</li>" for s in sentences) + "</ul>")
    return page(table, body, origin)


def page(table: Mapping[str, Any], body: list[str], origin: list[str]) -> str:
    """A table's web page with its style sheet; `body` are the lines of HTML between note and origin."""
    note = f"<p>{html_text(table['note'])}</p>" if table["note"] else ""
    lines = [f"<h1>{html_text(table['title'])}</h1>", note, *body]
    lines += ["<h2>Where the numbers come from</h2><ul>", *(f"<li>{html_text(sentence)}</li>" for sentence in origin)]
    content = "\n".join([*lines, "</ul>"])
    return (
        f"<!doctype html>\n<html lang='en'><meta charset='utf-8'><title>{html.escape(table['title'])}</title>"
        f"<style>{_STYLE}</style>\n{content}\n</html>\n"
    )


def _html_number(number: Number) -> str:
    hint = html.escape((number.needs and f"needs {number.needs}") or number.runs.replace(" ", "\n"), quote=True)
    kind = "ours missing" if number.needs else "ours"
    ours = f"<span class='{kind}' title='{hint}'>{number.ours}</span>"
    name = f"<span class='metric'>{number.name}</span> " if number.name else ""
    if number.alone:
        return f"<div>{name}{ours}</div>"
    return (
        f"<div>{name}<span class='printed'>{number.printed}</span> | {ours} | "
        f"<span class='difference'>{number.difference}</span></div>"
    )
