"""Kolmogorov-Smirnov distances, with atoms and ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import Gamma, ZeroInflatedGamma
from aggdist.divergence import ks_distance, ks_two_sample


def test_continuous_columns_equal_scipy():
    rng = np.random.default_rng(1)
    sample = rng.gamma(2.0, 1.5, (200, 3))
    law = Gamma(np.array([2.0, 1.0, 4.0]), np.array([1.5, 3.0, 1.0]))
    expected = [
        stats.kstest(sample[:, c], stats.gamma(law.shape[c], scale=law.scale[c]).cdf).statistic
        for c in range(3)
    ]
    np.testing.assert_allclose(ks_distance(sample, law), expected, atol=1e-12)


def test_two_samples_equal_scipy_with_ties():
    rng = np.random.default_rng(2)
    x, y = rng.poisson(2.0, (80, 4)), rng.poisson(2.6, (50, 4))
    expected = [stats.ks_2samp(x[:, c], y[:, c]).statistic for c in range(4)]
    np.testing.assert_allclose(ks_two_sample(x, y), expected, atol=1e-12)


def test_an_atom_of_the_right_size_costs_nothing():
    law = ZeroInflatedGamma(0.4, 2.0, 1.0)
    sample = law.sample(np.random.default_rng(3), 20_000)
    assert ks_distance(sample, law) < 1.63 / np.sqrt(20_000)  # 1 % point of Kolmogorov's distribution
    assert ks_distance(sample, Gamma(2.0, 1.0)) == pytest.approx(0.6, abs=0.02)
    assert ks_distance(np.zeros(10), ZeroInflatedGamma(0.0, 1.0, 1.0)) == 0


def test_the_floor_is_what_its_docstring_says():
    rng = np.random.default_rng(4)
    floor = ks_two_sample(rng.normal(size=(500, 400)), rng.normal(size=(500, 400))).mean()
    assert floor == pytest.approx(0.87 * np.sqrt(2 / 500), rel=0.03)


def test_bad_samples():
    with pytest.raises(ValueError, match="sample: got NaN or infinite values"):
        ks_distance([1.0, np.nan], Gamma(1.0, 1.0))
    with pytest.raises(ValueError, match=r"x: got shape \(0, 2\), expected at least one value"):
        ks_two_sample(np.zeros((0, 2)), np.zeros((3, 2)))
