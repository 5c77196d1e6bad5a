"""Jointly normal pooled features with the full covariance between channels: mean and variance right, no shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import Distribution, Normal
from aggdist.prediction.feature_model import StatisticsModel

Array = NDArray[np.float64]

# A channel that is the same for all images is described by a normal of this relative width.
_CONSTANT_WIDTH = 1e-6


@dataclass(frozen=True, eq=False)
class Normals(StatisticsModel):
    """Jointly normal channels with the mean and the full covariance of the fitting images.

    Mean and variance of every linear head are then those of the fitting images, exactly.
    """

    name = "normal"
    title = "normals, exact mean and variance"

    mean: Array
    covariance: Array
    counts: Array

    @classmethod
    def fit(cls, statistics: PooledStatistics) -> Normals:
        """Fit by the sample mean and the unbiased sample covariance."""
        return cls(statistics.mean, statistics.covariance(), statistics.count)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.mean.shape[1]

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)
        scale = np.maximum(np.abs(self.mean), np.abs(self.mean).max())
        return Normal(self.mean, np.sqrt(np.maximum(variance, (_CONSTANT_WIDTH * scale) ** 2)))

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        mean = bias[:, None] + weights @ self.mean.T
        variance = np.einsum("kc,jcd,kd->kj", weights, self.covariance, weights, optimize=True)
        if np.any(variance <= 0):
            node, label = np.argwhere(variance <= 0)[0]
            raise ValueError(
                f"output node {node} has variance {variance[node, label]} given label {label}, expected a positive "
                "one: its weights are zero, or all its features are constant; leave such a node out"
            )
        return Normal(mean, np.sqrt(variance))
