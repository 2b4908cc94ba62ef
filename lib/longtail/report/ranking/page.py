"""The page as HTML, self-contained, and as Markdown for GitHub."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from longtail.report import origin as origins
from longtail.report.escapes import html_text, markdown_note, markdown_text
from longtail.report.ranking import grids, words
from longtail.report.ranking.drawings import DIAGRAMS
from longtail.report.ranking.ranked import Ranked
from longtail.report.render import NONE, listed, page

LONGEST = 400  # classes that a web page lists; more make it slow
SHORTEST = 60  # and those that a page in Markdown lists

_STYLE = """<style>
body { max-width: 76rem } p, li { max-width: 62rem }
.short { background: #f2f6fc; border-left: 4px solid #0b5cd6; padding: .2rem 1rem; max-width: 62rem }
.short p:first-child { font-size: 1.1rem }
figure { margin: 1rem 0; overflow-x: auto } figure svg { max-width: 100%; height: auto }
figcaption { color: #555; font-size: .9rem; max-width: 62rem }
td.first .value { font-weight: 700; color: #0b4aa8 } td.tied .value { font-weight: 600 } td.worse { color: #666 }
td .rank { color: #767676; font-size: 12px }
td.tied, td.first { background: #f2f6fc }
.tall { overflow: auto; max-height: 34rem } .tall thead th { position: sticky; top: 0; background: #fff; z-index: 1 }
.side { display: flex; flex-wrap: wrap; gap: 0 3rem } .side > div { overflow-x: auto }
td.number, th.number { text-align: right } td.bar { min-width: 8rem; width: 10rem }
summary { cursor: pointer; margin: .6rem 0 } h3 { font-size: .95rem; margin: 1.2rem 0 .3rem }
.small { color: #555; font-size: .9rem }
</style>"""


def title(ranked: Ranked) -> str:
    """The title of the page."""
    return f"Which method? {ranked.table['title']}"


def webpage(ranked: Ranked, figures: Mapping[str, str], origin: Sequence[str]) -> str:
    """The web page; `figures` are the SVG texts of `drawings` by name."""
    body = [
        _STYLE,
        f"<p>{html_text(ranked.table['setting'])}</p>",
        f"<div class='short'>{_paragraphs([' '.join(words.recommendation(ranked))])}</div>",
        _items(words.verdict(ranked, standing) for standing in ranked.standings.values()),
        "<h2>Ranking</h2>",
        _ranking(ranked),
        _figure(figures["intervals"], "Means over seeds with 95 % intervals, the most accurate method on top."),
        *_missing(ranked),
        "<h2>Keep in mind</h2>",
        _items(words.cautions(ranked)),
    ]
    if len(ranked.methods) > 1:
        caption = "Further right is more accurate, further down is better calibrated. Bars are 95 % intervals; the "
        caption += "dotted line joins the methods than which none is better in both."
        body += ["<h2>Accuracy and calibration together</h2>", _figure(figures["front"], caption)]
        body += ["<h2>Differences to the first method</h2>", *_differences(ranked)]
    names = words.listed([ranked.label(method) for method in ranked.closely])
    first = ranked.label(ranked.closely[0])
    diagrams = words.listed([ranked.label(method) for method in ranked.closely[:DIAGRAMS]])
    body += [
        f"<h2>Accuracy of each class: {html_text(names)}</h2>",
        _figure(figures["classes"], f"Classes from most to fewest training {ranked.what}; means over seeds."),
        *_classes(ranked),
        f"<h2>Confusions: {html_text(first)}</h2>",
        _confusions(ranked),
        f"<h2>Reliability by group of classes: {html_text(diagrams)}</h2>",
        _figure(figures["reliability"], f"The test {ranked.what} of all seeds together. {_GROUPS}"),
        "<h2>How the numbers are made</h2>",
        _paragraphs(words.made(ranked)),
        _paragraphs(_daggers(ranked)),
    ]
    return page({"title": title(ranked), "note": ranked.table["note"]}, body, list(origin))


_GROUPS = "Bars below the diagonal are over-confidence; the strip shows how many fall into each bin."


def _paragraphs(sentences: Iterable[str]) -> str:
    return "".join(f"<p>{html_text(sentence)}</p>" for sentence in sentences)


def _items(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{html_text(sentence)}</li>" for sentence in sentences) + "</ul>"


def _figure(svg: str, caption: str) -> str:
    """An SVG within the page, without the head of a file of its own."""
    inline = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    named = inline.replace("<svg ", f"<svg role='img' aria-label='{html.escape(caption, quote=True)}' ", 1)
    return f"<figure>{named}<figcaption>{html_text(caption)}</figcaption></figure>"


def _ranking(ranked: Ranked) -> str:
    heads = "".join(f"<th>{html_text(head)}</th>" for head in ("Method", *grids.heads(ranked), "Minutes"))
    rows = []
    for label, cells, minutes in grids.ranking(ranked):
        texts = "".join(
            f"<td class='{cell.kind}'><div><span class='value'>{html_text(cell.number)}</span></div>"
            f"<div class='rank'>rank {cell.rank}</div></td>"
            for cell in cells
        )
        rows.append(f"<tr><th>{html_text(label)}</th>{texts}<td class='number'>{minutes}</td></tr>")
    legend = "Each cell: the mean over seeds with its 95 % interval, below it the rank and the ranks that the tests "
    legend += "leave open. Blue cells: first, or not distinguishable from the first. Minutes: training of one run, "
    legend += "beside whatever else the machine did."
    return (
        f"<div class='wide'><table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f"<p class='small'>{legend}</p>"
    )


def _missing(ranked: Ranked) -> list[str]:
    return [_paragraphs(missing(ranked))] if ranked.left_out else []


def missing(ranked: Ranked) -> list[str]:
    """A sentence for each method that has not run."""
    return [
        f"{label} is not ranked: it needs {needs}." if needs else f"{label} is not ranked: it has no network yet."
        for label, needs in ranked.left_out.items()
    ]


def _differences(ranked: Ranked) -> list[str]:
    body = []
    for standing in ranked.standings.values():
        heads = ("Method", f"Method − {ranked.label(standing.first)}", "p", "Shown")
        rows = [[html_text(text) for text in row] for row in grids.differences(ranked, standing)]
        body.append(
            f"<details><summary>{html_text(standing.criterion.label)}</summary>{_table(heads, rows)}</details>"
        )
    return body


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html_text(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{text}</td>' for text in row)}</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _classes(ranked: Ranked) -> list[str]:
    shown = grids.by_class(ranked)
    heads = ["Class", f"Training {ranked.what}", f"Test {ranked.what}"]
    head = "".join(f"<th>{html_text(text)}</th>" for text in (*heads, *map(ranked.label, ranked.closely)))
    rows = []
    for name, train, test, accuracies in shown[:LONGEST]:
        bars = "".join(_bar(accuracy) for accuracy in accuracies)
        numbers = f"<td class='number'>{train}</td><td class='number'>{test}</td>"
        rows.append(f"<tr><th>{html_text(name)}</th>{numbers}{bars}</tr>")
    more = _paragraphs([_more(ranked, LONGEST)]) if len(shown) > LONGEST else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return [f"<div class='tall'>{table}</div>{more}"]


def _more(ranked: Ranked, limit: int) -> str:
    return (
        f"These are the {limit} classes with most training {ranked.what}; all {len(ranked.classes)} are in "
        f"{ranked.table['name']}.classes.csv."
    )


def _bar(accuracy: float | None) -> str:
    if accuracy is None:
        return f"<td class='bar'>{NONE}</td>"
    shade = f"background:linear-gradient(90deg,#d6e3f0 {accuracy:.1f}%,transparent {accuracy:.1f}%)"
    return f"<td class='bar' style='{shade}'>{accuracy:.1f}</td>"


def _confusions(ranked: Ranked) -> str:
    found = grids.confused(ranked)
    if not any(found.values()):
        return _paragraphs(["No test image is taken for another class."])
    tables = []
    for name, rows in found.items():
        escaped = [[html_text(text) for text in row] for row in rows]
        heads = ("Class", "Taken for", f"Test {ranked.what}", "Share")
        tables.append(f"<div><h3>The largest {html_text(name)}</h3>{_table(heads, escaped)}</div>")
    seeds = len(ranked.methods[ranked.closely[0]].runs)
    mean = f"Numbers of {ranked.what} are means over {seeds} seeds. " if seeds > 1 else ""
    rule = f"{mean}By share, confusions of fewer than two {ranked.what} are left out where there are others."
    return f"<div class='side'>{''.join(tables)}</div><p class='small'>{html_text(rule)}</p>"


def _daggers(ranked: Ranked) -> list[str]:
    return origins.explained((method.label, method.calibration) for method in ranked.methods if method.calibration)


def markdown(ranked: Ranked, figure: str, origin: Sequence[str]) -> str:
    """The page for GitHub; `figure` is the name of the file with the intervals, beside it."""
    note = [markdown_note(ranked.table["note"]), ""] if ranked.table["note"] else []
    heads = ["Method", *(head for label in grids.heads(ranked) for head in (label, "rank")), "Minutes"]
    rows = [
        [label, *(text for cell in cells for text in (_emphasised(cell), cell.rank)), minutes]
        for label, cells, minutes in grids.ranking(ranked)
    ]
    lines = [f"# {markdown_text(title(ranked))}", "", markdown_text(ranked.table["setting"]), "", *note]
    lines += [f"**{markdown_text(' '.join(words.recommendation(ranked)))}**", ""]
    lines += listed(words.verdict(ranked, standing) for standing in ranked.standings.values())
    lines += ["## Ranking", "", *_grid(heads, rows, markup=True), ""]
    lines += ["Bold: first, or not distinguishable from the first.", "", f"![Intervals by criterion]({figure})", ""]
    if ranked.left_out:
        lines += listed(missing(ranked))
    lines += ["## Keep in mind", "", *listed(words.cautions(ranked))]
    if len(ranked.methods) > 1:
        lines += ["## Differences to the first method", ""]
        for standing in ranked.standings.values():
            head = ("Method", f"Method − {ranked.label(standing.first)}", "p", "Shown")
            lines += [f"### {markdown_text(standing.criterion.label)}", ""]
            lines += [*_grid(head, grids.differences(ranked, standing)), ""]
    lines += [*_markdown_classes(ranked), *_markdown_confusions(ranked)]
    lines += ["## How the numbers are made", ""]
    lines += [text for sentence in (*words.made(ranked), *_daggers(ranked)) for text in (markdown_text(sentence), "")]
    return "\n".join([*lines, *listed(origin)])


def _emphasised(cell: grids.Cell) -> str:
    return markdown_text(cell.number) if cell.kind == grids.WORSE else f"**{markdown_text(cell.number)}**"


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], markup: bool = False) -> list[str]:
    """A table; with `markup`, all cells but the first are Markdown already."""
    lines = [f"| {' | '.join(map(markdown_text, heads))} |", "|" + " --- |" * len(heads)]
    for first, *others in rows:
        cells = others if markup else map(markdown_text, others)
        lines.append(f"| {' | '.join((markdown_text(first), *cells))} |")
    return lines


def _markdown_classes(ranked: Ranked) -> list[str]:
    labels = [ranked.label(method) for method in ranked.closely]
    heads = ["Class", f"Training {ranked.what}", f"Test {ranked.what}", *(f"{label}, %" for label in labels)]
    shown = grids.by_class(ranked)
    rows = [
        [name, train, test, *(NONE if value is None else f"{value:.1f}" for value in values)]
        for name, train, test, values in shown[:SHORTEST]
    ]
    more = [markdown_text(_more(ranked, SHORTEST)), ""] if len(shown) > SHORTEST else []
    return ["## Accuracy of each class", "", *_grid(heads, rows), "", *more]


def _markdown_confusions(ranked: Ranked) -> list[str]:
    lines = [f"## Confusions: {markdown_text(ranked.label(ranked.closely[0]))}", ""]
    heads = ("Class", "Taken for", f"Test {ranked.what}", "Share")
    for name, rows in grids.confused(ranked).items():
        lines += [f"### The largest {name}", "", *_grid(heads, rows), ""]
    return lines
