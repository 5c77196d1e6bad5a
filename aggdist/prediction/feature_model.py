"""What every feature model offers, and the images it is fitted on.

A feature model is fitted per label on the pooled features of some images, and gives the law of every pooled feature
and of every linear head.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.capture.statistics import MarginalStatistics, PooledStatistics
from aggdist.distributions import Distribution
from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]
Labels = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class FittingImages:
    """Pooled features of the images that models are fitted on; what several models need is computed once.

    Parameters
    ----------
    features : array, shape (n, C)
        Non-negative.
    labels : array of int, shape (n,)
        0 to `classes - 1`; at least two images of each label.
    classes : int
    """

    features: Array
    labels: Labels
    classes: int

    @cached_property
    def statistics(self) -> PooledStatistics:
        """The accumulators, which keep the means, variances and covariances of each label."""
        return PooledStatistics.of(self.features, self.labels, self.classes)

    @cached_property
    def marginals(self) -> MarginalStatistics:
        """The sums of each channel by itself, for models that need no covariances."""
        return MarginalStatistics.of(self.features, self.labels, self.classes)

    @cached_property
    def by_label(self) -> list[Array]:
        """The features of each label, shapes (n_j, C)."""
        return [self.features[self.labels == j] for j in range(self.classes)]


class FeatureModel(ABC):
    """Laws of the pooled features given the label, and what follows for output nodes."""

    name: ClassVar[str]
    title: ClassVar[str]

    counts: Array
    """Number of fitting images of each label, shape (J,)."""

    @classmethod
    @abstractmethod
    def fit_images(cls, images: FittingImages) -> FeatureModel:
        """Fit on images whose features are at hand."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Number of pooled features."""

    @abstractmethod
    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""

    @abstractmethod
    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        """Law of each output node given the label, batch shape (K, J)."""

    def node_laws(self, weights: ArrayLike, bias: ArrayLike, priors: ArrayLike | None = None) -> NodeLaws:
        """Laws of the output nodes `y[k] = bias[k] + sum_c weights[k, c] Z[c]`.

        Parameters
        ----------
        weights : array_like, shape (K, C)
        bias : array_like, shape (K,)
        priors : array_like, shape (J,), optional
            Frequencies of the labels, for the mixture out of class; those of the fitting images unless given.

        Raises
        ------
        ValueError
            For wrong shapes or values that are not finite.
        """
        weights, bias = np.asarray(weights, float), np.asarray(bias, float)
        channels = self.channels
        if weights.ndim != 2 or weights.shape[1] != channels:
            raise ValueError(
                f"weights: got shape {weights.shape}, expected (K, {channels}): one row for each node"
            )
        if bias.shape != weights.shape[:1]:
            raise ValueError(
                f"bias: got shape {bias.shape}, expected ({weights.shape[0]},): one value a node"
            )
        if not (np.all(np.isfinite(weights)) and np.all(np.isfinite(bias))):
            raise ValueError("weights or bias: got NaN or infinite values, expected a trained linear head")
        frequencies = self.counts / self.counts.sum() if priors is None else np.asarray(priors, float)
        return NodeLaws(self._sum_law(weights, bias), frequencies)


class StatisticsModel(FeatureModel):
    """A feature model for which accumulators are enough: they merge, and do not grow with the images."""

    @classmethod
    @abstractmethod
    def fit(cls, statistics: PooledStatistics) -> FeatureModel:
        """Fit from the accumulators of the fitting images."""

    @classmethod
    def fit_images(cls, images: FittingImages) -> FeatureModel:
        """Fit on images whose features are at hand."""
        return cls.fit(images.statistics)
