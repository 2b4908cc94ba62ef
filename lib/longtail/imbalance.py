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


def class_counts(n_max: int, factor: float | Fraction, classes: int, decimals: int | None = None) -> list[int]:
    """Images kept per class: int(n_max · (1/factor)^(i/(K-1))), truncated, class 0 the largest.

    Results that are exactly an integer stay so; binary arithmetic, as in the papers' code, may make them one smaller
    (but does not for the papers' 5000 and 500 images at integer factors).
    With `decimals`, (1/factor)^(1/(K-1)) is rounded before it is raised to the power i: with one decimal this is
    0.6^i for factor 100 and ten classes, LADC's THUNEWS-LT (methods card 1.3), in binary arithmetic as in its code.
    Raises InputError if the rarest class would keep no image.
    """
    ratio = Fraction(str(factor))
    share = float(1 / ratio)
    if decimals is None:
        counts = [_exactly(n_max, ratio, Fraction(i, classes - 1), share) for i in range(classes)]
    else:
        decay = round(share ** (1 / (classes - 1.0)), decimals)
        counts = [int(n_max * decay**i) for i in range(classes)]
    if counts[-1] < 1:
        raise InputError(
            f"factor {float(factor):g} leaves class {classes - 1} without images (the largest class has {n_max}): "
            f"choose a factor below {n_max}"
        )
    return counts


def _exactly(n_max: int, ratio: Fraction, power: Fraction, share: float) -> int:
    """n_max / ratio^power, truncated; if rounding errors could matter, it is decided by exact integers."""
    size: float = n_max * share ** float(power)
    nearest = round(size)
    if abs(size - nearest) > 1e-9 * n_max:
        return int(size)
    if nearest == n_max:  # with thousands of classes, the exact powers would have as many digits
        return n_max if ratio == 1 or power == 0 else n_max - 1
    a, b = power.numerator, power.denominator
    fits = nearest**b * ratio.numerator**a <= n_max**b * ratio.denominator**a
    return nearest if fits else nearest - 1
