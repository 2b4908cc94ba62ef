import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail import imbalance
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (100, "if100"),
        (0.01, "if100"),
        (0.02, "if50"),
        (1, "if1"),
        (1.0, "if1"),
        (2.5, "if2.5"),
        (0.4, "if2.5"),
        (1_000_000, "if1e+06"),
        (0.015, "if0.015"),
        (66.6667, "if66.6667"),
        (0.333333, "if0.333333"),
        (1_234_567, "if1234567"),
        (99.9999999, "if99.9999999"),
        (1.5e-9, "if1.5e-09"),
        ("natural", "natural"),
    ],
)
def test_slug_of_a_factor_as_people_write_it(factor: float | str, expected: str) -> None:
    assert imbalance.slug(factor, "table") == expected


@given(st.integers(1, 100_000))
def test_a_factor_and_its_reciprocal_are_the_same_setting(factor: int) -> None:
    assert (
        imbalance.slug(1 / factor, "table")
        == imbalance.slug(factor, "table")
        == imbalance.slug(float(factor), "table")
    )


@given(st.integers(1, 100_000))
def test_ratio_reads_what_slug_wrote(factor: int) -> None:
    assert imbalance.ratio(imbalance.slug(factor, "table")) == factor


FACTORS = st.one_of(st.integers(1, 10**6), st.floats(1e-6, 1e6), st.decimals("0.001", "999", places=3).map(float))


@given(FACTORS)
def test_a_name_holds_the_exact_factor(factor: float) -> None:
    written = Fraction(str(factor))
    meant = written if written >= 1 else 1 / written

    found = imbalance.ratio(imbalance.slug(factor, "table"))

    # 0.3333333333333333 is how a third is written, and stands for 3.
    assert found == meant or (factor < 1 and found is not None and float(1 / found) == factor)


@given(FACTORS, FACTORS)
def test_two_factors_have_two_names(one: float, other: float) -> None:
    first, second = (imbalance.slug(factor, "table") for factor in (one, other))

    assert (first == second) == (imbalance.ratio(first) == imbalance.ratio(second))
    assert first != second or one == other or 1 / max(one, other) == min(one, other)


@given(FACTORS)
def test_a_name_is_one_that_the_rules_know(factor: float) -> None:
    constraint = re.search(r'imbalance=r"(.+)",', (ROOT / "Snakefile").read_text())

    assert constraint
    assert re.fullmatch(constraint[1], imbalance.slug(factor, "table"))


def test_the_natural_imbalance_has_no_factor() -> None:
    assert imbalance.ratio("natural") is None


@pytest.mark.parametrize(
    "factor",
    [0, -1, True, False, "x", "100", None, [100], 10**400, 1e-320, float("nan"), float("inf"), -float("inf")],
)
def test_other_factors_are_refused_with_a_remedy(factor: object) -> None:
    with pytest.raises(InputError, match=r"^my\.yaml: factor .* is not allowed: write 100 or 0\.01"):
        imbalance.slug(factor, "my.yaml")  # type: ignore[arg-type]
