"""Feature models that take the channels as independent given the label.

- `IndependentGammas`: mean and variance of each channel;
- `IndependentZeroInflatedGammas`: how often a channel is 0, and the shape of the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.statistics import MarginalStatistics, PooledStatistics
from aggdist.distributions import Distribution, NormalInverseGaussian, ZeroInflatedGamma
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.prediction.feature_model import FeatureModel, FittingImages, StatisticsModel

Array = NDArray[np.float64]

# A channel that is the same for all images is described by a gamma of this relative width.
_CONSTANT_WIDTH = 1e-6


# An exact log density far out in the tail costs as many terms for each point: a minute for ten nodes of 1280 channels.
_MANY_TERMS = 500


def independent_sum(weights: Array, bias: Array, law: ZeroInflatedGamma) -> Distribution:
    """Law of each node given each label, batch shape (K, J), of independent features with laws of batch shape (J, C).

    The exact law of the sum; for more than 500 channels the normal-inverse Gaussian law with its first four cumulants,
    which is near to it but not exact in the far tails that decide large divergences.
    """
    exact = WeightedGammaSum(weights[:, None, :], law.shape, law.scale, law.active, bias[:, None])
    if law.batch_shape[-1] <= _MANY_TERMS:
        return exact
    return NormalInverseGaussian.fit_moments(exact.mean(), exact.var(), exact.cumulant(3), exact.cumulant(4))


@dataclass(frozen=True, eq=False)
class _GammaModel(StatisticsModel):
    """Channels independent given the label, each a (zero-inflated) gamma; arrays of shape (J, C)."""

    law: ZeroInflatedGamma
    counts: Array

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""
        return self.law

    @classmethod
    @abstractmethod
    def fit(cls, statistics: PooledStatistics | MarginalStatistics) -> FeatureModel:
        """Fit from the sums of each channel by itself."""

    @classmethod
    def fit_images(cls, images: FittingImages) -> FeatureModel:
        """Fit on images whose features are at hand; covariances are not needed."""
        return cls.fit(images.marginals)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.law.batch_shape[1]

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        return independent_sum(weights, bias, self.law)


class IndependentGammas(_GammaModel):
    """Independent channels, each a gamma with the mean and variance of the fitting images (T3).

    A channel that is 0 in every fitting image of a label is 0 under the model.
    """

    name = "gamma"
    title = "independent gammas"

    @classmethod
    def fit(cls, statistics: PooledStatistics | MarginalStatistics) -> IndependentGammas:
        """Fit by matched mean and variance: shape = mean**2 / variance, scale = variance / mean."""
        mean, variance = statistics.mean, statistics.variance()
        dead = mean <= 0
        mean = np.where(dead, 1.0, mean)
        variance = np.where(dead, 1.0, np.maximum(variance, (_CONSTANT_WIDTH * mean) ** 2))
        law = ZeroInflatedGamma(np.where(dead, 0.0, 1.0), mean**2 / variance, variance / mean)
        return cls(law, statistics.count)


class IndependentZeroInflatedGammas(_GammaModel):
    """Independent channels, each 0 with its own probability, else a gamma by maximum likelihood (T2, T5).

    The probability of being active is `(positives + 1/2) / (images + 1)`, the estimate of Krichevsky and
    Trofimov (1981): with plain frequencies a channel that happened to be active in every fitting image would
    make the joint atom of another label infinitely surprising.
    """

    name = "zero_inflated_gamma"
    title = "independent zero-inflated gammas"

    @classmethod
    def fit(cls, statistics: PooledStatistics | MarginalStatistics) -> IndependentZeroInflatedGammas:
        """Fit by maximum likelihood from (images, positives, sum, sum of logarithms)."""
        images = statistics.count[:, None]
        law = ZeroInflatedGamma.fit_sufficient(
            images, statistics.positives, statistics.mean * images, statistics.log_sum
        )
        active = np.where(statistics.positives > 0, (statistics.positives + 0.5) / (images + 1), 0.0)
        return cls(ZeroInflatedGamma(active, law.shape, law.scale), statistics.count)
