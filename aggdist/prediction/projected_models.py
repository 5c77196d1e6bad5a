"""Feature models that look at the data only along the directions which a head reads.

A node is one number, y = b + w'Z, whatever the number of channels; given the label, its mean, variance and third
cumulant are those of the fitting images projected on w. All dependence between channels is in them, to third order.
The models differ in what they do with the third cumulant, which few images tell badly (the standard error of a skewness
is about sqrt(6/n)), and with the tails:

- `ProjectedGammas`: takes it as it is, in a shifted gamma (theory item T9);
- `ShrunkGammas`: draws the skewnesses of all (node, label) pairs towards their mean, as far as their scatter is noise;
- `ShrunkSkewNormals`: the same, in a skew-normal law, which has no end point;
- `ShrunkTails`: the fourth cumulant too, drawn together likewise, in a normal-inverse Gaussian law.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions import (
    Distribution,
    Mixture,
    Normal,
    NormalInverseGaussian,
    ShiftedGamma,
    SkewNormal,
    ZeroInflatedGeneralisedGamma,
)
from aggdist.prediction.feature_model import FeatureModel, FittingImages
from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]

# A shifted gamma ends somewhere, and a law that is 0 where images are makes the divergence infinite. So a share of
# this size of a wider normal is mixed in; mean, variance and third cumulant of the mixture are still those asked for.
_SHARE, _WIDTH = 1e-3, 1.5
# A feature that is the same for all images is described by a normal of this relative width.
_CONSTANT_WIDTH = 1e-6
_MOST_SKEW = (
    1.2  # of a shifted gamma: its density then has a derivative at its end point, as quadrature needs
)


@dataclass(frozen=True, eq=False)
class ProjectedModel(FeatureModel):
    """Keeps the features of the fitting images, label by label, and projects them on each head.

    Parameters
    ----------
    by_label : list of arrays, shapes (n_j, C)
    counts : array, shape (J,)
    """

    by_label: list[Array]
    counts: Array

    @classmethod
    def fit_images(cls, images: FittingImages) -> ProjectedModel:
        """Keep the images' features.

        Raises
        ------
        ValueError
            For fewer than three images of a label: they have no skewness.
        """
        counts = np.array([len(own) for own in images.by_label], float)
        if counts.min() < 3:
            raise ValueError(
                f"label {int(counts.argmin())} has {int(counts.min())} fitting images, expected at least 3 (a skewness "
                "needs three; 50 tell something): give more, or use the model 'normal'"
            )
        return cls(images.by_label, counts)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.by_label[0].shape[1]

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C), fitted when it is asked for.

        Zero-inflated generalised gammas: a single feature is 0 in many images and never below, which a law for heads
        of many channels does not know. Normals where features are negative.
        """
        if min(own.min() for own in self.by_label) >= 0:
            fits = [ZeroInflatedGeneralisedGamma.fit_powers(own) for own in self.by_label]
            return ZeroInflatedGeneralisedGamma(
                *(
                    np.stack([getattr(fit, key) for fit in fits])
                    for key in ("active", "shape", "scale", "power")
                )
            )
        mean, std = (np.stack([part(own) for own in self.by_label]) for part in (_mean, _std))
        return Normal(mean, np.maximum(std, _CONSTANT_WIDTH * np.abs(mean).max()))

    def refitted(self, outputs: list[Array]) -> NodeLaws:
        """What this model says of nodes whose outputs (n_j, K) given each label are these: as if fitted on them."""
        nodes = outputs[0].shape[1]
        counts = np.array([len(own) for own in outputs], float)
        return replace(self, by_label=outputs, counts=counts).node_laws(np.eye(nodes), np.zeros(nodes))

    @abstractmethod
    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        """Law of each output node given the label, batch shape (K, J)."""


class ProjectedGammas(ProjectedModel):
    """Shifted gammas with the mean, variance and third cumulant of the projected fitting images."""

    name = "projected_gammas"
    title = "shifted gammas, projected cumulants"

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        return floored_gamma(*projected_moments(self.by_label, weights, bias))


class ShrunkGammas(ProjectedModel):
    """As `ProjectedGammas`, with skewnesses drawn towards their mean: see `shrunk_skewness`."""

    name = "shrunk_gammas"
    title = "shifted gammas, skewness shrunk"

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        mean, std, skew = projected_moments(self.by_label, weights, bias)
        return floored_gamma(mean, std, shrunk_skewness(skew, self.counts))


class ShrunkSkewNormals(ProjectedModel):
    """As `ShrunkGammas`, in the skew-normal family of Azzalini (1985); skewnesses of at most 0.99."""

    name = "shrunk_skew_normals"
    title = "skew-normals, skewness shrunk"

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        mean, std, skew = projected_moments(self.by_label, weights, bias)
        return SkewNormal(mean, std, np.clip(shrunk_skewness(skew, self.counts), -0.99, 0.99))


class ShrunkTails(ProjectedModel):
    """As `ShrunkGammas`, with the fourth cumulant too, in normal-inverse Gaussian laws (Barndorff-Nielsen 1997).

    The excess kurtosis is drawn together as the skewness is, and raised where that family needs more of it:
    to 1.75 times the squared skewness (a shifted gamma has 1.5). Its tails are heavier, and it has no end point.
    """

    name = "shrunk_tails"
    title = "normal-inverse Gaussians, shrunk"

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        mean, std, skew = projected_moments(self.by_label, weights, bias)
        excess = np.stack([_fourth_cumulant(own @ weights.T) for own in self.by_label], axis=1) / std**4
        skew, excess = shrunk_skewness(skew, self.counts), drawn_together(excess, 24.0 / self.counts)
        return NormalInverseGaussian.fit_moments(mean, std**2, skew * std**3, excess * std**4)


def _mean(own: Array) -> Array:
    return np.asarray(own.mean(axis=0))


def _std(own: Array) -> Array:
    return np.asarray(own.std(axis=0, ddof=1))


def projected_moments(by_label: list[Array], weights: Array, bias: Array) -> tuple[Array, Array, Array]:
    """Mean, standard deviation and skewness of every node given every label, shapes (K, J), unbiased cumulants.

    Raises
    ------
    ValueError
        If a node is constant given a label.
    """
    moments = [_moments(own @ weights.T) for own in by_label]
    mean, variance, third = (np.stack(part, axis=1) for part in zip(*moments, strict=True))
    # What is left of a constant by rounding is no variance.
    flat = variance <= (_CONSTANT_WIDTH * mean) ** 2 * _CONSTANT_WIDTH
    if np.any(flat):
        node, label = np.argwhere(flat)[0]
        raise ValueError(
            f"output node {node} has variance {variance[node, label]} given label {label}, expected a positive "
            "one: its weights are zero, or all its features are constant; leave such a node out"
        )
    return mean + bias[:, None], np.sqrt(variance), third / variance**1.5


def _moments(outputs: Array) -> tuple[Array, Array, Array]:
    """Mean, and unbiased second and third cumulant (Fisher's k-statistics), of outputs (n, K)."""
    n = len(outputs)
    mean = outputs.mean(axis=0)
    centred = outputs - mean
    second = np.sum(centred**2, axis=0) / (n - 1)
    third = np.sum(centred**3, axis=0) * n / ((n - 1) * (n - 2))
    return mean, second, third


def _fourth_cumulant(outputs: Array) -> Array:
    """Unbiased fourth cumulant (Fisher's k-statistic) of outputs (n, K); 0 for fewer than four images."""
    n = len(outputs)
    if n < 4:
        return np.zeros(outputs.shape[1])
    centred = outputs - outputs.mean(axis=0)
    second, fourth = (np.mean(centred**r, axis=0) for r in (2, 4))
    scale = n * n / ((n - 1.0) * (n - 2.0) * (n - 3.0))
    return np.asarray(scale * ((n + 1) * fourth - 3 * (n - 1) * second**2))


def shrunk_skewness(skew: Array, counts: Array) -> Array:
    """Skewnesses (K, J) drawn together, as far as their scatter is the noise of `counts` (J,) images."""
    return drawn_together(skew, 6.0 / counts)


def drawn_together(values: Array, noise: Array) -> Array:
    """Values (K, J) drawn towards their mean, in class and out of class each by itself.

    A linear empirical-Bayes estimate (Robbins 1956; Efron and Morris 1973): the observed scatter is the true one plus
    noise of the given variances (J,), which for n images from a normal law are 6/n for a skewness and 24/n for an
    excess kurtosis; what remains of it decides how far to shrink: mean + (value - mean) s/(s + noise), s the variance
    in excess of the noise, at least 0.

    In class and out of class are apart because training treats them differently: a node is pushed up in class and down
    out of class, and its longer tail points to the other side.
    """
    spread = np.broadcast_to(noise, values.shape)
    inside = np.eye(len(values)) > 0
    result = np.empty_like(values)
    for group in (inside, ~inside):
        mean = values[group].mean()
        excess = max(float(np.mean((values[group] - mean) ** 2) - spread[group].mean()), 0.0)
        result[group] = mean + (values[group] - mean) * excess / (excess + spread[group])
    return result


def floored_gamma(mean: Array, std: Array, skew: Array) -> Mixture:
    """Shifted gammas with a share of 0.001 of a normal 1.5 times as wide; these moments, |skew| cut at 1.2."""
    cut = np.clip(skew, -_MOST_SKEW, _MOST_SKEW)
    scale = std * np.sqrt((1 - _SHARE * _WIDTH**2) / (1 - _SHARE))
    bent = cut * (std / scale) ** 3 / (1 - _SHARE)
    components = ShiftedGamma(
        np.stack([mean, mean], axis=-1),
        np.stack([scale, _WIDTH * std], axis=-1),
        np.stack([bent, np.zeros_like(bent)], axis=-1),
    )
    return Mixture(components, np.array([1 - _SHARE, _SHARE]))
