import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from longtail.mixing import remix

SETTINGS = {"alpha": 1.0, "kappa": 3, "tau": 0.5, "reduction": "per_sample"}
COUNTS = [300, 100, 99, 30]


def shares(share, labels, partners, **changes):
    built = remix.build(SETTINGS | changes, COUNTS)
    found = built(torch.tensor(share, dtype=torch.float64), torch.tensor(labels), torch.tensor(partners))
    return found.tolist()


def test_by_hand() -> None:
    # A label of 300 images with partners of 300, 100, 99, 30: from the ratio 3 on, it gives its share away below τ.
    assert shares(0.4, [0, 0, 0, 0], [0, 1, 2, 3]) == [0.4, 0.0, 0.0, 0.0]
    assert shares(0.5, [0, 0, 0, 0], [0, 1, 2, 3]) == [0.5, 0.5, 0.5, 0.5]
    # The rare label takes all where the partner's share 1−λ is below τ.
    assert shares(0.6, [1, 2, 3, 3], [0, 0, 1, 2]) == [1.0, 1.0, 1.0, 1.0]
    assert shares(0.6, [1, 3], [2, 3]) == [0.6, 0.6]
    assert shares(0.4, [1, 3], [0, 0]) == [0.4, 0.4]


def test_batch_mean_gives_every_image_the_mean() -> None:
    assert shares(0.4, [0, 0, 0, 0], [0, 1, 2, 0], reduction="batch_mean") == pytest.approx(0.2)


@given(share=st.floats(0, 1), kappa=st.floats(1, 10), tau=st.floats(0, 1))
def test_every_pair_equals_the_definition(share: Any, kappa: Any, tau: Any) -> None:
    pairs = list(itertools.product(range(4), repeat=2))
    labels, partners = (list(side) for side in zip(*pairs, strict=True))
    expected = []
    for i, j in pairs:
        if COUNTS[i] >= kappa * COUNTS[j] and share < tau:
            expected.append(0.0)
        elif COUNTS[j] >= kappa * COUNTS[i] and 1 - share < tau:
            expected.append(1.0)
        else:
            expected.append(share)
    assert shares(share, labels, partners, kappa=kappa, tau=tau) == expected
