"""Updates the pages that show published numbers from the files in `results/published` (`longtail published`)."""

import csv
import re
from pathlib import Path
from typing import Any

from longtail.evaluate.columns import METRICS
from longtail.report.render import TITLES
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT

PUBLISHED = ROOT / "results" / "published"
NETWORKS = PUBLISHED / "networks" / "runs"
# A marker names a Markdown table below results/published and the part of it that is shown, or the networks there.
_MARKED = re.compile(r"(<!-- published: (\S+?)(?:, (\w+))? -->\n).*?(?=<!-- end -->)", re.DOTALL)
ORIGIN = "origin"
_HEAD = ("Stage 1", "seed", "images", "test accuracy, last epoch", "best epoch", "trained on", "hours", "commit")


def pages() -> list[Path]:
    """README.md, two pages of `docs`, and the README.md files in `results/published`."""
    documents = [ROOT / "docs" / name for name in ("trained-weights.md", "your-own-data.md")]
    return [ROOT / "README.md", *documents, *sorted(PUBLISHED.rglob("README.md"))]


def filled(page: str) -> str:
    """A page with everything between `<!-- published: … -->` and `<!-- end -->` generated again.

    `mine/tables/a.md, last` shows the table of that file with the model selection `last` (or `best`),
    `mine/tables/a.md, origin` its sentences about where the numbers come from, and `networks` the list of networks.
    Raises InputError if a marker names anything else.
    """
    return _MARKED.sub(
        lambda match: match[1] + (_networks() if match[2] == "networks" else _part(*match.groups()[1:])), page
    )


def _part(name: str, part: str | None) -> str:
    path = PUBLISHED / name
    if not path.is_file():
        raise InputError(f"'<!-- published: {name} -->' names no file of results/published: correct it")
    text = path.read_text()
    if part == ORIGIN:
        return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("- "))
    if part not in TITLES or TITLES[part] not in text:
        raise InputError(
            f"'<!-- published: {name}, {part} -->' must end in {', '.join([*TITLES, ORIGIN])}: correct it"
        )
    section = text.split(f"## {TITLES[part]}\n", 1)[1].split("\n## ", 1)[0]
    return "".join(f"{line}\n" for line in section.splitlines() if line.startswith("|"))


def _networks() -> str:
    rows = [_network(path) for path in sorted(NETWORKS.rglob("provenance.json"))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (_HEAD, ("---",) * len(_HEAD), *rows))


def _network(path: Path) -> tuple[str, ...]:
    record: dict[str, Any] = files.read_json(path)
    with path.with_name("history.csv").open(newline="") as handle:
        accuracies = [float(row["test_top1"]) * 100 for row in csv.DictReader(handle) if row["test_top1"]]
    folder = path.parent.relative_to(NETWORKS)
    *setting, stage1, seed, _ = folder.parts
    return (
        f"[`{'/'.join(setting)}/{stage1}`](runs/{folder})",
        seed.removeprefix("seed"),
        record["images_seen"]["train"][:8],
        f"{METRICS['top1'].text(accuracies[-1])} %",
        f"{METRICS['top1'].text(max(accuracies))} %",
        f"{record['accelerator'] or record['processor']}, {record['precision']}",
        f"{record['seconds'] / 3600:.1f}",
        record["commit"],
    )
