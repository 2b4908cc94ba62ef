"""Predict the classes of pictures or titles with a model of `longtail export`."""

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longtail.overview import text
from longtail.runtime import files
from longtail.runtime.errors import InputError

FORMATS = (".csv", ".jsonl")
# How many unreadable files are named one by one.
NAMED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, what to predict, and how to write it."""
    parser.add_argument("model", type=Path, metavar="MODEL", help="a file that `longtail export` has written")
    parser.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="images, and folders whose images are all taken; for a model of titles .txt files with a title a line, "
        "and .csv files with a column `text`",
    )
    parser.add_argument("--to", type=Path, metavar="FILE", help="a .csv or .jsonl file to write; else printed")
    parser.add_argument(
        "--top", type=int, default=5, metavar="K", help="classes of each example to name (default: 5)"
    )
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="examples at once (default: 64)")
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="auto (default): a GPU if there is one"
    )


def run(options: argparse.Namespace) -> None:
    """Write the predictions, or print them: as a table in a terminal, else as CSV."""
    if options.to is not None and options.to.suffix not in FORMATS:
        raise InputError(f"--to is {options.to}: give the file a name that ends in {' or '.join(FORMATS)}")
    for name in ("top", "batch_size"):
        if getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} is {getattr(options, name)}: give a number from 1 on")
    # Torch takes seconds to import, and is not needed to refuse an argument.
    from longtail.deploy import gather, predict, write
    from longtail.deploy.model import load

    model = load(options.model).to(predict.device(options.device))
    top, outcome, others = min(options.top, len(model.classes)), predict.Outcome(), 0
    shared: Any = (options.batch_size, top, outcome, _progress)
    if model.card.inputs.form == "titles":
        rows = predict.of_titles(model, gather.titles(options.inputs), *shared)
    else:
        found = gather.pictures(options.inputs)
        rows, others = predict.of_pictures(model, found.paths, *shared), found.others
    rows, calibration = _some(rows, outcome), model.card.calibration
    if options.to is not None:
        with files.whole(options.to) as handle:
            stream = io.TextIOWrapper(handle, encoding="utf-8", newline="")
            write.FORMATS[options.to.suffix](stream, rows, calibration.word, top)
            stream.detach()  # which writes what is left, and leaves the file open
    elif sys.stdout.isatty():
        print("\n".join(text.table(list(write.as_rows(rows)), left=2)))
    else:
        write.as_csv(sys.stdout, rows, calibration.word, top)
    print("\n".join(_summary(outcome, others, calibration.sentence, options.to)), file=sys.stderr)


def _some(rows: Iterator[Any], outcome: Any) -> Iterator[Any]:
    """The rows; raises InputError if there is none."""
    first = next(rows, None)
    if first is None:
        number = text.count(len(outcome.unreadable), "file")
        raise InputError(f"none of {number} could be read, the first one because: {outcome.unreadable[0]}")
    yield first
    yield from rows


def _summary(outcome: Any, others: int, calibration: str, target: Path | None) -> list[str]:
    written = f", written to {target}" if target else ""
    lines = [f"{text.count(outcome.predicted, 'example')} predicted{written}. Probabilities are {calibration}."]
    if others:
        lines.append(f"{text.count(others, 'other file')} in the folders left out: no image by name.")
    if unreadable := outcome.unreadable:
        more = [f"  and {len(unreadable) - NAMED:,} more"] if len(unreadable) > NAMED else []
        lines += [
            f"{text.count(len(unreadable), 'file')} passed over:",
            *(f"  {each}" for each in unreadable[:NAMED]),
        ]
        lines += more
    return lines


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        line = f"{done:,} of {total:,}"
        print(f"\r{' ' * len(line)}\r" if done == total else f"\r{line}", end="", file=sys.stderr, flush=True)
