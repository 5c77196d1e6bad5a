"""Feature models that are fitted before pooling: on statistics of activations, not on pooled features.

They are the first rungs of a ladder. Each takes one more fact from the data:

- `IndependentActivations`: mean, variance and activity of one activation; positions and channels independent;
- `DependentActivations`: besides, how much the positions of an image vary together;
- `CorrelatedActivations`: besides, the correlation of pooled channels, in jointly normal features.

What pooling makes of positions is in `activation_pooling.py`. The models that are fitted on pooled features themselves
are the rungs above these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import Distribution, ZeroInflatedGamma
from aggdist.prediction.activation_pooling import (
    PooledMoments,
    dependent_positions,
    independent_positions,
)
from aggdist.prediction.feature_model import FeatureModel, FittingImages
from aggdist.prediction.independent_models import independent_sum
from aggdist.prediction.normal_model import Normals

Array = NDArray[np.float64]

# A channel that is the same for all images is described by a gamma of this relative width.
_CONSTANT_WIDTH = 1e-6

_LEAST_SILENCE = 1e-15
"""Of a channel that is ever active: the least that `active = 1 - silence` can hold. Otherwise a joint atom of one label
would meet none of another, and their divergence would be infinite."""

_NEGLIGIBLE_ATOM = 1e-16
"""Joint atoms below this are dropped: no quadrature or sample could show them, but where another label's underflows,
the divergence would be infinite."""


class ActivationModel(FeatureModel):
    """A feature model that is fitted on activations and not on pooled features."""

    @classmethod
    def fit_images(cls, images: FittingImages) -> FeatureModel:
        """Not possible.

        Raises
        ------
        TypeError
            Always: pooled features do not say what they were pooled from.
        """
        raise TypeError(
            f"{cls.__name__} got pooled features, but needs activations: "
            "use activation_models(activations, pooled, aggregation)"
        )


@dataclass(frozen=True, eq=False)
class _IndependentChannels(ActivationModel):
    """Channels independent given the label, each a zero-inflated gamma with predicted moments.

    The law of a pooled channel is in general no gamma. It is matched by a zero-inflated gamma with the same
    P(Z = 0), mean and variance (`matched_law`), and a node is the weighted sum of these: its mean and variance are
    those that the moments imply, its shape is approximate.

    Parameters
    ----------
    moments : PooledMoments, arrays of shape (J, C)
    law : ZeroInflatedGamma, batch shape (J, C)
    counts : array, shape (J,)
    """

    moments: PooledMoments
    law: ZeroInflatedGamma
    counts: Array

    @classmethod
    def of_moments(cls, moments: PooledMoments, counts: Array) -> Self:
        """From the predicted moments and the number of fitting images of each label, shape (J,)."""
        return cls(moments, matched_law(moments), counts)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.law.batch_shape[1]

    def pooled_law(self) -> Distribution:
        """Matched law of each pooled feature given the label, batch shape (J, C)."""
        return self.law

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        return independent_sum(weights, bias, _without_negligible_atoms(self.law))


class IndependentActivations(_IndependentChannels):
    """Positions and channels independent given the label (T2, T3, T7, T8).

    An activation is a zero-inflated gamma with the activity q, mean and variance of all activations of its label and
    channel; a map holds N independent ones.
    """

    name: ClassVar[str] = "activations_iid"
    title: ClassVar[str] = "activations: independent positions and channels"

    @classmethod
    def fit(cls, activations: ActivationStatistics, aggregation: str, p: float = 3.0) -> Self:
        """Fit on statistics of activations; parameters and errors as for `activation_models`."""
        return cls.of_moments(independent_positions(activations, aggregation, p), activations.images.copy())


class DependentActivations(_IndependentChannels):
    """Positions as correlated as measured, channels independent given the label (T6, T7).

    *Average:* variance `kappa_2/N_eff`, exact whatever the dependence. *Maximum and generalised mean:* the mixture
    over images, in which an image has its own activity and gain, as variable as N_eff says; where N_eff exceeds N,
    which no mixture can explain, an interpolation towards images that all hold the same values
    (`activation_pooling.py`). The power `F_A^{N_eff}` needs no more statistics, but N_eff is about averages, and on
    real maps it is far off (T7); N_max by level and the images' own laws need maps. P(Z = 0) is that of the mixture
    for every aggregation: neither `(1 - q)^N` nor `(1 - q)^N_eff` (T5).
    """

    name: ClassVar[str] = "activations_dependent"
    title: ClassVar[str] = "activations: positions as correlated, independent channels"

    @classmethod
    def fit(cls, activations: ActivationStatistics, aggregation: str, p: float = 3.0) -> Self:
        """Fit on statistics of activations; parameters and errors as for `activation_models`."""
        return cls.of_moments(dependent_positions(activations, aggregation, p), activations.images.copy())


@dataclass(frozen=True, eq=False)
class CorrelatedActivations(ActivationModel):
    """Positions and channels as correlated as measured: jointly normal pooled features (T6, T9).

    Means and standard deviations D of the pooled features are those of `DependentActivations`; the correlation matrix
    R given the label is that of the pooled features of the fitting images. The variance of a node is `w' D R D w`. For
    the average this is the sample variance of the node itself, and the model that of `Normals`.

    Parameters
    ----------
    mean : array, shape (J, C)
    covariance : array, shape (J, C, C)
        D R D.
    counts : array, shape (J,)
    """

    name: ClassVar[str] = "activations_correlated"
    title: ClassVar[str] = "activations: positions and channels as correlated"

    mean: Array
    covariance: Array
    counts: Array

    @classmethod
    def of_moments(cls, moments: PooledMoments, pooled: PooledStatistics, counts: Array) -> Self:
        """From predicted means and variances, and the correlations of pooled features (J, C).

        A channel that does not vary in the sample is taken as uncorrelated with all others.
        """
        covariance = pooled.covariance()
        variance = np.einsum("jcc->jc", covariance).copy()
        factor = np.sqrt(
            np.divide(moments.variance, variance, out=np.zeros_like(variance), where=variance > 0)
        )
        covariance *= factor[:, :, None]
        covariance *= factor[:, None, :]
        np.einsum("jcc->jc", covariance)[...] = moments.variance
        return cls(moments.mean, covariance, counts)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.mean.shape[1]

    def pooled_law(self) -> Distribution:
        """Normal law of each pooled feature given the label, batch shape (J, C)."""
        return self._normals.pooled_law()

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        return self._normals._sum_law(weights, bias)

    @property
    def _normals(self) -> Normals:
        return Normals(self.mean, self.covariance, self.counts)


def activation_models(
    activations: ActivationStatistics, pooled: PooledStatistics, aggregation: str, p: float = 3.0
) -> dict[str, FeatureModel]:
    """The models of this module by name, in the order in which they take facts from the data.

    Parameters
    ----------
    activations : ActivationStatistics
        Of the final maps of the fitting images, at least two of each label; J labels, C channels, N positions.
    pooled : PooledStatistics
        Of the pooled features of the same images, for the correlations between channels.
    aggregation : str
        How the maps are pooled: "avg", "max" or "gem".
    p : float
        Power of "gem", p >= 1; the others do not read it.

    Returns
    -------
    dict of `IndependentActivations`, `DependentActivations`, `CorrelatedActivations`.

    Raises
    ------
    ValueError
        For another aggregation, a power below 1, statistics of different shapes, or fewer than two images of a label.
    """
    if activations.mean.shape != pooled.mean.shape:
        raise ValueError(
            f"got activations of (labels, channels) {activations.mean.shape} and pooled features of "
            f"{pooled.mean.shape}, expected the same: statistics of the same images and network"
        )
    independent = IndependentActivations.fit(activations, aggregation, p)
    dependent = DependentActivations.fit(activations, aggregation, p)
    correlated = CorrelatedActivations.of_moments(dependent.moments, pooled, dependent.counts)
    return {model.name: model for model in (independent, dependent, correlated)}


def matched_law(moments: PooledMoments) -> ZeroInflatedGamma:
    """Zero-inflated gammas with the P(Z = 0), mean and variance of the moments, batch shape (J, C).

    Where the variance is too small for so much silence, below `mean^2 silent/(1 - silent)`, mean and variance are
    kept, and silence is as large as they allow. A channel of mean 0 is 0.
    """
    dead = moments.mean <= 0
    mean = np.where(dead, 1.0, moments.mean)
    least = _CONSTANT_WIDTH**2
    relative = np.where(dead, 1.0, np.maximum(moments.variance / mean**2, least))
    silent = np.minimum(np.maximum(moments.silent, _LEAST_SILENCE), (relative - least) / (1 + relative))
    silent = np.where(dead, 0.0, silent)
    # The relative variance of the positive part, which is 1/shape.
    inverse = np.maximum(relative - silent * (1 + relative), least)
    return ZeroInflatedGamma(np.where(dead, 0.0, 1 - silent), 1 / inverse, mean * inverse / (1 - silent))


def _without_negligible_atoms(law: ZeroInflatedGamma) -> ZeroInflatedGamma:
    """The same laws, if the joint atom of all channels counts for some label; otherwise laws without a joint atom.

    Then, in each label, the channel that is active most often is a plain gamma with the same mean and variance.
    """
    with np.errstate(divide="ignore"):
        joint = np.sum(np.log1p(-law.active), axis=1)
    if np.any(joint > np.log(_NEGLIGIBLE_ATOM)):
        return law
    chosen = np.arange(law.batch_shape[1]) == np.argmax(law.active, axis=1)[:, None]
    chosen &= law.active > 0
    variance = np.where(chosen, law.var(), 1.0)
    mean = np.where(chosen, law.mean(), 1.0)
    return ZeroInflatedGamma(
        np.where(chosen, 1.0, law.active),
        np.where(chosen, mean**2 / variance, law.shape),
        np.where(chosen, variance / mean, law.scale),
    )
