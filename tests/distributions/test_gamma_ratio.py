"""The ratio R of theory item T4 against its closed values and its limits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize_scalar

from aggdist.distributions import (
    Gamma,
    Normal,
    RectifiedNormal,
    ZeroInflatedGamma,
    gamma_ratio,
    rectified_normal_ratio,
    skewness_ratio,
    zero_inflated_gamma_ratio,
)


def test_gamma_has_one_and_normal_has_zero() -> None:
    assert_allclose(skewness_ratio(Gamma([0.1, 5.0], 3.0)), 1.0)
    assert_allclose(skewness_ratio(Normal(3.0, 1.0)), 0.0)


def test_closed_forms_agree_with_the_cumulants() -> None:
    for law in (
        ZeroInflatedGamma([0.01, 0.3, 1.0], [[0.5], [8.0]], 2.0),
        RectifiedNormal([-6.0, 0.0, 5.0], 1.0),
    ):
        expected = gamma_ratio(law.cumulant(1), law.cumulant(2), law.cumulant(3))
        assert_allclose(skewness_ratio(law), expected, rtol=1e-11)


def test_values_for_exponential_activations() -> None:
    q = np.array([0.0, 0.2, 0.7, 1.0])
    assert_allclose(zero_inflated_gamma_ratio(q, 1.0), (3 - 3 * q + q**2) / (2 - q) ** 2)


@pytest.mark.parametrize("a", [0.2, 1.0])
def test_infimum_for_small_shapes(a: float) -> None:
    assert_allclose(zero_inflated_gamma_ratio(0.0, a), (a + 2) / (2 * (a + 1)))
    q = np.linspace(0, 1, 101)
    assert np.all(np.diff(zero_inflated_gamma_ratio(q, a)) > 0)


@pytest.mark.parametrize("a", [1.5, 3.0, 12.0])
def test_minimum_for_large_shapes(a: float) -> None:
    found = minimize_scalar(lambda q: float(zero_inflated_gamma_ratio(q, a)), bounds=(0, 1), method="bounded")
    assert_allclose(found.x, 1 - 1 / a, atol=1e-4)
    assert_allclose(found.fun, (7 - a) / 8, atol=1e-8)


def test_rectified_normal_table() -> None:
    d = np.arange(-3.0, 4.0)
    assert_allclose(rectified_normal_ratio(d), [0.711, 0.693, 0.656, 0.561, 0.364, 0.128, 0.017], atol=5e-4)


def test_rectified_normal_threshold() -> None:
    """The gamma beats the normal iff R > 1/2, that is for d < 0.372."""
    assert brentq(lambda d: float(rectified_normal_ratio(d)) - 0.5, -1, 2) == pytest.approx(0.372, abs=5e-4)


@pytest.mark.parametrize("d", [-1e8, -200.0, -37.0, -9.001, -8.999, -4.0])
def test_rectified_normal_far_below_zero(d: float) -> None:
    with mp.workdps(80):
        e = mp.mpf(d)
        # Ratios M_k/M_{k-1} by the continued fraction from a depth of 4000.
        ratio, ratios = mp.mpf(0), {}
        for k in range(4000, 0, -1):
            ratio = k / (-e + ratio)
            ratios[k] = ratio
        first = ratios[1] * mp.ncdf(e) if d > -100 else mp.mpf(0)
        second = ratios[2] * (1 - first / ratios[2])  # kappa_2 / M_1
        third = ratios[2] * ratios[3] - 3 * first * ratios[2] + 2 * first**2  # kappa_3 / M_1
        expected = third / (2 * second**2)
    assert_allclose(rectified_normal_ratio(d), float(expected), rtol=1e-13)


def test_rectified_normal_limits() -> None:
    assert_allclose(rectified_normal_ratio(-1e12), 0.75, rtol=1e-12)
    assert 0 < rectified_normal_ratio(30.0) < 1e-190
    assert np.all(np.diff(rectified_normal_ratio(np.linspace(-30, 30, 601))) < 0)
