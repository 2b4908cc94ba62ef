import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from longtail import smoothing as module
from longtail.runtime.errors import InputError
from longtail.smoothing import FORMS, smoothing

COUNTS = [500, 314, 48, 5]  # four of the hundred classes of CIFAR-100-LT, imbalance factor 100


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("concave", [0.4, 0.3492, 0.1408, 0.1]),
        ("linear", [0.4, 0.2873, 0.1261, 0.1]),
        ("convex", [0.4, 0.2330, 0.1028, 0.1]),
    ],
)
def test_matches_the_slide(form: str, expected: list[float]) -> None:
    np.testing.assert_allclose(smoothing(COUNTS, 0.4, 0.1, form), expected, atol=5e-5)


@pytest.mark.parametrize("form", FORMS)
def test_order_of_the_classes_does_not_matter(form: str) -> None:
    order = [2, 0, 3, 1]
    shuffled = smoothing([COUNTS[i] for i in order], 0.3, 0.0, form)
    np.testing.assert_array_equal(shuffled, smoothing(COUNTS, 0.3, 0.0, form)[order])


@pytest.mark.parametrize("form", FORMS)
def test_equal_counts_all_get_the_head_factor(form: str) -> None:
    np.testing.assert_array_equal(smoothing([7, 7, 7], 0.3, 0.1, form), [0.3, 0.3, 0.3])


def test_forms_lie_above_each_other_between_the_ends() -> None:
    inner = np.linspace(1, 100, 12)
    concave, linear, convex = (smoothing(inner, 0.4, 0.1, form)[1:-1] for form in FORMS)
    assert (concave > linear).all()
    assert (linear > convex).all()


@pytest.mark.parametrize(
    ("counts", "head", "tail", "form", "says"),
    [
        ([5, 2], 0.4, 0.1, "cubic", "cubic"),
        ([], 0.4, 0.1, "linear", "counts"),
        ([5, 0], 0.4, 0.1, "linear", "counts"),
        ([[5, 2]], 0.4, 0.1, "linear", "counts"),
        ([5, 2], 1.0, 0.1, "linear", "head=1.0"),
        ([5, 2], 0.4, -0.1, "linear", "tail=-0.1"),
    ],
)
def test_bad_input_is_named(counts: list[int], head: float, tail: float, form: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        smoothing(counts, head, tail, form)


def test_module_needs_no_torch() -> None:
    root = Path(module.__file__).parents[1]
    program = "import sys, longtail.smoothing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=root).returncode == 0
