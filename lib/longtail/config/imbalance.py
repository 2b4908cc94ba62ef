"""Imbalance factors as people write them and as paths spell them."""

from longtail.runtime.errors import InputError

NATURAL = "natural"


def slug(factor: float | str, where: str) -> str:
    """`if100` from 100 or 0.01, `if1` from 1 (balanced), `natural` from 'natural'; InputError otherwise."""
    if factor == NATURAL:
        return NATURAL
    # YAML may hold anything here: null, a list, yes.
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < float("inf"):
        raise InputError(
            f"{where}: factor {factor!r} is not allowed: write 100 or 0.01 (largest over smallest class), "
            "1 for the balanced set, or 'natural'"
        )
    ratio = round(1 / factor, 6) if factor < 1 else factor
    return f"if{ratio:g}"


def ratio(imbalance: str) -> float | None:
    """The factor of `if100`; None for `natural`."""
    return None if imbalance == NATURAL else float(imbalance.removeprefix("if"))
