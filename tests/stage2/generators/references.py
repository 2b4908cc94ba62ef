"""Long-tailed digits, the equations of LADC written out in NumPy, and the exact moments of a draw."""

import functools
from contextlib import contextmanager
from unittest import mock

import numpy as np
import torch
from sklearn.datasets import load_digits

from longtail.data.long_tail import cut

COUNTS = [150, 97, 62, 40, 26, 17, 11, 7, 4, 3]
HEADS = [0, 1, 2]  # 309 of 417 images; class 2 has fewer images than there are features


@functools.cache
def digits():
    """Pixels [417, 64] in 0-1 as float32 features, some of which are 0 in every image, with their labels."""
    pixels, labels = load_digits(return_X_y=True)
    kept = cut(labels, 50, 10, seed=0, n_max=150)
    assert kept.counts == COUNTS
    return torch.from_numpy(pixels[kept.indices] / 16).float(), labels[kept.indices].astype(np.int64)


def statistics(features, labels, heads):
    """float64 means [H, D] and covariances [H, D, D] (eqs. 2-3)."""
    of_heads = [np.asarray(features, np.float64)[labels == head] for head in heads]
    return np.stack([x.mean(axis=0) for x in of_heads]), np.stack([np.cov(x, rowvar=False) for x in of_heads])


def posterior(point, means, covariances, counts, settings):
    """μ' [D] and Σ' [D, D] of one point (eqs. 4-12, n_s = 1)."""
    distances = ((means - point) ** 2).sum(axis=1)
    chosen = np.argsort(distances)[: settings["m"]]
    rule = {"printed": lambda n, d: n * d, "inverse": lambda n, d: n / d, "count": lambda n, d: n}[settings["w_rule"]]
    w = np.array([rule(counts[i], distances[i]) for i in chosen], np.float64)
    w /= w.sum()
    mu0 = sum(w[j] * means[i] for j, i in enumerate(chosen))
    sigma0 = sum(w[j] ** 2 * covariances[i] for j, i in enumerate(chosen)) + settings["alpha"] * np.eye(len(point))
    beta = settings["beta"]
    return beta / (1 + beta) * mu0 + point / (1 + beta), beta / (1 + beta) * sigma0


@contextmanager
def noise(make):
    """All standard normal noise replaced by make(number, width)."""
    with mock.patch("torch.randn", lambda number, width, **_: make(number, width)):
        yield


def mean_of(draw, rows):
    """Exact means [n, D] of what `draw` gives for these rows: a draw without noise."""
    with noise(torch.zeros):
        return draw(np.asarray(rows), torch.Generator()).numpy().astype(np.float64)


def moments(draw, row):
    """Exact mean [D] and covariance [D, D] of what `draw` gives for a row, a linear function of its noise."""
    widths = []

    def none(number, width):
        widths.append(width)
        return torch.zeros(number, width)

    with noise(none):
        mean = draw(np.array([row]), torch.Generator()).double()
    ends = np.cumsum(widths)
    starts = iter(ends - widths)

    def unit(number, width):
        """Draw number i feels unit i of all noise, taken one after the other; no draws, none."""
        return torch.eye(int(ends[-1]))[:number, (start := next(starts)) : start + width]

    with noise(unit):
        effects = draw(np.full(ends[-1], row), torch.Generator()).double() - mean
    return mean[0].numpy(), (effects.T @ effects).numpy()


def assert_sampled_from(draws, mean, covariance):
    """Sample mean and covariance of draws [n, D] lie within 5.5 standard errors of a Gaussian's."""
    n, variances = len(draws), np.diag(covariance)
    draws = draws.double().numpy()
    assert np.all(np.abs(draws.mean(axis=0) - mean) <= 5.5 * np.sqrt(variances / n))
    error = np.sqrt((covariance**2 + np.outer(variances, variances)) / (n - 1))
    assert np.all(np.abs(np.cov(draws, rowvar=False) - covariance) <= 5.5 * error)
