"""The nearest-neighbour estimate: against another package, known divergences, and its known failures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.divergence import (
    knn_kl,
    knn_kl_interval,
    knn_kl_several,
    log_ratios,
)


def _gammas(n, m, ratio=1.49, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(10.0, ratio, n), rng.gamma(10.0, 1.0, m)


def _true_kl(ratio):
    return 10 * (ratio - 1 - np.log(ratio))


def _by_definition(x, y, k):
    rho = np.sort(np.abs(x[:, None] - x[None]), axis=1)[:, k]
    nu = np.sort(np.abs(x[:, None] - y[None]), axis=1)[:, k - 1]
    return np.mean(np.log(nu / rho)) + np.log(len(y) / (len(x) - 1))


@pytest.mark.parametrize("k", [1, 2, 5, 20])
def test_equals_the_definition(k):
    x, y = _gammas(60, 150)
    assert knn_kl(x, y, k) == pytest.approx(_by_definition(x, y, k), abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(6, 30), st.integers(5, 30))
def test_equals_the_definition_for_any_sizes(seed, k, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(2, 3, size=m)
    assert knn_kl(x, y, k) == pytest.approx(_by_definition(x, y, k), abs=1e-9)


def test_equals_universal_divergence():
    from universal_divergence import estimate

    x, y = _gammas(300, 900)
    assert knn_kl(x, y) == pytest.approx(estimate(x[:, None], y[:, None], k=1), abs=1e-10)


@pytest.mark.parametrize(("k", "bias"), [(1, 0.03), (5, 0.05)])
def test_finds_a_known_divergence(k, bias):
    values = [knn_kl(*_gammas(1000, 9000, seed=seed), k) for seed in range(40)]
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - _true_kl(1.49)) < bias + 4 * error


def test_does_not_change_under_an_affine_map():
    x, y = _gammas(500, 700)
    assert knn_kl(3 - 2 * x, 3 - 2 * y) == pytest.approx(knn_kl(x, y), abs=1e-9)


def test_interval_has_about_its_stated_coverage():
    # Around the estimator's own mean: the interval describes scatter, not bias.
    estimates = [
        knn_kl_interval(*_gammas(300, 2700, seed=s), 5, rng=np.random.default_rng(s), draws=300)
        for s in range(80)
    ]
    centre = np.mean([e.value for e in estimates])
    covered = np.mean([e.low <= centre <= e.high for e in estimates])
    assert covered >= 0.85
    assert all(e.low < e.value < e.high and (e.k, e.n, e.m) == (5, 300, 2700) for e in estimates)


@given(st.integers(0, 10**6), st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_several_are_the_single_ones(seed, ks):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=12), rng.normal(1, 2, size=9)
    np.testing.assert_array_equal(knn_kl_several(x, y, ks), [knn_kl(x, y, k) for k in ks])


def test_ties_are_refused_but_only_where_they_matter():
    x, y = np.array([1.0, 1.0, 2.5, 4.0]), np.array([0.3, 2.0, 3.1])
    with pytest.raises(ValueError, match="got 2 neighbour distances that are zero, expected none"):
        knn_kl(x, y)
    assert np.isfinite(knn_kl(x, y, 2))


@pytest.mark.parametrize(
    ("x", "y", "k", "message"),
    [
        ([[1.0, 2.0]], [1.0, 2.0], 1, r"x: got shape \(1, 2\), expected one axis"),
        ([1.0], [1.0, 2.0], 1, "x: got 1 values, expected at least 2"),
        ([1.0, 3.0, 4.0], [2.0], 2, "y: got 1 values, expected at least 2"),
        ([1.0, np.nan], [1.0, 2.0], 1, "x: got NaN or infinite values"),
        ([1.0, 2.0], [np.inf, 2.0], 1, "y: got NaN or infinite values"),
        ([1.0, 2.0], [3.0, 4.0], 0, "k: got 0, expected a whole number of at least 1"),
    ],
)
def test_bad_samples(x, y, k, message):
    with pytest.raises(ValueError, match=message):
        log_ratios(x, y, k)


def test_bad_level_and_no_neighbours():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="level: got 95, expected a number between 0 and 1"):
        knn_kl_interval([1.0, 2.0, 3.0], [1.5, 2.5], rng=rng, level=95)
    with pytest.raises(ValueError, match="k: got no number of neighbours, expected at least one"):
        knn_kl_several([1.0, 2.0, 3.0], [1.5, 2.5], [])
    with pytest.raises(ValueError, match="k: got 0, expected a whole number of at least 1"):
        knn_kl_several([1.0, 2.0, 3.0], [1.5, 2.5], [2, 0])
