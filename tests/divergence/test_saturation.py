"""Saturation: the ceiling, the value that separated samples approach, and how it is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import Normal
from aggdist.divergence import (
    is_saturated,
    knn_kl,
    mean_log_gap,
    outside_share,
    saturation_ceiling,
    separated_estimate,
)


def test_saturates_below_its_ceiling():
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 500), rng.normal(60, 1, 4500)
    true = 60**2 / 2
    assert knn_kl(x, y) < saturation_ceiling(x, y) < 0.05 * true
    near, far = knn_kl(x, y[:450]), knn_kl(x, y)
    assert far - near == pytest.approx(np.log(10), abs=0.35)  # each factor ten in m buys 2.3 nats


@given(st.integers(0, 10**6), st.floats(-30, 30), st.integers(1, 4))
def test_no_estimate_exceeds_the_ceiling(seed, shift, k):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(shift, 1, 15), rng.gamma(2.0, 1.0, 20)
    assert knn_kl(x, y, k) <= saturation_ceiling(x, y, k) + 1e-12


@pytest.mark.parametrize("k", [1, 5])
def test_separated_samples_approach_the_formula(k):
    rng = np.random.default_rng(4)
    entropy = 0.5 * np.log(2 * np.pi * np.e)
    found, expected = [], []
    for _ in range(30):
        x, y = rng.normal(15, 1, 300), rng.normal(0, 1, 2000)
        found.append(knn_kl(x, y, k))
        expected.append(separated_estimate(entropy, np.mean(np.log(x - np.sort(y)[-k])), 2000, k))
    error = np.std(np.subtract(found, expected)) / np.sqrt(30)
    assert np.mean(found) == pytest.approx(np.mean(expected), abs=4 * error + k / 300)


@pytest.mark.parametrize("side", [1, -1])
def test_the_mean_gap_is_that_of_samples(side):
    rng = np.random.default_rng(5)
    p, q = Normal(side * 12.0, 1.0), Normal(0.0, 1.0)
    third = np.sort(side * rng.normal(size=(4000, 200)), axis=1)[:, -3]
    gaps = np.log(side * p.sample(rng, 4000) - third)
    assert mean_log_gap(p, q, 200, 3) == pytest.approx(gaps.mean(), abs=4 * gaps.std() / np.sqrt(4000))


def test_laws_that_overlap_have_no_gap():
    with pytest.raises(ValueError, match=r"p and q: got a value from p short of Y_k with probability 0.9"):
        mean_log_gap(Normal(1.0, 1.0), Normal(0.0, 1.0), 100)


def test_outside_share_counts_points_beyond_the_kth_value_on_either_side():
    x, y = np.array([-9.0, 0.5, 1.5, 2.5, 9.0]), np.array([0.0, 1.0, 2.0, 3.0])
    assert outside_share(x, y) == pytest.approx(2 / 5)
    assert outside_share(x, y, 2) == pytest.approx(4 / 5)


def test_saturation_is_noticed_where_the_estimate_is_too_low():
    rng = np.random.default_rng(5)
    for kl, expected in ((0.5, False), (1.5, False), (9.0, True), (30.0, True)):
        x, y = rng.normal(np.sqrt(2 * kl), 1, 1000), rng.normal(0, 1, 9000)
        assert is_saturated(x, y) is expected, kl
        assert (knn_kl(x, y) < 0.88 * kl) == expected, kl


def test_a_bad_share():
    with pytest.raises(ValueError, match="share: got 25, expected a number between 0 and 1"):
        is_saturated([1.0, 2.0], [1.5, 3.0], share=25)
