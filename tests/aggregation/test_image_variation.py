"""Moments between and within images: cumulants of averages, unbiased estimates, N_eff with its interval."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from aggdist.aggregation import ImageVariation, image_mixture, observed_effective_positions
from aggdist.capture import ActivationStatistics, image_sums
from aggdist.distributions import ZeroInflatedGamma

IMAGES = ZeroInflatedGamma(np.array([0.1, 0.5, 0.9]), np.array(1.5), np.array([0.5, 1.0, 2.0]))
CHANCES = np.array([0.5, 0.3, 0.2])
CUMULANTS = [IMAGES.cumulant(r) for r in (1, 2, 3)]
FIELDS = ("mean", "between", "within", "between_third", "covariance", "within_third")


@pytest.mark.parametrize("n", [1, 2, 49])
@pytest.mark.parametrize("weights", [None, CHANCES])
def test_cumulants_are_those_of_the_mixture(n, weights):
    variation = ImageVariation.of_laws(*CUMULANTS, weights)
    law = image_mixture(IMAGES, n, weights=weights)
    assert np.allclose(variation.cumulants(n), [law.cumulant(r) for r in (1, 2, 3)], rtol=1e-12)


def test_images_that_are_alike_are_independence():
    variation = ImageVariation.of_laws(*(np.full((4, 2), c[1]) for c in CUMULANTS))
    expected = [CUMULANTS[r][1] / 49**r for r in (0, 1, 2)]
    assert np.allclose(variation.cumulants(49), np.transpose([expected] * 2), rtol=1e-12)
    assert np.allclose(variation.correlation(), 0, atol=1e-12)


def test_constant_images_are_correlation_one():
    variation = ImageVariation.of_laws([1.0, 2.0, 5.0], np.zeros(3), np.zeros(3))
    assert variation.correlation() == pytest.approx(1)
    assert np.allclose(variation.cumulants(1), variation.cumulants(10**6))
    silent = ImageVariation.of_laws(np.zeros((3, 1)), np.zeros((3, 1)), np.zeros((3, 1)))
    assert np.isnan(silent.correlation()).all()


def test_cumulants_broadcast_over_numbers_of_positions():
    variation = ImageVariation.of_laws(*(np.tile(c[:, None], (1, 4)) for c in CUMULANTS))
    assert variation.cumulants(np.array([[1], [9], [49]])).shape == (3, 3, 4)


def test_estimates_give_back_the_cumulants_of_the_sample():
    """Of its averages at the map's own N, and of one activation at N = 1: exactly, for any maps."""
    rng = np.random.default_rng(1)
    maps = rng.gamma(2.0, 1.0, (12, 3, 1, 1)) * rng.gamma(0.5, 1.0, (12, 3, 3, 4))
    sums = image_sums(maps)
    estimate = ImageVariation.estimate(sums.mean, sums.second, sums.third, sums.positions)
    one_pass = ActivationStatistics.of(maps, np.zeros(12, int), 1)
    assert np.allclose(estimate.cumulants(12)[1], one_pass.image_mean_variance()[0], rtol=1e-12)
    cubes = np.sum((sums.mean - sums.mean.mean(axis=0)) ** 3, axis=0)
    assert np.allclose(estimate.cumulants(12)[2], 12 / 11 / 10 * cubes, rtol=1e-12)
    assert np.allclose(estimate.cumulants(1)[1], one_pass.variance()[0], rtol=1e-12)
    assert np.allclose(estimate.correlation(), one_pass.correlation()[0], rtol=1e-12)


def test_estimates_are_unbiased():
    """Over all outcomes: three images of two kinds, three positions of two values each, 4096 cases."""
    value, kinds, share = np.array([0.0, 1.0]), np.array([0.2, 0.7]), np.array([0.4, 0.6])
    maps, chance = [], []
    for kind in product(range(2), repeat=3):
        for outcome in product(range(2), repeat=9):
            active = np.reshape(outcome, (3, 3))
            p = kinds[list(kind)][:, None]
            maps.append(value[active])
            chance.append(np.prod(share[list(kind)]) * np.prod(np.where(active, p, 1 - p)))
    maps, chance = np.moveaxis(np.array(maps), 0, 1), np.array(chance)  # images, cases, positions
    assert chance.sum() == pytest.approx(1)
    mean = maps.mean(axis=2)
    second, third = (np.sum((maps - mean[..., None]) ** r, axis=2) for r in (2, 3))
    estimate = ImageVariation.estimate(mean, second, third, 3)
    laws = (kinds, kinds * (1 - kinds), kinds * (1 - kinds) * (1 - 2 * kinds))
    true = ImageVariation.of_laws(*laws, share)
    for field in FIELDS:
        expected = getattr(true, field)
        assert np.sum(chance * getattr(estimate, field)) == pytest.approx(float(expected), rel=1e-10), field


def test_effective_positions_are_those_of_one_pass():
    rng = np.random.default_rng(2)
    maps = rng.gamma(2.0, 1.0, (40, 3, 1)) * rng.gamma(0.5, 1.0, (40, 3, 16))
    sums = image_sums(maps)
    found = observed_effective_positions(sums.mean, sums.second, 16)
    one_pass = ActivationStatistics.of(maps, np.zeros(40, int), 1)
    assert np.allclose(found.value, one_pass.effective_positions()[0], rtol=1e-12)
    low, high = found.interval()
    assert np.all((low < found.value) & (found.value < high))
    assert np.allclose(low * high, found.value**2)


def test_the_standard_error_is_the_spread_over_samples():
    rng = np.random.default_rng(3)
    maps = rng.gamma(2.0, 1.0, (200, 400, 1)) * rng.gamma(1.0, 1.0, (200, 400, 9))
    sums = image_sums(maps)  # 400 samples of 200 images
    found = observed_effective_positions(sums.mean, sums.second, 9)
    spread = np.log(found.value).std()
    assert np.sqrt(np.mean(found.log_standard_error**2)) == pytest.approx(spread, rel=0.15)


def test_copies_are_worth_one_position_without_error():
    maps = np.random.default_rng(4).gamma(1.0, 1.0, (20, 1, 1)) * np.ones(9)
    sums = image_sums(maps)
    found = observed_effective_positions(sums.mean, sums.second, 9)
    assert found.value == pytest.approx(1.0)
    assert np.all(found.log_standard_error < 1e-10)


def test_bad_arguments():
    one = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"got shapes \[\(3, 2\), \(3, 2\), \(3,\)\], expected one shape"):
        ImageVariation.of_laws(one, one, np.ones(3))
    with pytest.raises(ValueError, match=r"variance: got -1\.0, expected variances >= 0"):
        ImageVariation.of_laws(one, -one, one)
    with pytest.raises(ValueError, match=r"weights: got shape \(2,\), expected \(3,\), one for each image"):
        ImageVariation.of_laws(one, one, one, [0.5, 0.5])
    with pytest.raises(ValueError, match=r"weights: got 0\.8\d*, expected weights that sum to 1"):
        ImageVariation.of_laws(one, one, one, [0.3, 0.3, 0.2])
    with pytest.raises(ValueError, match=r"weights: got -0\.5, expected numbers >= 0"):
        ImageVariation.of_laws(one, one, one, [1.0, 0.5, -0.5])
    with pytest.raises(ValueError, match="first moments: got nan, expected a finite number"):
        ImageVariation.of_laws(one * np.nan, one, one)
    with pytest.raises(ValueError, match="positions: got 2, expected a whole number of at least 3"):
        ImageVariation.estimate(one, one, one, 2)
    with pytest.raises(ValueError, match="mean: got 2 images, expected at least 3"):
        ImageVariation.estimate(one[:2], one[:2], one[:2], 9)
    with pytest.raises(ValueError, match="mean: got 1 image, expected at least 2"):
        observed_effective_positions(one[:1], one[:1], 9)
    with pytest.raises(
        ValueError, match=r"variance of the averages: got 0\.0, expected images whose averages"
    ):
        observed_effective_positions(one, one, 9)
