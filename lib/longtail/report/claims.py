"""A table of claims: what a paper claims about two methods, our results, and whether these support the claim."""

import html
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from longtail.evaluate.columns import METRICS
from longtail.evaluate.paired import Difference, Estimate, Estimates, Verdict, difference, judge, judge_all
from longtail.report.escapes import html_text, latex_file, latex_text, markdown_text
from longtail.report.origin import explained
from longtail.report.render import NONE, TITLES, dagger, heading, listed, page
from longtail.report.tables import PROTOCOLS

HEADS = ("Claim", "Paper: better vs than", "Ours: better, than", "Difference [95 % interval] (seeds)", "Verdict")
COLUMNS = [
    *("table", "claim_number", "claim", "metric", "protocol", "better", "than"),
    *("printed_better", "printed_than", "ours_better", "ours_than", "difference", "low", "high", "n", "seeds"),
    *("verdict", "against", "lacks", "calibration_better", "calibration_than", "runs"),
]


def frame(table: Mapping[str, Any], estimates: Estimates) -> pd.DataFrame:
    """One line per claim and protocol, all numbers in the unit of the metric.

    `table` is the layout of `graph.layouts.claims`; `estimates` come from its logits (`evaluate.paired`).
    Of the methods that the claim compares `better` with, `than` is the one that comes closest to it, among those with
    a common seed; our numbers, `difference` (better − than) and its interval are of these two. `verdict` is that of
    the whole claim (`paired.judge_all`), `against` lists the methods that decide it if the claim names several, and
    `lacks` says what is missing.
    """
    lines = []
    for number, claim in enumerate(table["claims"]):
        for protocol in PROTOCOLS:
            place = {"table": table["name"], "claim_number": number, "protocol": protocol}
            place |= {key: claim[key] for key in ("claim", "metric")}
            place |= {f"printed_{key}": value for key, value in claim["printed"].items()}
            lines.append(place | _judged(claim, table["methods"], estimates[protocol][claim["metric"]]))
    return pd.DataFrame(lines, columns=COLUMNS)


def metrics(table: Mapping[str, Any]) -> list[str]:
    """The metrics of a table's claims, once each, in the order of `METRICS`."""
    claimed = {claim["metric"] for claim in table["claims"]}
    return [metric for metric in METRICS if metric in claimed]


def _judged(
    claim: Mapping[str, Any], methods: Mapping[str, Mapping[str, Any]], estimates: Mapping[str, Estimate]
) -> dict[str, Any]:
    """The result of one claim: the compared methods, their numbers, and the verdict."""
    metric, better = claim["metric"], methods[claim["better"]]
    differences: dict[str, Difference] = {}
    lacks: list[str] = []
    for name in claim["than"]:
        measured = difference(_by_seed(better, estimates), _by_seed(methods[name], estimates))
        if measured:
            differences[name] = measured
        else:
            lacks.append(_reason(better, methods[name]))
    verdicts = {name: judge(measured, metric) for name, measured in differences.items()}
    verdict = judge_all(verdicts.values(), complete=not lacks)
    name_them = len(claim["than"]) > 1 and verdict != Verdict.HOLDS
    against = [methods[name]["label"] for name in differences if name_them and verdicts[name] == verdict]
    closest = min(differences, key=lambda name: METRICS[metric].sign * differences[name].mean, default=None)
    return {
        "better": better["label"],
        "verdict": str(verdict),
        "against": ", ".join(against),
        "lacks": "; ".join(dict.fromkeys(lacks)),
        "calibration_better": better["calibration"],
    } | (_numbers(metric, differences[closest], better, methods[closest]) if closest else {})


def _by_seed(method: Mapping[str, Any], estimates: Mapping[str, Estimate]) -> dict[int, Estimate]:
    return {run["seed"]: estimates[run["logits"]] for run in method["runs"]}


def _reason(better: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Why two methods cannot be compared."""
    for method in (better, other):
        if method["needs"]:
            return f"{method['label']} needs {method['needs']}"
        if not method["runs"]:
            return f"no network of {method['label']}"
    return f"no network of {other['label']} under a seed of {better['label']}"


def _numbers(metric: str, measured: Difference, better: Mapping[str, Any], than: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of two methods that were compared."""
    in_unit = METRICS[metric].in_unit
    runs = [run["logits"] for method in (better, than) for run in method["runs"] if run["seed"] in measured.by_seed]
    return {
        "than": than["label"],
        # The last digits of the floats are removed, so that halves are rounded as in the table of methods.
        "ours_better": round(in_unit(measured.better), 9),
        "ours_than": round(in_unit(measured.other), 9),
        "difference": in_unit(measured.mean),
        "low": in_unit(measured.low),
        "high": in_unit(measured.high),
        "n": len(measured.by_seed),
        "seeds": " ".join(map(str, measured.by_seed)),
        "calibration_than": than["calibration"],
        "runs": " ".join(runs),
    }


def csv(numbers: pd.DataFrame) -> str:
    """The frame as CSV, six decimals."""
    counted = numbers.astype({"n": "Int64"})
    return str(counted.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


@dataclass(frozen=True)
class Line:
    """A claim as text, cell by cell, and its runs."""

    claim: str
    printed: str
    ours: str
    difference: str
    verdict: str
    runs: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells below `HEADS`."""
        return (self.claim, self.printed, self.ours, self.difference, self.verdict)


def _lines(numbers: pd.DataFrame, protocol: str) -> Iterator[Line]:
    for line in numbers[numbers["protocol"] == protocol].to_dict("records"):
        metric, compared = str(line["metric"]), pd.notna(line["difference"])
        yield Line(
            f"{line['claim']} ({METRICS[metric].label})",
            _printed(line),
            f"{_ours(line, 'better')}, {_ours(line, 'than')}" if compared else NONE,
            _difference(line) if compared else NONE,
            _verdict(line),
            line["runs"] if compared else "",
        )


def _printed(line: Mapping[Hashable, Any]) -> str:
    both = [line[f"printed_{key}"] for key in ("better", "than")]
    if all(map(pd.isna, both)):
        return NONE
    return " vs ".join(NONE if pd.isna(value) else METRICS[line["metric"]].as_printed(value) for value in both)


def _ours(line: Mapping[Hashable, Any], which: str) -> str:
    mark = dagger(line["metric"], line[f"calibration_{which}"])
    return f"{line[which]} {METRICS[line['metric']].text(line[f'ours_{which}'])}{mark}"


def _difference(line: Mapping[Hashable, Any]) -> str:
    mean, low, high = (METRICS[line["metric"]].signed(line[key]) for key in ("difference", "low", "high"))
    return f"{mean} [{low}, {high}] ({line['n']:.0f} seed{'s' if line['n'] > 1 else ''})"


def _verdict(line: Mapping[Hashable, Any]) -> str:
    text = f"{line['verdict']} against {line['against']}" if line["against"] else str(line["verdict"])
    return f"{text}{'; ' if line['against'] else ': '}{line['lacks']}" if line["lacks"] else text


def _legend(table: Mapping[str, Any]) -> list[str]:
    """Explains the columns, the verdicts and the interval."""
    claimed = [METRICS[metric] for metric in metrics(table)]
    units = {metric.unit: [other.label for other in claimed if other.unit == metric.unit] for metric in claimed}
    in_units = ", ".join(f"{' and '.join(labels)} in {unit}" for unit, labels in units.items())
    better = " and ".join(f"a {metric.better} {metric.label}" for metric in claimed)
    points = " in percentage points" if set(units) == {"%"} else ""
    return [
        f"All on {table['setting']}; {in_units}, {better} {'is' if len(claimed) == 1 else 'are'} better. Ours are "
        f"means over the seeds that both methods have, and the difference is better − than{points}. Of several "
        "methods that a claim names, the one that comes closest is shown, and the claim has to hold against each.",
        "A claim holds where the whole interval and the difference under every seed are on its side; it does not "
        "hold where the whole interval and the mean difference are on the other side; anything else is not shown.",
        "The interval is the spread over test images with the networks fixed: how far the difference would move on "
        "another test set of this size. It says nothing of other trainings; each line tells how many seeds it has.",
    ]


def _daggers(numbers: pd.DataFrame) -> list[str]:
    """Explains the daggers behind metrics of probabilities."""
    pairs = {
        (line[which], line[f"calibration_{which}"]): None
        for line in numbers[numbers["difference"].notna()].to_dict("records")
        for which in ("better", "than")
        if dagger(line["metric"], line[f"calibration_{which}"])
    }
    return explained(pairs)


def markdown(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """GitHub Markdown: a grid per protocol, its legend, and where the numbers come from."""
    lines = heading(table)
    for protocol in PROTOCOLS:
        lines += [f"## {TITLES[protocol]}", "", f"| {' | '.join(HEADS)} |", "|" + " --- |" * len(HEADS)]
        lines += [_markdown_row(line) for line in _lines(numbers, protocol)]
        lines.append("")
    lines += [text for sentence in (*_daggers(numbers), *_legend(table)) for text in (markdown_text(sentence), "")]
    return "\n".join([*lines, *listed(origin)])


def _markdown_row(line: Line) -> str:
    claim, ours, verdict = map(markdown_text, (line.claim, line.ours, line.verdict))
    return f"| {' | '.join((claim, line.printed, ours, line.difference, verdict))} |"


def latex(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """A `tabular` per protocol (packages booktabs and graphicx) with its legend below."""
    lines = []
    for protocol in PROTOCOLS:
        lines += [r"\begin{table}", r"\centering"]
        lines += [rf"\caption{{{latex_text(table['title'])}. {latex_text(TITLES[protocol])}.}}"]
        lines += [r"\resizebox{\linewidth}{!}{\begin{tabular}{p{7cm}cccp{4cm}}", r"\toprule"]
        lines += [" & ".join(map(latex_text, HEADS)) + r" \\", r"\midrule"]
        lines += [" & ".join(map(latex_text, line.cells)) + r" \\" for line in _lines(numbers, protocol)]
        lines += [r"\bottomrule", r"\end{tabular}}"]
        lines += [rf"\par\footnotesize {latex_text(text)}" for text in (*_daggers(numbers), *_legend(table))]
        lines += [r"\end{table}", ""]
    return latex_file(lines, origin)


def webpage(table: Mapping[str, Any], numbers: pd.DataFrame, origin: list[str]) -> str:
    """A self-contained page; hovering over our numbers shows their runs."""
    heads, body = "".join(f"<th>{html.escape(head)}</th>" for head in HEADS), []
    for protocol in PROTOCOLS:
        body.append(f"<h2>{html.escape(TITLES[protocol])}</h2><div class='wide'><table>")
        body += [f"<thead><tr>{heads}</tr></thead><tbody>", *map(_html_row, _lines(numbers, protocol))]
        body.append("</tbody></table></div>")
    body += [f"<p>{html_text(text)}</p>" for text in (*_daggers(numbers), *_legend(table))]
    return page(table, [*body, "<p>Hover over our numbers for their runs.</p>"], origin)


def _html_row(line: Line) -> str:
    claim, printed, ours, difference, verdict = map(html_text, line.cells)
    hint = html.escape(line.runs.replace(" ", "\n"), quote=True)
    return (
        f"<tr><th>{claim}</th><td><div class='printed'>{printed}</div></td>"
        f"<td><div class='ours' title='{hint}'>{ours}</div></td>"
        f"<td><div class='difference'>{difference}</div></td><td>{verdict}</td></tr>"
    )
