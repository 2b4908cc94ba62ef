import weakref
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.stage2.generators import references
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from longtail.runtime.errors import InputError
from longtail.stage2.generators import _heads, ladc

SETTINGS = {"m": 2, "alpha": 0.15, "beta": 0.8, "w_rule": "printed", "head_rule": "share", "head_size": 0.6}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def on_digits(**changes):
    return ladc.build(SETTINGS | changes, *references.digits(), references.COUNTS)


def line():
    """Heads at 0 and 4 with variances 1 and 4 and 100 and 50 images, and one tail image at 1."""
    first, second = np.sqrt(99 / 100), 2 * np.sqrt(49 / 50)
    values = np.concatenate([np.tile([-first, first], 50), 4 + np.tile([-second, second], 25), [1]])
    return torch.from_numpy(values[:, None]).float(), np.repeat([0, 1, 2], [100, 50, 1]), [100, 50, 1]


@pytest.mark.parametrize(
    ("w_rule", "w", "mu0", "sigma0", "mu", "sigma"),
    [
        ("printed", [0.18182, 0.81818], 3.27273, 2.81074, 2.13636, 1.40537),
        ("inverse", [0.94737, 0.05263], 0.21053, 1.00859, 0.60526, 0.50429),
        ("count", [2 / 3, 1 / 3], 4 / 3, 4 / 9 + 4 / 9 + 0.1, 7 / 6, 0.5 * (8 / 9 + 0.1)),
    ],
)
def test_hand_worked_example(w_rule: str, w: list[Any], mu0: float, sigma0: float, mu: float, sigma: float) -> None:
    features, labels, counts = line()
    np.testing.assert_allclose(references.statistics(features, labels, [0, 1])[0], [[0], [4]], atol=1e-6)
    wanted = SETTINGS | {"w_rule": w_rule, "alpha": 0.1, "beta": 1.0, "head_rule": "top_k", "head_size": 2}
    heads = _heads.of_features(wanted, features, labels, counts)
    calibrated = ladc.calibrate(wanted, heads, features, np.array([150]))
    assert calibrated.neighbours.tolist() == [[0, 1]]
    np.testing.assert_allclose(calibrated.weights, [w], atol=1e-4)
    mean, covariance = references.moments(ladc.build(wanted, features, labels, counts), 150)
    np.testing.assert_allclose([mean.item(), covariance.item()], [mu, sigma], atol=1e-4)
    # The prior is what is left of the posterior when the image counts for nothing.
    mean, covariance = references.moments(ladc.build(wanted | {"beta": 1e9}, features, labels, counts), 150)
    np.testing.assert_allclose([mean.item(), covariance.item()], [mu0, sigma0], atol=1e-4)


@pytest.mark.parametrize("w_rule", ["printed", "inverse", "count"])
@pytest.mark.parametrize(("m", "row"), [(1, 309), (2, 350), (3, 416)])
def test_gaussian_of_a_tail_image_equals_the_equations(w_rule: str, m: int, row: int) -> None:
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    wanted = SETTINGS | {"m": m, "w_rule": w_rule}
    expected = references.posterior(features[row].double().numpy(), means, covariances, references.COUNTS, wanted)
    mean, covariance = references.moments(on_digits(m=m, w_rule=w_rule), row)
    np.testing.assert_allclose(mean, expected[0], atol=1e-6)
    np.testing.assert_allclose(covariance, expected[1], atol=1e-6)


def test_draws_are_distributed_as_the_equations_say() -> None:
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    # A small α, lest it hide the covariances of the head classes.
    draw = on_digits(alpha=0.001)
    drawn = draw(np.full(200_000, 400), generator())
    expected = references.posterior(
        features[400].double().numpy(), means, covariances, references.COUNTS, SETTINGS | {"alpha": 0.001}
    )
    references.assert_sampled_from(drawn, *expected)


def test_each_row_is_drawn_from_its_own_gaussian() -> None:
    features, labels = references.digits()
    means, covariances = references.statistics(features, labels, references.HEADS)
    rows = np.array([309, 5, 416, 310, 0, 309, 380])
    found = references.mean_of(on_digits(), rows)
    for row, mean in zip(rows, found, strict=True):
        point = features[row].double().numpy()
        own = references.posterior(point, means, covariances, references.COUNTS, SETTINGS)[0]
        np.testing.assert_allclose(mean, point if labels[row] in references.HEADS else own, atol=1e-6)


def test_head_rows_keep_their_features() -> None:
    features, labels = references.digits()
    rows = np.random.default_rng(0).permutation(len(labels))
    drawn = on_digits()(rows, generator())
    head = np.isin(labels[rows], references.HEADS)
    assert torch.equal(drawn[head], features[rows[head]])
    assert not (drawn[~head] == features[rows[~head]]).any(dim=1).any()
    only = rows[head]
    assert torch.equal(on_digits()(only, generator()), features[only])


def test_features_are_left_as_they_were() -> None:
    features, _ = references.digits()
    before = features.clone()
    on_digits()(np.arange(len(features)), generator())
    assert torch.equal(features, before)


def test_every_draw_is_fresh_and_the_seed_settles_it() -> None:
    draw, rows = on_digits(), np.array([400, 400, 3, 316])
    source = generator(7)
    first, second = draw(rows, source), draw(rows, source)
    assert not torch.isclose(first[0], first[1]).any()
    assert not torch.isclose(first[[0, 3]], second[[0, 3]]).any()
    assert torch.equal(on_digits()(rows, generator(7)), first)


def test_m_is_capped_at_the_head_classes() -> None:
    rows = np.arange(309, 417)
    assert torch.equal(on_digits(m=50)(rows, generator()), on_digits(m=3)(rows, generator()))
    assert not torch.equal(on_digits(m=3)(rows, generator()), on_digits(m=2)(rows, generator()))


def test_without_dispersion_a_draw_stays_in_what_the_heads_span() -> None:
    features, labels = references.digits()
    dead = (features[labels < 3] == 0).all(dim=0)
    still = on_digits(alpha=0)(np.full(50, 400), generator())[:, dead]
    assert dead.sum() >= 3
    np.testing.assert_allclose(still - features[400, dead] / 1.8, 0, atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "squared", "counts", "expected"),
    [
        ("printed", [0, 0], [100, 50], [0.5, 0.5]),
        ("printed", [0, 2], [100, 50], [0, 1]),
        ("inverse", [0, 2], [100, 50], [1, 0]),
        ("inverse", [0, 0], [100, 50], [2 / 3, 1 / 3]),
        ("inverse", [1e-320, 2], [100, 50], [1, 0]),
        ("count", [0, 7], [100, 50], [2 / 3, 1 / 3]),
    ],
)
def test_weights_where_distances_are_zero(
    rule: str, squared: list[Any], counts: list[int], expected: list[Any]
) -> None:
    found = ladc.prior_weights(np.array([squared], float), np.array([counts]), rule)
    np.testing.assert_allclose(found, [expected], atol=1e-12)


@given(st.data(), st.sampled_from(["printed", "inverse", "count"]), st.integers(1, 5))
def test_weights_sum_to_one(data: Any, rule: Any, m: Any) -> None:
    squared = data.draw(arrays.arrays(float, (3, m), elements=st.floats(0, 1e30)))
    counts = data.draw(arrays.arrays(np.int64, (3, m), elements=st.integers(2, 10**6)))
    weights = ladc.prior_weights(squared, counts, rule)
    assert np.all(weights >= 0)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)


@examples(deadline=None, max_examples=40)
@given(
    arrays.arrays(np.float32, (10, 3), elements=st.floats(-100, 100, width=32)),
    st.sampled_from(["printed", "inverse", "count"]),
)
def test_beta_goes_from_the_image_to_the_prior(values: Any, w_rule: Any) -> None:
    features, labels, counts = torch.from_numpy(values), np.repeat([0, 1, 2, 3], [4, 3, 2, 1]), [4, 3, 2, 1]
    wanted = SETTINGS | {"w_rule": w_rule, "head_rule": "top_k", "head_size": 2}
    rows = np.arange(7, 10)
    image = ladc.build(wanted | {"beta": 1e-16}, features, labels, counts)(rows, generator())
    np.testing.assert_allclose(image, values[rows], atol=1e-4)
    found = references.mean_of(ladc.build(wanted | {"beta": 1e16}, features, labels, counts), rows)
    means = references.statistics(features, labels, [0, 1])[0]
    squared = ((values[rows].astype(float)[:, None] - means) ** 2).sum(axis=2)
    weights = ladc.prior_weights(squared, np.array([[4, 3]] * 3), w_rule)
    np.testing.assert_allclose(found, weights @ means, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"head_size": 1}, "head_size is 1, .* leaves no tail class"),
        ({"head_rule": "top_k"}, "head_size is 0.6, .* whole number from 1 to 9"),
    ],
)
def test_unusable_head_sets_are_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        on_digits(**changes)


class Tensors(TorchDispatchMode):
    """Notes what every operation gives: its name, the largest tensor, and which tensors are still held."""

    def __init__(self):
        super().__init__()
        self.operations, self.largest, self.given = set(), 0, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations.add(function.name())
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.numel())
                self.given.append(weakref.ref(tensor))
        return result

    def held(self):
        storages = [tensor.untyped_storage() for given in self.given if (tensor := given()) is not None]
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def test_no_covariance_is_ever_formed() -> None:
    width, counts = 2048, [200, 150, 120, 60, 40, 20]
    features, labels = torch.rand(590, width, generator=generator()), np.repeat(np.arange(6), counts)
    wanted = SETTINGS | {"m": 3, "head_rule": "top_k", "head_size": 3}
    rows = np.arange(590)
    with Tensors() as building:
        draw = ladc.build(wanted, features, labels, counts)
    with Tensors() as drawing:
        draw(rows, generator())
    assert building.largest <= features.numel() < width**2
    assert drawing.largest <= features.numel()
    factors, means = 4 * sum(counts[:3]) * width, 4 * 3 * width
    assert factors + means <= building.held() <= factors + means + 4096
    # Operations that make the host wait for the device.
    waiting = {"aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::_unique2", "aten::item"}
    assert not drawing.operations & waiting


def test_factors_are_no_larger_than_a_covariance() -> None:
    features, labels = references.digits()
    factors = _heads.of_features(SETTINGS, features[:, :32], labels, references.COUNTS).factors
    assert [factor.shape for factor in factors] == [(32, 32)] * 3
