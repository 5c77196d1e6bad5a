"""The Gumbel law and the generalised extreme value law of a maximum, from the law of one activation."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import MaximumLaw, maximum_extreme_value, maximum_gumbel, tail_point
from aggdist.distributions import Affine, Exponential, Normal, RectifiedNormal, ZeroInflatedGamma


def largest_error(law, positions, approximation):
    level = np.linspace(0.001, 0.999, 999).reshape(-1, *(1,) * len(law.batch_shape))
    z = MaximumLaw(law, np.array(positions)).quantile(level)
    exact = MaximumLaw(law, np.array(positions)).cdf(z)
    return np.max(np.abs(exact - approximation.cdf(z)), axis=0)


@given(st.floats(0.01, 1.0), st.floats(0.1, 10.0), st.integers(101, 10**9))
def test_zero_inflated_exponentials_have_the_location_of_a_logarithm(q, theta, n):
    limit = maximum_gumbel(ZeroInflatedGamma(np.array(q), np.array(1.0), np.array(theta)), n)
    assert limit.location == pytest.approx(theta * np.log(n * q), rel=1e-9, abs=1e-9 * theta)
    assert limit.scale == pytest.approx(theta, rel=1e-9)


def test_the_tail_quantile_keeps_its_digits_far_out():
    point = tail_point(RectifiedNormal(np.array(0.0), np.array(1.0)), 1e40)
    with mpmath.workdps(30):
        z = mpmath.findroot(lambda v: mpmath.erfc(v / mpmath.sqrt(2)) / 2 * mpmath.mpf(10) ** 40 - 1, 13.3)
        mills = mpmath.erfc(z / mpmath.sqrt(2)) / 2 / mpmath.npdf(z)
    assert point.quantile == pytest.approx(float(z), rel=1e-13)
    assert point.reciprocal_hazard == pytest.approx(float(mills), rel=1e-12)


def test_the_hazard_of_a_gamma_tail():
    law = ZeroInflatedGamma(np.array(0.3), np.array([0.5, 2.6]), np.array(2.0))
    point = tail_point(law, 49)
    assert law.sf(point.quantile) == pytest.approx(1 / 49, rel=1e-12)
    t = point.quantile / 2
    for k, a in enumerate((0.5, 2.6)):
        by_parts = mpmath.quad(
            lambda v, a=a, k=k: (1 + v / t[k]) ** (a - 1) * mpmath.exp(-v), [0, 1, 10, mpmath.inf]
        )
        assert point.reciprocal_hazard[k] == pytest.approx(2 * float(by_parts), rel=1e-10)


@pytest.mark.parametrize("n", [49, 10_000])
def test_the_shape_is_the_slope_of_the_reciprocal_hazard(n):
    gammas = ZeroInflatedGamma(np.array(0.5), np.array([0.4, 1.0, 3.0]), np.array(1.5))
    fitted = maximum_extreme_value(gammas, n)
    by_hand = -1 - fitted.scale * ((gammas.shape - 1) / fitted.location - 1 / gammas.scale)
    assert fitted.shape == pytest.approx(by_hand, abs=1e-9)
    normal = RectifiedNormal(np.array(0.3), np.array(2.0))
    fitted = maximum_extreme_value(normal, n)
    assert fitted.shape == pytest.approx(-1 + fitted.scale * (fitted.location - 0.3) / 4, abs=1e-9)


@pytest.mark.parametrize("n", [49, 1000, 10**6])
def test_the_shape_makes_the_error_smaller(n):
    for law in (
        RectifiedNormal(np.array([-1.0, 0.0, 2.0]), np.array(1.0)),
        ZeroInflatedGamma(np.array(0.4), np.array([0.5, 3.0]), np.array(1.0)),
    ):
        assert np.all(
            largest_error(law, n, maximum_extreme_value(law, n))
            < 0.75 * largest_error(law, n, maximum_gumbel(law, n))
        )


def test_both_move_with_the_unit():
    law, n = RectifiedNormal(np.array(0.5), np.array(1.0)), 30
    wide = Affine(law, np.array(2.0), np.array(3.0))
    one, other = maximum_extreme_value(law, n), maximum_extreme_value(wide, n)
    assert other.location == pytest.approx(2 + 3 * one.location)
    assert other.scale == pytest.approx(3 * one.scale)
    assert other.shape == pytest.approx(one.shape, abs=1e-9)


def test_a_ceiling_that_is_near_makes_the_shape_negative():
    """A tail that is a power of the distance to an end point has r' = -1/(power)."""
    ending = Affine(Exponential(np.array(1.0)), np.array(5.0), np.array(-1.0))
    assert maximum_extreme_value(ending, 1000).shape == pytest.approx(-1.0, abs=2e-3)


def test_positions_broadcast_against_the_batch():
    law = ZeroInflatedGamma(np.array([0.3, 0.9]), np.array(1.0), np.array(1.0))
    assert maximum_gumbel(law, [[10], [20], [30]]).batch_shape == (3, 2)
    assert maximum_extreme_value(law, [[10], [20], [30]]).batch_shape == (3, 2)


def test_an_atom_in_place_of_the_tail_quantile():
    rare = ZeroInflatedGamma(np.array([0.5, 0.05]), np.array(1.0), np.array(1.0))
    with pytest.raises(ValueError, match=r"positions: got 9\.0, expected one whose 1/N tail quantile is no"):
        maximum_gumbel(rare, 9)
    # A ceiling: 6 minus a zero-inflated gamma is 6 with probability 1 - q.
    clipped = Affine(rare, np.array(6.0), np.array(-1.0))
    with pytest.raises(ValueError, match=r"more than 1/P\(A > 0\)\); use MaximumLaw, which has the atoms"):
        maximum_extreme_value(clipped, 49)


def test_a_density_that_is_no_scale():
    """P(A > 0) = 1/2 exactly, and beside 0 the density is infinite."""
    law = ZeroInflatedGamma(np.array(0.5), np.array(0.5), np.array(1.0))
    with pytest.raises(ValueError, match=r"density at the tail quantile: got inf, expected a positive one"):
        tail_point(law, 2)


def test_bad_arguments():
    with pytest.raises(TypeError, match="activation: got float, expected a Distribution"):
        tail_point(1.0, 9)
    normal = Normal(np.array(0.0), np.array(1.0))
    with pytest.raises(ValueError, match=r"positions: got 1\.0, expected a whole number of at least 2"):
        maximum_gumbel(normal, 1)
    with pytest.raises(ValueError, match=r"positions: got 2\.5, expected a whole number"):
        maximum_gumbel(normal, 2.5)
