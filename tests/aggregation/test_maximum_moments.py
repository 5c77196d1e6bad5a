"""Closed moments of the maximum of zero-inflated exponentials."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import MaximumLaw, exponential_maximum_moments
from aggdist.distributions import ZeroInflatedGamma


def test_they_agree_with_quadrature():
    q, n = np.array([0.01, 0.4, 1.0]), np.array([[1], [7], [300]])
    law = MaximumLaw(ZeroInflatedGamma(q, 1.0, 2.5), n)
    closed = exponential_maximum_moments(q, 2.5, n, orders=5)
    assert closed.shape == (5, 3, 3)
    for r in range(1, 6):
        assert closed[r - 1] == pytest.approx(law.moment(r), rel=1e-9)


def test_one_position_has_the_moments_of_an_activation():
    activation = ZeroInflatedGamma(np.array([0.2, 0.9]), 1.0, 3.0)
    moments = exponential_maximum_moments([0.2, 0.9], 3.0, 1, orders=3)
    for r in (1, 2, 3):
        assert moments[r - 1] == pytest.approx(activation.moment(r), rel=1e-13)


def test_harmonic_numbers_to_the_last_digit():
    exact = sum(Fraction(1, k) for k in range(1, 50))
    squares = sum(Fraction(1, k * k) for k in range(1, 50))
    mean, second = exponential_maximum_moments(1.0, 1.0, 49)
    assert mean == pytest.approx(float(exact), rel=1e-15)
    assert second == pytest.approx(float(exact**2 + squares), rel=1e-14)


def test_the_mean_of_very_many_positions_is_that_of_the_gumbel_law():
    (mean,) = exponential_maximum_moments(0.3, 2.0, 10**6, orders=1)
    assert mean == pytest.approx(2 * (np.log(0.3e6) + np.euler_gamma), rel=1e-7)


@given(st.floats(1e-6, 1.0), st.integers(1, 400))
def test_the_maximum_is_between_one_activation_and_their_sum(q, n):
    mean, second = exponential_maximum_moments(q, 1.0, n)
    assert q * (1 - 1e-12) <= mean <= n * q * (1 + 1e-12)
    assert second >= mean**2 * (1 - 1e-12)


def test_silent_positions_have_a_maximum_of_zero():
    assert np.array_equal(exponential_maximum_moments(0.0, 1.0, [3, 5]), np.zeros((2, 2)))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"active: got 1\.2, expected a probability"):
        exponential_maximum_moments(1.2, 1.0, 4)
    with pytest.raises(ValueError, match=r"scale: got 0\.0, expected a positive finite number"):
        exponential_maximum_moments(0.2, 0.0, 4)
    with pytest.raises(ValueError, match=r"positions: got 0\.0, expected a whole number of at least 1"):
        exponential_maximum_moments(0.2, 1.0, 0)
    with pytest.raises(ValueError, match=r"orders: got 0, expected a whole number of at least 1"):
        exponential_maximum_moments(0.2, 1.0, 4, orders=0)
