import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtail.config import imbalance
from longtail.runtime.errors import InputError


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (100, "if100"),
        (0.01, "if100"),
        (0.02, "if50"),
        (1, "if1"),
        (1.0, "if1"),
        (2.5, "if2.5"),
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


def test_the_natural_imbalance_has_no_factor() -> None:
    assert imbalance.ratio("natural") is None


@pytest.mark.parametrize(
    "factor", [0, -1, True, False, "x", "100", None, [100], float("nan"), float("inf"), -float("inf")]
)
def test_other_factors_are_refused_with_a_remedy(factor: object) -> None:
    with pytest.raises(InputError, match=r"^my\.yaml: factor .* is not allowed: write 100 or 0\.01"):
        imbalance.slug(factor, "my.yaml")  # type: ignore[arg-type]
