"""Averages of correlated positions, correlation on a grid, and mixtures over images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import (
    correlated_average_gamma,
    correlated_average_normal,
    effective_positions,
    grid_correlation,
    image_mixture,
    offset_covariance,
    pool,
    pooled_law,
    position_correlation,
)
from aggdist.capture import ActivationStatistics
from aggdist.distributions import Mixture, ZeroInflatedGamma

IMAGES = ZeroInflatedGamma(np.array([0.1, 0.5, 0.9]), np.array(1.5), np.array([0.5, 1.0, 2.0]))
CHANCES = np.array([0.5, 0.3, 0.2])


@given(rho=st.floats(0.0, 1.0), share=st.floats(0.0, 0.99), n=st.integers(2, 3000))
def test_correlation_and_effective_positions_are_inverse(rho, share, n):
    for value in (rho, -share / (n - 1)):
        assert position_correlation(effective_positions(value, n), n) == pytest.approx(value, abs=1e-10)


def test_effective_positions_at_the_ends():
    assert position_correlation([1.0, 9.0, np.inf], 9) == pytest.approx([1.0, 0.0, -1 / 8])


@pytest.mark.parametrize("law", [correlated_average_gamma, correlated_average_normal])
def test_matched_laws_have_the_mean_and_the_variance(law):
    rho = np.array([-0.01, 0.0, 0.1, 1.0])
    z = law(2.0, 3.0, 49, rho)
    assert np.allclose(z.mean(), 2.0, rtol=1e-13)
    assert np.allclose(z.var(), 3.0 / 49 * (1 + 48 * rho), rtol=1e-12)


def test_without_correlation_they_are_those_of_independent_positions():
    z, independent = correlated_average_gamma(2.0, 3.0, 49, 0.0), pooled_law(IMAGES, 49, method="gamma")
    assert z.shape == pytest.approx(49 * 4 / 3)
    by_hand = correlated_average_gamma(IMAGES.mean(), IMAGES.var(), 49, 0.0)
    assert np.allclose(by_hand.shape, independent.shape, rtol=1e-13)


@pytest.mark.parametrize(("height", "width"), [(1, 7), (5, 1), (3, 4)])
def test_grid_correlation_is_the_mean_over_all_pairs(height, width):
    y, x = (v.ravel() for v in np.mgrid[:height, :width])
    distance = np.hypot(y[:, None] - y, x[:, None] - x)
    apart = ~np.eye(len(y), dtype=bool)
    lengths = np.array([0.3, 1.0, 5.0])
    found = grid_correlation(lambda d: np.exp(-d / lengths[:, None, None]), height, width)
    assert np.allclose(found, [np.exp(-distance[apart] / length).mean() for length in lengths], rtol=1e-12)


def test_grid_correlation_of_constants():
    assert grid_correlation(np.ones_like, 4, 6) == pytest.approx(1)
    assert grid_correlation(lambda d: np.where(d == 0, np.pi, 0.0), 4, 6) == 0  # distance 0 is not read


def test_offset_covariances_add_up_to_the_variances_of_one_pass():
    rng = np.random.default_rng(6)
    maps = rng.gamma(2.0, 1.0, (30, 3, 1, 1)) * rng.gamma(0.5, 1.0, (30, 3, 4, 5))
    maps[..., 0, :] *= 3  # a brighter border
    covariance = offset_covariance(maps)
    one_pass = ActivationStatistics.of(maps, np.zeros(30, int), 1)
    assert np.allclose(covariance[:, 0, 0], one_pass.variance()[0], rtol=1e-12)
    rho = np.array([grid_correlation(lambda d, c=c: c / c[0, 0], 4, 5) for c in covariance])
    assert np.allclose(rho, one_pass.correlation()[0], rtol=1e-10)


def test_offset_covariances_by_hand():
    maps = np.random.default_rng(7).gamma(1.0, 1.0, (8, 3, 4))
    centred = maps - maps.mean()
    for_mean = maps.mean(axis=(1, 2)).var(ddof=1) / 8
    up = (centred[:, 1:, :-2] * centred[:, :-1, 2:]).mean()
    down = (centred[:, :-1, :-2] * centred[:, 1:, 2:]).mean()
    assert offset_covariance(maps)[1, 2] == pytest.approx((up + down) / 2 + for_mean)
    assert offset_covariance(maps)[2, 0] == pytest.approx((centred[:, 2] * centred[:, 0]).mean() + for_mean)


def test_mixture_over_images_is_the_mixture_of_their_pooled_laws():
    z = np.array([0.0, 0.2, 1.0, 3.0])[:, None]
    for name in ("avg", "max"):
        law = image_mixture(IMAGES, 9, name, weights=CHANCES)
        assert isinstance(law, Mixture)
        assert law.batch_shape == ()
        by_hand = pooled_law(IMAGES, 9, name).cdf(z) @ CHANCES
        assert np.allclose(law.cdf(z[:, 0]), by_hand, rtol=1e-12)


@pytest.mark.parametrize("name", ["avg", "max"])
def test_mixture_over_images_against_simulated_maps(name):
    rng = np.random.default_rng(8)
    images = rng.choice(3, 20_000, p=CHANCES)
    pooled = pool(IMAGES[images].sample(rng, 9).T, name, axis=1)
    law = image_mixture(IMAGES, 9, name, weights=CHANCES)
    z = np.quantile(pooled, [0.3, 0.5, 0.7, 0.9, 0.99])
    below = law.cdf(z)
    assert np.all(
        np.abs(np.mean(pooled[:, None] <= z, axis=0) - below) < 4 * np.sqrt(below * (1 - below) / 2e4)
    )
    assert law.cdf(0.0) == pytest.approx(np.sum(CHANCES * (1 - IMAGES.active) ** 9))


def test_the_power_and_the_sharpness_are_passed_on():
    for name, parameter in (("gem", {"p": 2.0}), ("lse", {"r": 0.5})):
        law = image_mixture(IMAGES, 9, name, method="gamma", **parameter)
        given = pooled_law(IMAGES, 9, name, method="gamma", **parameter)
        assert law.mean() == pytest.approx(float(given.mean().mean()))


def test_mixture_over_images_with_a_batch_and_several_numbers_of_positions():
    channels = ZeroInflatedGamma(np.full((2, 3), 0.4), np.array([[1.0], [2.0]]), np.array([0.5, 1.0, 2.0]))
    law = image_mixture(channels, [[1], [49]])
    assert law.batch_shape == (2, 2)
    means = channels.mean()
    assert np.allclose(law.mean(), means.mean(axis=1))
    expected = means.var(axis=1) + channels.var().mean(axis=1) / np.array([[1], [49]])
    assert np.allclose(law.var(), expected, rtol=1e-12)


def test_moments_of_a_mixture_of_maxima_are_found_by_quadrature():
    law = image_mixture(IMAGES, 9, "max", weights=CHANCES)
    each = pooled_law(IMAGES, 9, "max")
    mean = CHANCES @ each.mean()
    assert law.mean() == pytest.approx(mean, rel=1e-8)
    assert law.var() == pytest.approx(CHANCES @ (each.var() + (each.mean() - mean) ** 2), rel=1e-8)


def test_one_image_is_independence():
    one = IMAGES[1:2]
    law, z = image_mixture(one, 16), np.linspace(0.1, 2, 9)
    assert np.allclose(law.pdf(z), pooled_law(IMAGES[1], 16).pdf(z), rtol=1e-12)


def test_bad_numbers():
    with pytest.raises(
        ValueError, match=r"effective: got 0\.9, expected at least 1: an average varies no more"
    ):
        position_correlation(0.9, 9)
    with pytest.raises(ValueError, match=r"positions: got 1\.0, expected at least 2 positions"):
        position_correlation(1.0, 1)
    with pytest.raises(ValueError, match=r"correlation: got 1\.1, expected a number above -1/\(N-1\)"):
        correlated_average_gamma(1.0, 1.0, 9, 1.1)
    with pytest.raises(ValueError, match=r"correlation: got -0\.125"):
        correlated_average_normal(1.0, 1.0, 9, -0.125)
    with pytest.raises(ValueError, match=r"kappa1: got 0\.0, expected a positive"):
        correlated_average_gamma(0.0, 1.0, 9, 0.1)


def test_bad_grids():
    with pytest.raises(ValueError, match="got 1 and 1, expected at least two positions"):
        grid_correlation(np.ones_like, 1, 1)
    with pytest.raises(ValueError, match="height: got 0"):
        grid_correlation(np.ones_like, 0, 3)
    with pytest.raises(ValueError, match=r"correlation: got shape \(\), expected \(..., 2, 3\)"):
        grid_correlation(lambda d: 0.5, 2, 3)
    with pytest.raises(ValueError, match=r"correlation: got 2\.0, expected a correlation between"):
        grid_correlation(lambda d: 0 * d + 2.0, 2, 3)
    with pytest.raises(
        ValueError, match=r"maps: got shape \(1, 3, 3\), expected \(images, ..., H, W\) with 2"
    ):
        offset_covariance(np.ones((1, 3, 3)))


def test_bad_mixtures():
    with pytest.raises(ValueError, match="activation: got a single law, expected a batch with the images"):
        image_mixture(IMAGES[0], 9)
    with pytest.raises(TypeError, match="activation: got float, expected a Distribution"):
        image_mixture(1.0, 9)
    with pytest.raises(ValueError, match=r"weights: got shape \(2,\), expected 3 images along the last axis"):
        image_mixture(IMAGES, 9, weights=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"weights: got 0\.[89]\d*, expected weights that sum to 1"):
        image_mixture(IMAGES, 9, weights=[0.3, 0.3, 0.3])
    with pytest.raises(ValueError, match=r"positions: got 2\.5, expected a whole number"):
        image_mixture(IMAGES, 2.5)
    with pytest.raises(NotImplementedError, match="aggregation 'avg' with method='no such method'"):
        image_mixture(IMAGES, 9, method="no such method")
