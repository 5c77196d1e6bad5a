"""Feature models whose channels depend on each other: independent skewed components along a basis of each label.

- `DecorrelatedGammas`: the label's principal directions, each a shifted gamma;
- `IndependentComponents`: its leading directions unmixed by independent component analysis, the others normal.

Given label j both write the features as `Z = mean + L s` with independent components s of mean 0, variance 1 and their
own skewness, and `L L'` equal to the sample covariance (theory item T9). So mean and variance of **every** linear head
are those of the fitting images, exactly; third and higher cumulants are those of independent components.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions import Distribution, ShiftedGamma
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.prediction.feature_model import FeatureModel, FittingImages
from aggdist.prediction.projected_models import floored_gamma

Array = NDArray[np.float64]

# A channel that is the same for all images is described by a law of this relative width.
_CONSTANT_WIDTH = 1e-6

_LEAST_IMAGES = 3
_LEAST_SKEW = 1e-3
"""A component of smaller skewness is normal: Kolmogorov-Smirnov distance below 1e-3/(6 sqrt(2 pi)) = 7e-5."""

_NORMAL_SHAPE = 1e7
"""Gamma shape of the two terms whose difference stands for a normal law. That has skewness 0 and excess kurtosis
3/shape: Kolmogorov-Smirnov distance 0.07/shape = 7e-9, and z**4/(8 shape) in the log density z deviations out."""

_SHARE_UNMIXED = 0.95
_MOST_UNMIXED = 32
_IMAGES_FOR_EACH = 10
_MOST_ITERATIONS = 500
_TOLERANCE = 1e-5
_SEED = 0


@dataclass(frozen=True, eq=False)
class _ComponentModel(FeatureModel):
    """Features `mean + loadings s` given the label, with independent components s of mean 0 and variance 1.

    Each component is a shifted gamma of its skewness, or normal where that is below 1e-3.

    Parameters
    ----------
    mean : array, shape (J, C)
    loadings : array, shape (J, C, M)
        Labels with fewer than M components have columns of zeros.
    skew : array, shape (J, M)
        Skewness of the components.
    counts : array, shape (J,)
    """

    mean: Array
    loadings: Array
    skew: Array
    counts: Array

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.mean.shape[1]

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C).

        The shifted gamma with the first three cumulants that the components give the channel; the sum itself would
        have hundreds of terms for each of J C laws.
        """
        variance = np.einsum("jcm,jcm->jc", self.loadings, self.loadings)
        third = np.einsum("jcm,jcm,jcm,jm->jc", *(self.loadings,) * 3, self._law_skew(), optimize=True)
        scale = np.maximum(np.abs(self.mean), np.abs(self.mean).max())
        least = (_CONSTANT_WIDTH * scale) ** 2
        varies = variance > least
        skew = np.where(varies, third, 0.0) / np.where(varies, variance, 1.0) ** 1.5
        return ShiftedGamma(self.mean, np.sqrt(np.maximum(variance, least)), skew)

    def _law_skew(self) -> Array:
        """Skewness of the components' laws: 0 for those that are taken as normal."""
        return np.where(np.abs(self.skew) < _LEAST_SKEW, 0.0, self.skew)

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        along = np.moveaxis(weights @ self.loadings, 0, 1)
        variance = np.einsum("kjm,kjm->kj", along, along)
        _require_spread(variance)
        third = np.einsum("kjm,kjm,kjm,jm->kj", *(along,) * 3, self._law_skew(), optimize=True)
        return floored_gamma(bias[:, None] + weights @ self.mean.T, np.sqrt(variance), third / variance**1.5)

    def exact_law(self, weights: Array, bias: Array) -> WeightedGammaSum:
        """The exact law of each node given the label, batch shape (K, J), as a sum of all components.

        `node_laws` gives the shifted gamma with the same first three cumulants instead: seconds become milliseconds,
        and a sum of tens of components is near to it (distribution functions 0.012 apart in a test).
        """
        # The head's coefficients of the components, (K, J, M).
        along = np.moveaxis(weights @ self.loadings, 0, 1)
        _require_spread(np.einsum("kjm,kjm->kj", along, along))
        skewed = np.abs(self.skew) >= _LEAST_SKEW
        normal = np.einsum("kjm,kjm,jm->kj", along, along, ~skewed)
        some = np.flatnonzero(skewed.any(axis=0))
        along, skewed = along[..., some] * skewed[:, some], skewed[:, some]
        # A standardised shifted gamma is sign(skew) (G - a)/sqrt(a), G ~ Gamma(a), a = 4/skew**2. Where a label has
        # no such component the coefficient is 0, and any skewness will do.
        skew = np.where(skewed, self.skew[:, some], 1.0)
        offset = bias[:, None] + weights @ self.mean.T - np.sum(2 * along / skew, axis=-1)
        # The normal part is the difference of two equal gammas of large shape.
        half = np.sqrt(normal / (2 * _NORMAL_SHAPE))[..., None]
        pair = np.ones((len(self.mean), 2))
        return WeightedGammaSum(
            np.concatenate([along * np.sign(skew), half, -half], axis=-1),
            np.concatenate([4 / skew**2, _NORMAL_SHAPE * pair], axis=-1),
            np.concatenate([np.abs(skew) / 2, pair], axis=-1),
            np.ones(1),
            offset,
        )


@dataclass(frozen=True, eq=False)
class DecorrelatedGammas(_ComponentModel):
    """Independent shifted gammas along the principal directions of each label (T9).

    The directions are all those in which the label's fitting images vary, at most `images - 1`. Variance and third
    cumulant of each are the unbiased ones of its scores. Principal components are uncorrelated; that they are
    independent is the model's assumption.
    """

    name = "decorrelated_gammas"
    title = "decorrelated shifted gammas (PCA)"

    @classmethod
    def fit_images(cls, images: FittingImages) -> Self:
        """Fit on images whose features are at hand.

        Raises
        ------
        ValueError
            For a label with fewer than three images, or features that are not finite.
        """
        parts = [(loadings, _skewness(scores)) for scores, loadings in _principal(images)]
        return cls(*_fields(images, parts))


@dataclass(frozen=True, eq=False)
class IndependentComponents(_ComponentModel):
    """Leading principal directions of each label unmixed into independent shifted gammas; the others are normal (T9).

    Unmixed are the directions that hold 95 % of the label's variance, at most 32 of them and one for every ten
    images, at least one. The rotation is FastICA's (Hyvärinen 1999, *IEEE Transactions on Neural Networks* 10:626) for
    the contrast `E[u**3]**2`: it looks for the skewest directions, and skewness is all that the model takes from them.
    The other directions are jointly normal with their full covariance.

    Attributes
    ----------
    unconverged : int
        Labels for which FastICA did not reach its tolerance of 1e-5 within 500 iterations. The rotation reached is
        used: mean and variance of heads are exact under any rotation, the components are then less independent.
    """

    name = "independent_components"
    title = "independent components (ICA)"

    unconverged: int

    @classmethod
    def fit_images(cls, images: FittingImages) -> Self:
        """Fit on images whose features are at hand.

        Raises
        ------
        ValueError
            For a label with fewer than three images, or features that are not finite.
        ModuleNotFoundError
            Without scikit-learn.
        """
        parts, unconverged = [], 0
        for scores, loadings in _principal(images):
            leading = _leading(loadings, len(scores))
            rotation, converged = _unmixed(scores[:, :leading])
            unconverged += not converged
            skew = np.zeros(loadings.shape[1])
            skew[:leading] = _skewness(scores[:, :leading] @ rotation.T)
            parts.append((np.hstack([loadings[:, :leading] @ rotation.T, loadings[:, leading:]]), skew))
        return cls(*_fields(images, parts), unconverged)


def _principal(images: FittingImages) -> list[tuple[Array, Array]]:
    """Of each label the scores (n, M), of unbiased variance 1, and loadings (C, M) in order of falling variance."""
    if not np.all(np.isfinite(images.features)):
        raise ValueError(
            "features: got NaN or infinite values, expected finite ones; check the network's input"
        )
    found = []
    for label, z in enumerate(images.by_label):
        if len(z) < _LEAST_IMAGES:
            raise ValueError(
                f"label {label}: got {len(z)} fitting images, expected at least {_LEAST_IMAGES}, for a skewness needs "
                "three; give it more images, or use the model 'normal'"
            )
        # By the singular values of the images themselves: a covariance would square the condition number, and a
        # head may well read the directions of least variance.
        left, size, right = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
        # What is below the rounding of the features themselves is no variance.
        kept = size > np.linalg.norm(z) * max(z.shape) * np.finfo(float).eps
        root = np.sqrt(len(z) - 1)
        found.append((left[:, kept] * root, right[kept].T * (size[kept] / root)))
    return found


def _skewness(scores: Array) -> Array:
    """Unbiased third cumulants (Fisher's k-statistic) of scores (n, M) of mean 0 and unbiased variance 1."""
    n = len(scores)
    return np.asarray(np.einsum("nm,nm,nm->m", scores, scores, scores) * n / ((n - 1.0) * (n - 2.0)))


def _fields(images: FittingImages, parts: list[tuple[Array, Array]]) -> tuple[Array, Array, Array, Array]:
    """Mean, loadings, skewness and counts from the loadings (C, M_j) and skewness (M_j,) of each label, padded."""
    most = max(1, *(len(skew) for _, skew in parts))
    loadings = np.zeros((len(parts), images.features.shape[1], most))
    skews = np.zeros((len(parts), most))
    for label, (own, skew) in enumerate(parts):
        loadings[label, :, : len(skew)], skews[label, : len(skew)] = own, skew
    mean = np.stack([z.mean(axis=0) for z in images.by_label])
    return mean, loadings, skews, np.array([float(len(z)) for z in images.by_label])


def _leading(loadings: Array, count: int) -> int:
    """How many directions are unmixed; 0 for a label whose images are all the same."""
    variance = np.einsum("cm,cm->m", loadings, loadings)
    share = np.cumsum(variance) / max(variance.sum(), np.finfo(float).tiny)
    holding = int(np.searchsorted(share, _SHARE_UNMIXED)) + 1
    return min(len(variance), holding, _MOST_UNMIXED, max(1, count // _IMAGES_FOR_EACH))


def _cubic_contrast(u: Array) -> tuple[Array, Array]:
    """Derivative of u**3/3, and the mean of its own derivative over the images, for FastICA."""
    return u * u, 2 * u.mean(axis=-1)


def _unmixed(scores: Array) -> tuple[Array, bool]:
    """Orthogonal (M, M) that takes whitened scores (n, M) to independent components, and whether FastICA converged."""
    if scores.shape[1] < 2:
        return np.eye(scores.shape[1]), True
    try:
        from sklearn.decomposition import FastICA  # takes a second or two to import
        from sklearn.exceptions import ConvergenceWarning
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the model 'independent_components' needs scikit-learn, which is not installed: "
            "run `pip install 'aggdist[torch]'` or `pip install scikit-learn`"
        ) from error
    search = FastICA(
        whiten=False, fun=_cubic_contrast, max_iter=_MOST_ITERATIONS, tol=_TOLERANCE, random_state=_SEED
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(scores)
    # That it did not converge is counted by the caller; any other warning goes on.
    failed = [issubclass(each.category, ConvergenceWarning) for each in caught]
    for each, counted in zip(caught, failed, strict=True):
        if not counted:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    # FastICA's matrix is orthogonal to rounding times its iterations; exact moments need it to rounding.
    left, _, right = np.linalg.svd(search.components_)
    return np.asarray(left @ right), not any(failed)


def _require_spread(variance: Array) -> None:
    """Raise ValueError for a node (first axis) without variance given some label (second axis)."""
    if np.any(variance <= 0):
        node, label = np.argwhere(variance <= 0)[0]
        raise ValueError(
            f"output node {node} has variance {variance[node, label]} given label {label}, expected a positive "
            "one: its weights are zero, or all its features are constant; leave such a node out"
        )
