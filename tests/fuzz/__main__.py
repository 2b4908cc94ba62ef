"""Damaged files for as long as one likes: `python -m tests.fuzz --minutes 10 --seed 1`."""

import argparse
import faulthandler
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz import runner
from tests.fuzz.readers import READERS


def main() -> None:
    """Read damaged files, print what went wrong, and end with 1 if anything did."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="shared equally by the readers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--folder", type=Path, default=Path("/tmp/fuzz"), help="where files go, and failing ones stay"
    )
    parser.add_argument("--replay", type=Path, help="read the files of such a folder again, and nothing else")
    given = parser.parse_args()
    if given.replay:
        print(outcome := runner.read(given.replay.resolve()))
        sys.exit(outcome not in (runner.TAKEN, runner.REFUSED))
    names = given.reader or list(READERS)
    failures = sum(_run(name, given.folder, given.seed, given.minutes * 60 / len(names)) for name in names)
    sys.exit(failures > 0)


def _run(name: str, folder: Path, seed: int, seconds: float) -> int:
    """Number of failures."""
    print(f"{name}: if the process dies, its last files are in {folder / name / 'damaged'}", flush=True)
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    for outcome in runner.outcomes(name, folder.resolve(), seed):
        # A reader that hangs in compiled code hears no alarm.
        faulthandler.dump_traceback_later(6 * runner.SECONDS, exit=True)
        if outcome not in (runner.TAKEN, runner.REFUSED):
            print(outcome, flush=True)
            outcome = "failed"
        counts[outcome] += 1
        if time.monotonic() > end:
            break
    faulthandler.cancel_dump_traceback_later()
    print(f"{name}: {', '.join(f'{number:,} {outcome}' for outcome, number in counts.items())}")
    return counts["failed"]


if __name__ == "__main__":
    faulthandler.enable()
    main()
