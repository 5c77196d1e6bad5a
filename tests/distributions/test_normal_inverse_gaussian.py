"""Normal inverse Gaussian: against other programs, its limits, its fit and its speed."""

from __future__ import annotations

import time

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from aggdist.distributions import Normal, NormalInverseGaussian

SHAPES = [
    (0.0, 1e-4),
    (0.0074, 1e-4),
    (0.3, 0.4),
    (-1.2, 2.5),
    (0.0, 20.0),
    (3.4, 20.0),
    (-1.0, 5 / 3 + 1e-6),
]


def direct(skew: float, kurtosis: float) -> tuple[mp.mpf, mp.mpf, mp.mpf, mp.mpf]:
    """Barndorff-Nielsen's alpha, beta, delta and mu for mean 0 and variance 1, in the digits of mpmath."""
    s, k = mp.mpf(skew), mp.mpf(kurtosis)
    z = 3 / (k - 4 * s * s / 3)
    r = s * mp.sqrt(z) / 3
    gamma = mp.sqrt(z / (1 - r * r))
    alpha, delta = gamma / mp.sqrt(1 - r * r), z / gamma
    return alpha, alpha * r, delta, -delta * alpha * r / gamma


def density(skew: float, kurtosis: float, x: mp.mpf) -> mp.mpf:
    """The textbook's formula."""
    alpha, beta, delta, mu = direct(skew, kurtosis)
    q = mp.sqrt(delta**2 + (x - mu) ** 2)
    bessel = mp.besselk(1, alpha * q)
    exponent = delta * mp.sqrt(alpha**2 - beta**2) + beta * (x - mu)
    return alpha * delta / (mp.pi * q) * bessel * mp.exp(exponent)


@pytest.mark.parametrize(("skew", "kurtosis"), SHAPES)
def test_log_density_parameters_cumulants_and_cf(skew: float, kurtosis: float) -> None:
    law = NormalInverseGaussian(0.0, 1.0, skew, kurtosis)
    with mp.workdps(40):
        alpha, beta, delta, mu = direct(skew, kurtosis)
        # What the end of the family loses: the rounding of kurtosis - 5/3 skew^2.
        slack = 1e-14 + 1e-15 / float(law.c) ** 2
        found = [law.alpha, law.beta, law.delta, law.mu]
        assert_allclose(found, [float(v) for v in (alpha, beta, delta, mu)], rtol=slack)
        for x in (-40.0, -3.0, -0.4, 0.0, 1e-3, 2.5, 60.0):
            expected = float(mp.log(density(skew, kurtosis, mp.mpf(x))))
            assert_allclose(law.logpdf(x), expected, rtol=slack, atol=slack)

        def cgf(t: mp.mpf) -> mp.mpf:
            return mu * t + delta * (mp.sqrt(alpha**2 - beta**2) - mp.sqrt(alpha**2 - (beta + t) ** 2))

        series = mp.taylor(cgf, 0, 7)
        cumulants = [float(mp.factorial(r) * series[r]) for r in range(1, 8)]
        t = [-2.0, 0.1, 1.5, 30.0]
        cf = [complex(mp.exp(cgf(mp.mpc(0, v)))) for v in t]
    assert_allclose([law.cumulant(r) for r in range(1, 8)], cumulants, rtol=1e-9, atol=1e-14)
    assert_allclose(law.cf(t), cf, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("skew", "kurtosis"), SHAPES)
def test_tails_keep_their_digits(skew: float, kurtosis: float) -> None:
    """The density in closed form, integrated outwards over 50 nats, from the mean on down to 1e-200."""
    law = NormalInverseGaussian(0.0, 1.0, skew, kurtosis)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for nats in (0.0, 0.5, 5.0, 40.0, 460.0):
        starts, ends = law.bulk(nats), law.bulk(nats + 50.0)
        for start, end, tail in zip(starts, ends, (law.cdf, law.sf), strict=True):
            panels = start + (end - start) * np.linspace(0, 1, 33) ** 2
            middle, half = (panels[1:] + panels[:-1]) / 2, np.diff(panels) / 2
            x = middle[:, None] + half[:, None] * nodes
            integral = abs(np.sum(law.pdf(x) * weights * half[:, None]))
            assert_allclose(tail(start), integral, rtol=2e-12)


@pytest.mark.parametrize(("skew", "kurtosis"), [(0.3, 0.4), (-1.2, 2.5), (3.4, 20.0)])
def test_scipy_agrees(skew: float, kurtosis: float) -> None:
    law = NormalInverseGaussian(1.0, 2.0, skew, kurtosis)
    oracle = stats.norminvgauss(
        float(law.alpha * law.delta), float(law.beta * law.delta), float(law.mu), float(law.delta)
    )
    x = np.array([-9.0, -1.0, 1.0, 2.0, 6.0])
    assert_allclose(law.pdf(x), oracle.pdf(x), rtol=1e-11)
    assert_allclose(law.cdf(x), oracle.cdf(x), rtol=1e-7, atol=1e-10)
    assert_allclose(law.sf(x), oracle.sf(x), rtol=1e-7, atol=1e-10)
    expected = oracle.stats("mvsk")
    assert_allclose([law.mean(), law.var(), law.skewness()], expected[:3], rtol=1e-10)
    assert_allclose(law.cumulant(4) / law.var() ** 2, expected[3], rtol=1e-10)


def test_it_tends_to_the_normal() -> None:
    """To first order the density is that of Edgeworth's correction, kurtosis/24 He4 times the normal's."""
    kurtosis = 1e-4
    law, normal = NormalInverseGaussian(1.0, 2.0, 0.0, kurtosis), Normal(1.0, 2.0)
    y = np.linspace(-3, 3, 25)
    ratio = law.pdf(1 + 2 * y) / normal.pdf(1 + 2 * y) - 1
    assert_allclose(ratio, kurtosis / 24 * (y**4 - 6 * y**2 + 3), atol=5e-8)


def test_it_tends_to_the_inverse_gaussian() -> None:
    """At the end of the family: skew = 3/sqrt(shape), mean 1, shifted and scaled to mean 0 and variance 1."""
    skew = 1.2
    law = NormalInverseGaussian(0.0, 1.0, skew, 5 / 3 * skew**2 + 1e-7)
    z = (3 / skew) ** 2
    x = np.array([-1.8, -1.0, 0.0, 0.7, 4.0, 9.0])
    oracle = stats.invgauss(1 / z, scale=z)
    assert_allclose(law.cdf(x), oracle.cdf(1 + x / np.sqrt(z)), atol=1e-7)
    assert_allclose(law.sf(x), oracle.sf(1 + x / np.sqrt(z)), rtol=1e-5)


def test_reflection_is_exact() -> None:
    law, mirror = (NormalInverseGaussian(0.0, 1.0, [s, 2 * s], [1.0, 9.0]) for s in (0.5, -0.5))
    x = np.linspace(-9, 9, 41)[:, None]
    assert np.array_equal(law.logpdf(x), mirror.logpdf(-x))
    outside = x != 0
    assert np.array_equal(np.where(outside, law.cdf(x), 0), np.where(outside, mirror.sf(-x), 0))
    assert_allclose(law.cdf(0.0), mirror.sf(0.0), rtol=1e-14)


@pytest.mark.parametrize("nats", [0.01, 5.0, 37.0, 600.0])
def test_bulk_is_a_bound_and_not_a_wide_one(nats: float) -> None:
    law = NormalInverseGaussian(1.0, 2.0, *np.transpose(SHAPES))
    low, high = law.bulk(nats)
    for tail in (np.log(law.cdf(low)), np.log(law.sf(high))):
        assert np.all((tail <= -nats) & (tail >= -nats - 15))


def test_points_beyond_every_tail() -> None:
    law = NormalInverseGaussian(0.0, 1.0, *np.transpose(SHAPES))
    for x in (1e60, 1e300):
        assert np.all((law.sf(x) == 0) & (law.cdf(-x) == 0) & (law.cdf(x) == 1) & (law.sf(-x) == 1))
        assert np.all((law.pdf(x) == 0) & (law.pdf(-x) == 0))


def test_the_largest_kurtosis_still_has_both_routes() -> None:
    law = NormalInverseGaussian(0.0, 1.0, [0.0, -700.0, 100.0], [1e6, 1e6, 1e5])
    x = np.array([-3.0, -0.01, 0.0, 0.02, 50.0])[:, None]
    assert_allclose(law.cdf(x), law.cdf(x, method="numeric"), rtol=1e-8, atol=1e-12)
    assert_allclose(law.sf(x), law.sf(x, method="numeric"), rtol=1e-8, atol=1e-12)


def test_fit_meets_four_cumulants_and_raises_the_fourth_where_it_must() -> None:
    var, skew = 2.5, np.array([0.0, 0.4, -1.0, 1.0, -0.6, 0.0])
    kurtosis = np.array([0.3, 1.0, 2.0, 1.7, -1.0, -0.5])
    law = NormalInverseGaussian.fit_moments(0.3, var, skew * var**1.5, kurtosis * var**2)
    met = np.array([0.3, 1.0, 2.0, 1.75, 0.63, 1e-4])
    for method, slack in (("closed", 1e-13), ("numeric", 1e-8)):
        assert_allclose(law.mean(method=method), 0.3, rtol=slack)
        assert_allclose(law.var(method=method), var, rtol=slack)
        assert_allclose(law.skewness(method=method), skew, rtol=slack, atol=1e-10)
        assert_allclose(law.cumulant(4, method=method) / var**2, met, rtol=slack, atol=1e-9)
    assert_allclose(law.r[[3, 4]] ** 2, 0.8, rtol=1e-12)  # what the margin of 1.05 means


def test_likelihood_may_rise_to_the_normal_law() -> None:
    """Why there is no `fit_mle`: for a sample with light tails less kurtosis is always better."""
    x = np.linspace(-1, 1, 50)
    law = NormalInverseGaussian(0.0, np.std(x), 0.0, np.array([2.0, 0.5, 0.1, 1e-2, 1e-3, 1e-4]))
    assert np.all(np.diff(np.sum(law.logpdf(x[:, None]), axis=0)) > 0)


def test_it_is_fast() -> None:
    """The bar: 60 ms for 256 points of 10 x 10 laws."""
    kurtosis = np.geomspace(1e-4, 20, 100).reshape(10, 10)
    law = NormalInverseGaussian(np.zeros((10, 10)), 1.0, np.sqrt(0.5 * kurtosis), kurtosis)
    x = np.linspace(-9, 9, 256)[:, None, None]
    for function in (law.logpdf, law.cdf, law.sf):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            function(x)
            times.append(time.perf_counter() - start)
        assert min(times) < 0.06
