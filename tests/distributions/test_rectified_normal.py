"""Rectified normal: the fits from counts and sums, and the two routes to its partial moments."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from aggdist.distributions import RectifiedNormal
from aggdist.distributions.truncated_moments import moment_ratios, partial_moments

LOCATION, SCALE = np.array([-2.0, 0.0, 1.5]), np.array([1.0, 0.3, 2.0])


def sums(x):
    return len(x), np.sum(x > 0, axis=0), np.sum(x, axis=0), np.sum(x**2, axis=0)


def test_sufficient_statistics_give_the_fit_of_the_sample():
    x = RectifiedNormal(LOCATION, SCALE).sample(np.random.default_rng(1), 4000)
    whole, parts = RectifiedNormal.fit_mle(x), RectifiedNormal.fit_sufficient(*sums(x))
    assert_allclose(parts.location, whole.location, rtol=1e-10)
    assert_allclose(parts.scale, whole.scale, rtol=1e-10)


@given(st.integers(1, 30), st.integers(0, 30), st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_the_score_vanishes_at_the_maximum(alive, silent, unit, seed):
    assume(alive + silent >= 2)
    x = np.concatenate([np.random.default_rng(seed).gamma(0.7, unit, alive), np.zeros(silent)])
    fit = RectifiedNormal.fit_sufficient(*sums(x))
    z = (x[x > 0] - fit.location) / fit.scale
    with mp.workdps(30):
        d = mp.mpf(float(fit.ratio))
        hazard = float(mp.npdf(d) / mp.ncdf(-d))
    # The derivatives of the log-likelihood in location/scale and in log(1/scale).
    assert abs(z.sum() - silent * hazard) < 1e-7 * len(x) * (1 + abs(float(fit.ratio))) ** 2
    assert abs(alive - np.sum(z * x[x > 0]) / fit.scale) < 1e-7 * len(x) * (1 + abs(float(fit.ratio))) ** 2


def test_one_positive_value_among_zeros_is_enough():
    fit = RectifiedNormal.fit_sufficient(50, 1, 2.0, 4.0)
    assert_allclose(fit.ratio, RectifiedNormal.fit_mle([2.0] + [0.0] * 49).ratio, rtol=1e-10)
    assert fit.ratio < 0


def test_share_of_positives_and_mean_are_met():
    law = RectifiedNormal(LOCATION, SCALE)
    fit = RectifiedNormal.fit_active(1 - law.atoms()[0].mass, law.mean())
    assert_allclose(fit.location, LOCATION, rtol=1e-12, atol=1e-14)
    assert_allclose(fit.scale, SCALE, rtol=1e-12)


def test_a_rare_channel_keeps_its_digits():
    fit = RectifiedNormal.fit_active([1e-300, 1e-9], 1e-3)
    assert_allclose(fit.mean(), 1e-3, rtol=1e-12)
    assert_allclose(fit.sf(0.0), [1e-300, 1e-9], rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1.0, 1.0), r"n: got 0.0, expected a positive finite number"),
        ((5, 0, 1.0, 1.0), r"n_positive: got 0.0, expected a count between 1 and n"),
        ((5, 6, 1.0, 1.0), r"n_positive: got 6.0, expected a count between 1 and n"),
        ((5, 2, -1.0, 1.0), r"total: got -1.0, expected a positive finite number"),
        ((5, 2, 1.0, 0.3), r"total_squares: got 0.3, expected at least total\^2 / n_positive"),
        ((2, 2, 2.0, 2.0), r"total_squares: got 2.0, expected sums of observations that are not all equal"),
    ],
)
def test_sums_that_no_sample_has_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RectifiedNormal.fit_sufficient(*arguments)


@pytest.mark.parametrize("active", [0.0, 1.0])
def test_a_channel_that_is_always_silent_or_always_on_has_no_rectified_normal(active):
    with pytest.raises(
        ValueError, match=r"active: got .*, expected a probability .*, neither of them reached"
    ):
        RectifiedNormal.fit_active(active, 1.0)


@given(st.floats(1.0, 40.0))
def test_ratios_satisfy_their_recursion(far):
    ratios = moment_ratios(np.array(far), 6)
    for k in range(1, 6):
        assert_allclose(ratios[k - 1], k / (far + ratios[k]), rtol=1e-15)


@given(st.floats(-1.2, -0.8))
def test_the_two_routes_meet(d):
    below, above = (partial_moments(np.array(v), 4) for v in (np.nextafter(-1.0, -2.0), -1.0))
    assert_allclose(below, above, rtol=3e-14)
    values = partial_moments(np.array(d), 4)
    for r in (2, 3, 4):
        assert_allclose(values[r], d * values[r - 1] + (r - 1) * values[r - 2], rtol=1e-13)
