"""Characteristic functions from Chebyshev moments, against the sum over all terms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aggdist.distributions.chebyshev import MOST_MOMENTS, ChebyshevSum, chernoff_points
from aggdist.distributions.gamma_terms import GammaTerms


def _terms(laws, channels, seed=0, low=0.3, high=5.0, sign=True):
    rng = np.random.default_rng(seed)
    shape = rng.uniform(low, high, (laws, channels))
    b = rng.normal(size=(laws, channels)) * rng.lognormal(-1, 0.6, channels) / shape
    return GammaTerms(b if sign else np.abs(b), shape, np.ones((laws, channels)))


def _cf(polar):
    return np.exp(polar[0] + 1j * polar[1])


def _error(terms, reach=14.0, **options):
    moments = ChebyshevSum.of(terms, **options)
    t = np.linspace(1e-3, reach, 60)[:, None] / moments.std
    got, expected = _cf(moments.log_cf_polar(t)), _cf(terms.log_cf_polar(t))
    return float(np.max(np.abs(got - expected)[:, moments.enough], initial=0.0)), moments


@pytest.mark.parametrize(("laws", "channels"), [(40, 512), (40, 64), (3, 2048)])
@pytest.mark.parametrize("sign", [True, False])
def test_equals_direct_evaluation(laws, channels, sign):
    error, moments = _error(_terms(laws, channels, sign=sign))
    # The argument is about t times the mean: with one sign that is 40 radians, known to 40 roundings only.
    assert error < (1e-14 if sign else 3e-14)
    assert np.all(moments.enough)
    assert len(moments.moments) < channels


@pytest.mark.parametrize("direct", [8, 12, 30])
def test_any_number_of_direct_terms_gives_the_same(direct):
    error, moments = _error(_terms(20, 200, seed=3), direct=direct)
    assert error < 1e-14
    assert np.all(moments.enough)
    assert moments.direct.b.shape == (20, direct)


@pytest.mark.parametrize("channels", [1, 2, 12, 13])
def test_fewer_terms_than_direct_ones(channels):
    assert _error(_terms(5, channels, low=1.0))[0] < 1e-14


def test_terms_of_scale_zero_and_equal_terms():
    terms = _terms(4, 40)
    terms.b[:, 10:] = 0.0
    assert _error(terms)[0] < 1e-14
    same = GammaTerms(np.full((2, 60), 0.3), np.full((2, 60), 1.7), np.ones((2, 60)))
    assert _error(same)[0] < 1e-14


def test_sums_that_need_too_many_moments_are_marked():
    b = np.concatenate([np.full(20, 1.0), np.full(200, 1e-3)])[None]
    many = ChebyshevSum.of(GammaTerms(b, np.full(b.shape, 0.02), np.ones(b.shape)), direct=2)
    assert not many.enough[0]
    assert len(many.moments) <= MOST_MOMENTS


def test_chosen_sums():
    terms = _terms(6, 50)
    moments, index = ChebyshevSum.of(terms), np.array([4, 1])
    t = np.array([[0.5], [3.0]]) / moments.std
    every, some = moments.log_cf_polar(t), moments.take(index).log_cf_polar(t[:, index])
    for a, b in zip(every, some, strict=True):
        np.testing.assert_array_equal(a[:, index], b)


def test_real_arguments_give_the_cumulant_generating_function():
    terms = _terms(10, 300, seed=5)
    moments = ChebyshevSum.of(terms)
    low, high = terms.domain()
    for s in (0.5 * low, -0.1 * high, 0.3 * high, 0.8 * high):
        np.testing.assert_allclose(moments.cgf(s), terms.log_mgf(s), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("sign", [True, False])
def test_chernoff_points_are_close_to_the_best(sign):
    terms = _terms(10, 100, seed=6, sign=sign)
    moments = ChebyshevSum.of(terms)
    low, high = moments.chernoff_range(40.0)
    ends = terms.domain()
    best_low, best_high = chernoff_points(terms.log_mgf, -ends[0], ends[1], moments.std, 40.0, count=800)
    width = best_high - best_low
    assert np.all(high >= best_high - 1e-3 * width)
    assert np.all(high <= best_high + 0.02 * width)
    assert np.all(low <= best_low + 1e-3 * width)
    # On a side without any term the ladder of the moments ends earlier; the bound is then looser.
    assert np.all(low >= best_low - (0.02 if sign else 0.3) * width)


def test_chernoff_points_bound_the_tails_of_a_gamma():
    # Sums of equal scales are gammas.
    b = np.full((1, 50), 0.4)
    low, high = ChebyshevSum.of(GammaTerms(b, np.full(b.shape, 1.3), np.ones(b.shape))).chernoff_range(20.0)
    law = stats.gamma(65.0, scale=0.4)
    assert np.exp(-28) < law.sf(high[0]) <= np.exp(-20)
    assert np.exp(-28) < law.cdf(low[0]) <= np.exp(-20)


def test_zero_inflated_terms_are_refused():
    terms = GammaTerms(np.ones((1, 3)), np.ones((1, 3)), np.array([[1.0, 0.5, 1.0]]))
    with pytest.raises(
        NotImplementedError, match="zero-inflated terms, Chebyshev moments exist for plain gammas"
    ):
        ChebyshevSum.of(terms)


@given(st.integers(0, 10**6), st.integers(13, 80), st.floats(0.3, 30))
def test_any_random_sum(seed, channels, high):
    assert _error(_terms(2, channels, seed=seed, low=0.2, high=high))[0] < 1e-14
