"""The law of a power of a zero-inflated gamma variable, and its fit for many samples at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy import stats
from scipy.special import digamma

from aggdist.distributions import Gamma, ZeroInflatedGamma, ZeroInflatedGeneralisedGamma
from aggdist.distributions.zero_inflated_generalised_gamma import FEWEST, POWERS, SHAPES, _vertex

Array = NDArray[np.float64]
PARAMETERS = ("active", "shape", "scale", "power")
LAW = ZeroInflatedGeneralisedGamma(
    [0.3, 0.9, 0.7, 0.8, 1.0],
    [0.6, 3.0, 0.3, 8.0, 2.0],
    [1.0, 0.5, 2.0, 0.1, 3.0],
    [1.4, 0.18, 4.5, 0.7, 2.8],
)
POINTS = np.array([0.0, 1e-3, 0.2, 1.0, 1.7, 4.0]).reshape(-1, 1)


def log_likelihood(law: ZeroInflatedGeneralisedGamma, x: Array) -> Array:
    """Mean log density of the positive values, by the law given that they are positive."""
    logs = np.where(x > 0, law.positive_part.logpdf(np.where(x > 0, x, 1.0)), 0.0)
    return np.asarray(np.sum(logs, axis=0) / np.sum(x > 0, axis=0))


def assert_same(one: ZeroInflatedGeneralisedGamma, other: ZeroInflatedGeneralisedGamma, rtol: float) -> None:
    for name in PARAMETERS:
        assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, err_msg=name)


# -- the law ---------------------------------------------------------------------------------------------


def test_power_one_is_the_zero_inflated_gamma() -> None:
    parameters = ([0.3, 1.0, 0.0, 0.8], [0.4, 2.0, 1.0, 300.0], [1.0, 0.3, 1.0, 0.01])
    law, gamma = ZeroInflatedGeneralisedGamma(*parameters, 1.0), ZeroInflatedGamma(*parameters)
    for quantity in ("cdf", "sf"):
        assert np.array_equal(getattr(law, quantity)(POINTS), getattr(gamma, quantity)(POINTS))
    assert_allclose(law.logpdf(POINTS), gamma.logpdf(POINTS), rtol=1e-13)
    levels = np.array([[0.0], [0.1], [0.75], [1 - 1e-12], [1.0]])
    assert_allclose(law.quantile(levels), gamma.quantile(levels), rtol=1e-14)
    for r in (1, 2, 3, 4):
        assert_allclose(law.moment(r), gamma.moment(r), rtol=1e-13)
        # The cumulants of a gamma law of shape 300 are differences of raw moments here.
        assert_allclose(law.cumulant(r), gamma.cumulant(r), rtol=1e-9)
    assert_allclose(law.entropy(), gamma.entropy(), rtol=1e-13)
    assert_allclose(law.cf([[-1.0], [0.3]]), gamma.cf([[-1.0], [0.3]]), atol=1e-9)
    draws, expected = (one.sample(np.random.default_rng(1), 50) for one in (law, gamma))
    assert np.array_equal(draws, expected)


def test_agreement_with_scipy() -> None:
    unit = LAW.scale ** (1 / LAW.power)
    stacy = stats.gengamma(LAW.shape, LAW.power, scale=unit)
    q = LAW.active
    assert_allclose(LAW.cdf(POINTS), 1 - q + q * stacy.cdf(POINTS), rtol=1e-12)
    assert_allclose(LAW.sf(POINTS), q * stacy.sf(POINTS), rtol=1e-12)
    assert_allclose(LAW.pdf(POINTS[1:]), q * stacy.pdf(POINTS[1:]), rtol=1e-11)
    assert_allclose(LAW.quantile(0.9), stacy.ppf(1 - 0.1 / q), rtol=1e-12)
    for r in (1, 2, 3):
        assert_allclose(
            LAW.moment(r), q * stats.gengamma.moment(r, LAW.shape, LAW.power, scale=unit), rtol=1e-11
        )
    coin = stats.bernoulli(q).entropy()
    assert_allclose(LAW.entropy(), coin + q * stacy.entropy(), rtol=1e-10)


def test_the_power_of_the_law_is_a_zero_inflated_gamma() -> None:
    gamma = ZeroInflatedGamma(LAW.active, LAW.shape, LAW.scale)
    assert_allclose(LAW.cdf(POINTS), gamma.cdf(POINTS**LAW.power), rtol=1e-12)
    levels = np.array([[0.05], [0.4], [0.95], [0.999]])
    assert_allclose(LAW.quantile(levels) ** LAW.power, gamma.quantile(levels), rtol=1e-12)
    # A fractional moment of the one is a whole moment of the other.
    for law in (LAW[j] for j in range(5)):
        assert_allclose(law.moment(float(law.power)), law.active * law.shape * law.scale, rtol=1e-12)


def test_a_dead_channel_is_the_point_0() -> None:
    law = ZeroInflatedGeneralisedGamma(0.0, 1.0, 1.0, 2.0)
    assert law.support() == (0.0, 0.0)
    assert_allclose([law.cdf(0.0), law.sf(0.0), law.cdf(-1.0), law.quantile(0.7)], [1.0, 0.0, 0.0, 0.0])
    assert_allclose([law.mean(), law.var(), law.entropy()], 0.0)
    assert np.all(law.sample(np.random.default_rng(0), 20) == 0)


# -- the fit ---------------------------------------------------------------------------------------------


def test_fit_for_one_power_is_the_gamma_fit_of_the_powers() -> None:
    x = LAW.sample(np.random.default_rng(2), 400)
    for power in (0.25, 1.0, 3.0):
        fit = ZeroInflatedGeneralisedGamma.fit_powers(x, (power,))
        gamma = ZeroInflatedGamma.fit_mle(x**power)
        assert_allclose(fit.power, power, rtol=1e-14)
        for name in PARAMETERS[:3]:
            assert_allclose(getattr(fit, name), getattr(gamma, name), rtol=1e-9)


def test_fit_is_the_likeliest_of_a_fine_grid() -> None:
    """Independently: the gamma fit of the positive values for each power, by its density at each value."""
    x = LAW.sample(np.random.default_rng(3), 500)
    fit = ZeroInflatedGeneralisedGamma.fit_powers(x)
    reached = log_likelihood(fit, x)
    powers = np.geomspace(POWERS[0], POWERS[-1], 60)
    for j in range(5):
        z = x[x[:, j] > 0, j]
        gammas = Gamma.fit_mle(z[:, None] ** powers)
        density = gammas.logpdf(z[:, None] ** powers) + np.log(powers) + np.outer(np.log(z), powers - 1)
        best = np.max(np.mean(density, axis=0))
        assert best - 1e-5 <= reached[j] <= best + 1e-3
    # Shape and scale are at the maximum given the power.
    for name in ("shape", "scale"):
        for change in (0.99, 1.01):
            values = {key: getattr(fit, key) for key in PARAMETERS}
            values[name] = values[name] * change
            assert np.all(log_likelihood(ZeroInflatedGeneralisedGamma(**values), x) < reached)


@pytest.mark.parametrize(("shape", "power"), [(1.5, 1.3), (0.5, 3.0), (4.0, 0.5)])
def test_fit_is_as_likely_as_that_of_scipy(shape: float, power: float) -> None:
    x = ZeroInflatedGeneralisedGamma(0.8, shape, 2.0, power).sample(np.random.default_rng(4), 600)
    k, c, _, unit = stats.gengamma.fit(x[x > 0], floc=0)
    theirs = np.mean(stats.gengamma.logpdf(x[x > 0], k, c, scale=unit))
    assert log_likelihood(ZeroInflatedGeneralisedGamma.fit_powers(x), x) >= theirs - 1e-4


def test_parameters_are_found_again() -> None:
    """Within 5 standard errors by Cramer and Rao, from the scores in log Z's location, in power and in shape."""
    x = LAW.sample(np.random.default_rng(5), 40_000)
    fit = ZeroInflatedGeneralisedGamma.fit_powers(x)
    for j in range(5):
        z, k, p = x[x[:, j] > 0, j], LAW.shape[j], LAW.power[j]
        y = z**p / LAW.scale[j]
        scores = [p * (y - k), (1 + (k - y) * np.log(y)) / p, np.log(y) - digamma(k)]
        variance = np.diag(np.linalg.inv(np.cov(scores))) / len(z)
        assert abs(fit.power[j] - p) < 5 * np.sqrt(variance[1])
        assert abs(fit.shape[j] - k) < 5 * np.sqrt(variance[2])
    assert_allclose(fit.active, np.mean(x > 0, axis=0), rtol=1e-14)
    light = [0, 2, 3, 4]  # the second law is nearly lognormal: its mean converges slowly
    assert_allclose(fit.mean()[light], x.mean(axis=0)[light], rtol=0.02)


@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_a_change_of_unit_changes_the_scale_alone(seed: int, unit: float) -> None:
    x = LAW.sample(np.random.default_rng(seed), 60)
    one, other = (ZeroInflatedGeneralisedGamma.fit_powers(y) for y in (x, unit * x))
    assert_allclose(log_likelihood(other, unit * x), log_likelihood(one, x) - np.log(unit), atol=1e-9)
    assert_allclose(other.power, one.power, rtol=1e-5)
    assert_allclose(other.cdf(unit * POINTS), one.cdf(POINTS), atol=1e-6)


def test_batches_are_loops() -> None:
    x = LAW.sample(np.random.default_rng(6), (3, 200))
    x[1, :, 2] = 0.0
    whole = ZeroInflatedGeneralisedGamma.fit_powers(x, axis=1)
    assert whole.batch_shape == (3, 5)
    for i in range(3):
        for j in range(5):
            one = ZeroInflatedGeneralisedGamma.fit_powers(x[i, :, j])
            assert one.batch_shape == ()
            assert_same(whole[i, j], one, 1e-7)
    assert ZeroInflatedGeneralisedGamma.fit_powers(np.zeros((9, 0))).batch_shape == (0,)


def test_few_or_equal_or_no_positive_values() -> None:
    rng = np.random.default_rng(7)
    x = np.zeros((100, 6))
    x[: FEWEST - 1, 1] = rng.weibull(3.0, FEWEST - 1)
    x[:FEWEST, 2] = rng.weibull(3.0, FEWEST)
    x[:60, 3] = 0.7
    x[:, 4] = 0.7 + 1e-5 * rng.standard_normal(100)
    x[0, 5] = 2.0
    fit, gamma = ZeroInflatedGeneralisedGamma.fit_powers(x), ZeroInflatedGamma.fit_mle(x)
    free = np.array([False, False, True, False, False, False])
    assert np.array_equal(fit.power != 1, free)
    assert_allclose(fit.active, gamma.active, rtol=1e-14)
    assert_allclose(fit.shape[~free], gamma.shape[~free], rtol=1e-5)  # the 5th from a gap of 1e-10
    assert_allclose(fit.mean()[~free], x.mean(axis=0)[~free], rtol=1e-12)
    assert_allclose([fit.shape[0], fit.scale[0], fit.active[0]], [1.0, 1.0, 0.0])


def test_shapes_and_powers_stay_in_their_ranges() -> None:
    rng = np.random.default_rng(8)
    heavy = np.exp(rng.standard_exponential(200))  # logarithms skewed to the right: power -> 0
    light = rng.random(200) ** 0.1  # a cliff at 1: power -> infinity
    apart = np.where(np.arange(200) < 2, 1.0, 1e-300)  # gamma shape 1/700, and 1/4000 of the 6th powers
    narrow = 1 + 5e-3 * rng.random(200)  # gamma shape 5e5, and 3e7 of the 8th roots
    x = np.stack([heavy, light, apart, narrow], axis=1)
    fit = ZeroInflatedGeneralisedGamma.fit_powers(x)
    assert np.all((fit.shape >= SHAPES[0]) & (fit.shape <= SHAPES[1]))
    assert_allclose(fit.power[:2], [POWERS[0], POWERS[-1]], rtol=1e-12)
    assert np.all(np.isfinite(log_likelihood(fit, x)))
    assert_allclose(ZeroInflatedGeneralisedGamma.fit_powers(apart, (6.0,)).shape, SHAPES[0])
    roots = ZeroInflatedGeneralisedGamma.fit_powers(narrow, (0.125,))
    assert_allclose(roots.shape, SHAPES[1])
    # The scale is the best one for a shape at the end of the range too: the mean of the powers is met.
    assert_allclose(roots.shape * roots.scale, np.mean(narrow**0.125), rtol=1e-12)
    assert_allclose(fit.shape * fit.scale, np.mean(x**fit.power, axis=0), rtol=1e-9)


def test_vertex_of_a_parabola() -> None:
    place = np.array([[-2.0], [-0.5], [0.1], [1.0]])
    # Inside, between an end and its neighbour, and beyond an end.
    top = np.array([-0.2, 0.03, 0.9, -1.9, 3.0])
    value = 5.0 - 2 * (place - top) ** 2
    best = np.argmax(value, axis=0)[None]
    assert_allclose(_vertex(place, value, best)[0], [-0.2, 0.03, 0.9, -1.9, 1.0], rtol=1e-12)
    # Bent upwards, or flat: the best itself.
    assert_allclose(_vertex(place, -value, np.argmax(-value, axis=0)[None])[0], [-2.0, -2.0, -2.0, 1.0, -2.0])
    assert_allclose(_vertex(place, np.zeros((4, 1)), np.array([[2]])), 0.1)
    assert_allclose(_vertex(place[:2], value[:2], np.ones((1, 5), int)), -0.5)


def test_fit_of_1280_channels_is_fast() -> None:
    """The bar is 0.25 s for 500 images, 1280 channels and 9 powers, on one thread; the least of three times."""
    x = np.random.default_rng(9).standard_gamma(0.7, (500, 1280))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        ZeroInflatedGeneralisedGamma.fit_powers(x, (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.25
