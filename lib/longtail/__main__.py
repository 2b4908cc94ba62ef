"""`longtail COMMAND`, which is `python -m longtail COMMAND`."""

import argparse
import ast
import importlib
import sys
from collections.abc import Sequence

import longtail
from longtail.runtime import arguments, parts
from longtail.runtime.errors import InputError


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; bad input is one sentence and exit code 1."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        known = parts.names("commands")
        if words and words[0] in known:
            _run(words[0], words[1:])
        else:
            _overview(known, words)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(name: str, words: Sequence[str]) -> None:
    # Imported only now: some commands take torch or pandas, and the others should not wait for them.
    command = importlib.import_module(f"longtail.commands.{name}")
    parser = arguments.Parser(prog=f"longtail {name}", description=command.__doc__)
    command.add_arguments(parser)
    command.run(parser.parse_args(words))


def _overview(known: Sequence[str], words: Sequence[str]) -> None:
    """Answer `--help`, or say what is wrong with the command."""
    width = max(map(len, known))
    listed = "\n".join(f"  {name:{width}}  {_first_line(name)}" for name in known)
    parser = arguments.Parser(
        prog="longtail",
        usage="longtail COMMAND ...",
        description=longtail.__doc__,
        epilog=f"commands:\n{listed}\n\nlongtail COMMAND --help lists the arguments of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    name = parser.parse_args(words[:1]).command
    raise InputError(f"there is no command '{name}': {parts.nearest(name, known)}")


def _first_line(command: str) -> str:
    source = parts.LIB / "commands" / f"{command}.py"
    return (ast.get_docstring(ast.parse(source.read_bytes())) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
