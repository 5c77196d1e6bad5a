"""Statistics of any sign with three kinds of covariance."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.capture import PooledStatistics
from aggdist.own_network.statistics import HeadStatistics

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 5))
Z = RNG.gamma(1.0, size=(60, 5)) * (RNG.random((60, 5)) < 0.7)
Y = np.arange(60) % 3
KINDS = ("full", "head", "pooled")


def test_non_negative_features_give_what_pooled_statistics_give():
    expected, found = PooledStatistics.of(Z, Y, 3), HeadStatistics.of_features(Z, Y, 3, W, "full")
    for name, array in expected.arrays().items():
        np.testing.assert_allclose(getattr(found, name), array, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.covariance(), expected.covariance(), rtol=1e-12)
    np.testing.assert_allclose(found.variance(), expected.variance(), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_two_parts_merged_are_the_whole(kind):
    shifted = Z - 0.3
    whole = HeadStatistics.of_features(shifted, Y, 3, W, kind)
    part = HeadStatistics.of_features(shifted[:23], Y[:23], 3, W, kind)
    part.merge(HeadStatistics.of_features(shifted[23:], Y[23:], 3, W, kind))
    assert part.kind == whole.kind == kind
    for name, array in whole.arrays().items():
        np.testing.assert_allclose(getattr(part, name), array, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_covariance_of_nodes(kind):
    statistics = HeadStatistics.of_features(Z - 0.3, Y, 3, W, kind)
    own = np.stack([np.cov((Z @ W.T)[j == Y].T) for j in range(3)])
    expected = own if kind != "pooled" else np.broadcast_to(own.mean(axis=0), own.shape)  # equal counts
    np.testing.assert_allclose(statistics.node_covariance(W), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(statistics.variance(), [np.var(Z[j == Y], axis=0, ddof=1) for j in range(3)])


def test_errors():
    statistics = HeadStatistics.of_features(Z, Y, 3, W, "head")
    with pytest.raises(ValueError, match="the covariances kept are 'head': expected 'full'"):
        statistics.covariance()
    with pytest.raises(ValueError, match="cannot merge statistics of two heads"):
        statistics.merge(HeadStatistics.of_features(Z, Y, 3, 2 * W, "head"))
    with pytest.raises(ValueError, match="cannot merge: comoment has shape"):
        statistics.merge(HeadStatistics.of_features(Z, Y, 3, W, "full"))
    with pytest.raises(ValueError, match="features hold NaN or infinity"):
        statistics.update(np.full((2, 5), np.nan), [0, 1])
    with pytest.raises(ValueError, match=r"features of shape \(2, 4\): expected \(images, 5\)"):
        statistics.update(np.ones((2, 4)), [0, 1])
