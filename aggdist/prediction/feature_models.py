"""Feature models: from statistics of pooled features to the laws of features and of output nodes.

Each model is fitted per label from accumulators that merge (`PooledStatistics`), and gives the law of every
pooled feature and of every linear head. They differ in what they keep of the data:

- `IndependentGammas`: mean and variance of each channel; channels independent;
- `IndependentZeroInflatedGammas`: how often a channel is 0, and the shape of the rest; channels independent;
- `Normals`: mean and the full covariance between channels; no shape.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import Distribution, Normal, ZeroInflatedGamma
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]

# A channel that is the same for all images is described by a gamma (normal) of this relative width.
_CONSTANT_WIDTH = 1e-6


class FeatureModel(ABC):
    """Laws of the pooled features given the label, and what follows for output nodes."""

    name: ClassVar[str]
    title: ClassVar[str]

    counts: Array
    """Number of fitting images of each label, shape (J,)."""

    @classmethod
    @abstractmethod
    def fit(cls, statistics: PooledStatistics) -> FeatureModel:
        """Fit from the accumulators of the fitting images."""

    @abstractmethod
    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""

    @abstractmethod
    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        """Law of each output node given the label, batch shape (K, J)."""

    @abstractmethod
    def sample_outputs(
        self, weights: Array, bias: Array, labels: NDArray[np.integer], rng: np.random.Generator
    ) -> Array:
        """Outputs of a head drawn from the model, one row for each of the given labels: shape (n, K)."""

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
        channels = self.pooled_law().batch_shape[1]
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


@dataclass(frozen=True, eq=False)
class _GammaModel(FeatureModel):
    """Channels independent given the label, each a (zero-inflated) gamma; arrays of shape (J, C)."""

    law: ZeroInflatedGamma
    counts: Array

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""
        return self.law

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        return WeightedGammaSum(
            weights[:, None, :], self.law.shape, self.law.scale, self.law.active, bias[:, None]
        )

    def sample_outputs(
        self, weights: Array, bias: Array, labels: NDArray[np.integer], rng: np.random.Generator
    ) -> Array:
        """Outputs of a head drawn from the model, shape (n, K)."""
        return np.asarray(self.law[labels].sample(rng) @ weights.T + bias)


class IndependentGammas(_GammaModel):
    """Independent channels, each a gamma with the mean and variance of the fitting images (T3).

    A channel that is 0 in every fitting image of a label is 0 under the model.
    """

    name = "gamma"
    title = "independent gammas"

    @classmethod
    def fit(cls, statistics: PooledStatistics) -> IndependentGammas:
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
    def fit(cls, statistics: PooledStatistics) -> IndependentZeroInflatedGammas:
        """Fit by maximum likelihood from (images, positives, sum, sum of logarithms)."""
        images = statistics.count[:, None]
        law = ZeroInflatedGamma.fit_sufficient(
            images, statistics.positives, statistics.mean * images, statistics.log_sum
        )
        active = np.where(statistics.positives > 0, (statistics.positives + 0.5) / (images + 1), 0.0)
        return cls(ZeroInflatedGamma(active, law.shape, law.scale), statistics.count)


@dataclass(frozen=True, eq=False)
class Normals(FeatureModel):
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

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""
        variance = np.diagonal(self.covariance, axis1=1, axis2=2)
        scale = np.maximum(np.abs(self.mean), self.mean.max())
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

    def sample_outputs(
        self, weights: Array, bias: Array, labels: NDArray[np.integer], rng: np.random.Generator
    ) -> Array:
        """Outputs of a head drawn from the model, shape (n, K)."""
        joint = np.einsum("kc,jcd,ld->jkl", weights, self.covariance, weights, optimize=True)
        values, vectors = np.linalg.eigh(joint)
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        mean = bias + self.mean @ weights.T
        noise = rng.standard_normal((len(labels), len(bias)))
        return np.asarray(mean[labels] + np.einsum("nkl,nl->nk", root[labels], noise))


FEATURE_MODELS: dict[str, type[FeatureModel]] = {
    model.name: model for model in (IndependentGammas, IndependentZeroInflatedGammas, Normals)
}


def feature_model(name: str) -> type[FeatureModel]:
    """The feature model of that name.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    """
    if name not in FEATURE_MODELS:
        raise ValueError(f"feature model: got {name!r}, expected one of {', '.join(FEATURE_MODELS)}")
    return FEATURE_MODELS[name]
