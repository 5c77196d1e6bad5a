"""The law of one activation of each image, estimated from its map (theory item T6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.image_variation import checked_images
from aggdist.distributions.checks import Array, probability, whole_number
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma


def image_laws(mean: ArrayLike, second: ArrayLike, active: ArrayLike, positions: int) -> ZeroInflatedGamma:
    """Zero-inflated gammas, one for each image, to be mixed by `image_mixture`.

    One map of N positions says little about its image's law: its average and its share of active positions
    vary more than what they estimate. Both are therefore drawn towards their mean over images, just so far
    that their variance over images is the unbiased estimate of the true one (where that is negative: all the
    way). All images share one gamma shape, chosen so that the mean variance within an image is right too. So
    the mixture has the mean and the variance of the sample's average-pooled feature; its third cumulant, its
    atom and the laws of other aggregations are predictions.

    Parameters
    ----------
    mean, second : array_like, shape (images, *batch)
        Per image, over its positions: the average, and the sum of (A - average)^2.
    active : array_like, shape (images, *batch)
        Share of positions with A > 0.
    positions : int
        N >= 2.

    Returns
    -------
    ZeroInflatedGamma of batch (*batch, images). Images without activity left are silent: `active` 0.

    Raises
    ------
    ValueError
        For fewer than two images, shapes that differ, shares that are no probabilities, a channel that is
        never active, or one whose positive activations vary so little that no gamma shape fits.

    References
    ----------
    Louis (1984), Estimating a population of parameter values using Bayes and empirical Bayes methods.
    """
    n = whole_number("positions", positions, 2)
    m, s2, q = checked_images(mean, second, active)
    if len(m) < 2:
        raise ValueError(f"mean: got {len(m)} image, expected at least 2")
    within = np.mean(s2, axis=0) / (n - 1)
    flicker = np.mean(probability("active", q) * (1 - q), axis=0) * n / (n - 1)
    m, q = _drawn_in(m, within / n), _drawn_in(q, flicker / n)
    live = (m > 0) & (q > 0)
    shape = _common_shape(m, np.where(live, q, 1.0), within)
    scale = np.where(live, m, 1.0) / (np.where(live, q, 1.0) * shape)
    return ZeroInflatedGamma(*(np.moveaxis(v, 0, -1) for v in (np.where(live, q, 0.0), shape + 0 * m, scale)))


def _drawn_in(value: Array, noise: Array) -> Array:
    """Values drawn towards their mean over images until their variance is smaller by `noise`."""
    centre, spread = value.mean(axis=0), np.asarray(value.var(axis=0, ddof=1))
    kept = np.maximum(spread - noise, 0.0)
    share = np.divide(kept, spread, out=np.zeros(spread.shape), where=spread > 0)
    return np.asarray(centre + np.sqrt(share) * (value - centre))


def _common_shape(mean: Array, active: Array, within: Array) -> Array:
    """The gamma shape a at which `m^2 ((1 + 1/a)/q - 1)`, the variance of an image, is `within` on average."""
    squares, ratio = np.mean(mean**2, axis=0), np.mean(mean**2 / active, axis=0)
    if not np.all(ratio > 0):
        raise ValueError("mean: got a channel that is never active, expected activity; leave the channel out")
    inverse = np.asarray((within + squares) / ratio - 1)
    if not np.all(inverse > 0):
        raise ValueError(
            f"second: got {int(np.sum(inverse <= 0))} channels whose positive activations vary less than any "
            "zero-inflated gamma's, expected more; leave the channels out"
        )
    return np.asarray(1 / inverse)
