"""Imbalance factors, as written in a configuration and as written in paths."""

from fractions import Fraction

from longtail.runtime.errors import InputError

NATURAL = "natural"
# Within these bounds, at most 17 digits distinguish every factor from all others.
LEAST, MOST = 1e-15, 1e15


def slug(factor: float | str, where: str) -> str:
    """`if100` from 100 or 0.01, `if1` from 1 (balanced), `natural` from 'natural'; raises InputError otherwise.

    A factor below 1 whose reciprocal has no short form keeps its own digits, `if0.015`: 66.6667 is another factor.
    """
    if factor == NATURAL:
        return NATURAL
    # The value may be of any type: null, a list, yes.
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not LEAST < factor < MOST:
        raise InputError(
            f"{where}: factor {factor!r} is not allowed: write 100 or 0.01 (largest over smallest class), "
            "1 for the balanced set, or 'natural'"
        )
    ratio = round(1 / factor, 6) if factor < 1 else factor
    return f"if{_digits(ratio if factor >= 1 or 1 / ratio == factor else factor)}"


def ratio(imbalance: str) -> Fraction | None:
    """The exact factor of `if100` (100) or `if0.015` (200/3); None for `natural`."""
    if imbalance == NATURAL:
        return None
    factor = Fraction(imbalance.removeprefix("if"))
    return factor if factor >= 1 else 1 / factor


def _digits(number: float) -> str:
    """A number in as few digits as identify it."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number).removesuffix(".0")
