"""Write the tables of benchmarks/results into benchmarks/README.md, between its markers."""

from pathlib import Path

from benchmarks import records

from longtail.runtime import files
from longtail.runtime.errors import InputError

PAGE = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- results: python -m benchmarks.report -->", "<!-- end of results -->"


def tables(folder: Path = records.RESULTS) -> str:
    """All recorded tables, one heading a benchmark."""
    parts = [f"### {path.stem}\n\n{records.table(files.read_json(path))}" for path in sorted(folder.glob("*.json"))]
    return "\n\n".join(parts) or "None are recorded yet."


def filled(text: str, generated: str) -> str:
    """A page with `generated` between its markers; InputError where it lacks them."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"the page needs the lines '{BEGIN}' and '{END}', once and in this order")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    files.write_text(PAGE, filled(PAGE.read_text(), tables()))
