import pytest
from scipy import stats

from longtail.evaluate import student


@pytest.mark.parametrize("freedom", [1.0, 1.7, 2.0, 4.3, 12.0, 100.0, 999.0])
def test_tails_and_quantiles_are_those_of_scipy(freedom: float) -> None:
    for t in (0.0, 0.3, 1.0, 2.0, -2.5, 4.0, 12.0):
        assert student.two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-6, abs=1e-12)
    for level in (0.5, 0.95, 0.999):
        assert student.quantile(freedom, level) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-6)


def test_many_degrees_of_freedom_are_a_normal() -> None:
    assert student.quantile(1e6, 0.95) == pytest.approx(stats.norm.ppf(0.975), rel=2e-3)
    assert student.two_sided(float("inf"), 3) == 0.0
