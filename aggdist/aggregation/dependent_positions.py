"""Pooling positions that depend on each other (theory item T6).

For the variance of an average one number is enough, the mean correlation rho of two positions or, what is
the same, the effective number of positions N_eff. Everything else needs to know how images differ: positions
that are independent *given the image* lead to the law of total cumulance for averages (`image_variation.py`), and to
a mixture over images for every aggregation (`image_mixture`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import (
    average_gamma,
    average_normal,
    effective_positions,
    whole_positions,
)
from aggdist.aggregation.pooled_laws import pooled_law
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, finite, real_array, require, whole_number
from aggdist.distributions.gamma import Gamma
from aggdist.distributions.mixture import Mixture
from aggdist.distributions.normal import Normal


def position_correlation(effective: ArrayLike, positions: ArrayLike) -> Array:
    """`rho = (N/N_eff - 1)/(N - 1)`, the inverse of `effective_positions`.

    Parameters
    ----------
    effective : array_like
        N_eff >= 1. It may exceed N (then rho < 0: positions that make up for each other) and be infinite
        (then rho = -1/(N-1): the average is constant).
    positions : array_like
        N >= 2, whole.

    Raises
    ------
    ValueError
        For N_eff below 1, which no positions have, or N below 2, where there is no pair.
    """
    n, given = whole_positions(positions), real_array("effective", effective)
    require("positions", n, n >= 2, "at least 2 positions; a single one has no correlation")
    require("effective", given, given >= 1, "at least 1: an average varies no more than one position")
    return np.asarray((n / given - 1) / (n - 1))


def correlated_average_gamma(
    kappa1: ArrayLike, kappa2: ArrayLike, positions: ArrayLike, correlation: ArrayLike
) -> Gamma:
    """The gamma law with the mean and the variance of the average of correlated positions (T6).

    Shape `N_eff kappa_1^2 / kappa_2`, scale `kappa_2 / (N_eff kappa_1)`. Mean and variance are right for any
    dependence; the third cumulant, the tails and P(Z = 0) are not determined by rho.

    Parameters
    ----------
    kappa1, kappa2 : array_like
        Mean and variance of one activation, positive.
    positions : array_like
        N >= 1, whole.
    correlation : array_like
        rho, above -1/(N-1) and at most 1.

    Raises
    ------
    ValueError
        For values outside these domains.
    """
    return average_gamma(kappa1, kappa2, effective_positions(correlation, positions))


def correlated_average_normal(
    kappa1: ArrayLike, kappa2: ArrayLike, positions: ArrayLike, correlation: ArrayLike
) -> Normal:
    """The normal law with mean `kappa_1` and variance `kappa_2 / N_eff`.

    Parameters and errors as for `correlated_average_gamma`, but the mean may have any sign.
    """
    return average_normal(kappa1, kappa2, effective_positions(correlation, positions))


def _offset_counts(height: int, width: int) -> Array:
    """How many ordered pairs of positions are |dy| rows and |dx| columns apart, shape (height, width)."""
    rows = (height - np.arange(height)) * np.where(np.arange(height) > 0, 2.0, 1.0)
    columns = (width - np.arange(width)) * np.where(np.arange(width) > 0, 2.0, 1.0)
    return np.asarray(np.outer(rows, columns))


def grid_correlation(correlation: Callable[[Array], ArrayLike], height: int, width: int) -> Array:
    """Mean correlation rho of two positions of a grid whose correlation depends on their distance (T6).

    `rho = sum (H - |dy|)(W - |dx|) c(sqrt(dy^2 + dx^2)) / (N (N-1))` over all offsets but (0, 0), N = H W.

    Parameters
    ----------
    correlation : callable
        c: takes distances of shape (H, W), in positions, and returns correlations of shape (*batch, H, W).
        The value at distance 0 is not read.
    height, width : int
        H and W, at least 1 and not both 1.

    Returns
    -------
    array of the shape of the batch.

    Raises
    ------
    ValueError
        For fewer than two positions, correlations of a wrong shape, or outside [-1, 1].
    """
    h, w = whole_number("height", height, 1), whole_number("width", width, 1)
    if h * w < 2:
        raise ValueError("height, width: got 1 and 1, expected at least two positions")
    value = finite("correlation", correlation(np.hypot(*np.mgrid[:h, :w])))
    if value.shape[-2:] != (h, w):
        raise ValueError(f"correlation: got shape {value.shape}, expected (..., {h}, {w}) as its argument")
    counts = _offset_counts(h, w)
    counts[0, 0] = 0.0
    require("correlation", value, (np.abs(value) <= 1) | (counts == 0), "a correlation between -1 and 1")
    return np.asarray(np.sum(counts * value, axis=(-2, -1)) / np.sum(counts))


def offset_covariance(maps: ArrayLike) -> Array:
    """Mean covariance of two positions by their offset, over images and over all pairs with that offset.

    The activations are centred by their mean over images and positions, so a position that is brighter than
    the others counts as variance, as it does when positions are shuffled. Entry (0, 0) is the variance of one
    activation; the average over all N^2 ordered pairs is the unbiased variance of the average.

    Parameters
    ----------
    maps : array_like, shape (images, *batch, H, W)
        At least two images.

    Returns
    -------
    array, shape (*batch, H, W): entry (dy, dx) averages the offsets (+-dy, +-dx).

    Raises
    ------
    ValueError
        For fewer than two images or axes, or values that are not finite.
    """
    values = finite("maps", maps)
    if values.ndim < 3 or len(values) < 2:
        raise ValueError(
            f"maps: got shape {values.shape}, expected (images, ..., H, W) with 2 images or more"
        )
    h, w = values.shape[-2:]
    pooled = values.mean(axis=(-2, -1))
    spectrum = np.fft.rfft2(values - pooled.mean(axis=0)[..., None, None], (2 * h, 2 * w))
    products = np.fft.irfft2(np.mean(np.abs(spectrum) ** 2, axis=0), (2 * h, 2 * w))
    folded = products + np.roll(np.flip(products, axis=-2), 1, axis=-2)
    folded = (folded + np.roll(np.flip(folded, axis=-1), 1, axis=-1)) / 4
    pairs = _offset_counts(h, w) / np.outer(1 + (np.arange(h) > 0), 1 + (np.arange(w) > 0))
    # The mean is estimated too; its variance over n images is that of an image's mean over n.
    return np.asarray(folded[..., :h, :w] / pairs + pooled.var(axis=0, ddof=1)[..., None, None] / len(values))


def image_mixture(
    activation: Distribution,
    positions: ArrayLike,
    name: str = "avg",
    *,
    weights: ArrayLike | None = None,
    method: str = "exact",
    p: float = 3.0,
    r: float = 1.0,
) -> Mixture:
    """The law of a pooled feature whose positions are independent given the image (T6, T7).

    The mixture over images of `pooled_law` of the activations of each image: for the maximum,
    `sum_i w_i F_i(z)^N`. It holds for every aggregation that has a pooled law.

    Parameters
    ----------
    activation : Distribution, batch (*batch, images)
        Law of one activation of each image; the images are the last axis.
    positions : array_like
        N >= 1, whole; broadcasts against the batch without its last axis.
    name, method, p, r
        As for `pooled_law`.
    weights : array_like, shape (images,) or (*batch, images), optional
        Probabilities of the images; equal ones by default.

    Raises
    ------
    TypeError
        If `activation` is not a Distribution.
    ValueError
        For a single law, weights that do not fit the images or are no probabilities, numbers of positions
        that are not whole or do not broadcast.
    NotImplementedError
        For an aggregation and method that have no pooled law.
    """
    if isinstance(activation, Distribution) and not activation.batch_shape:
        raise ValueError("activation: got a single law, expected a batch with the images along its last axis")
    law = pooled_law(activation, whole_positions(positions)[..., None], name, method=method, p=p, r=r)
    shape = law.batch_shape
    chosen = np.full(shape[-1], 1 / shape[-1]) if weights is None else real_array("weights", weights)
    if chosen.ndim == 0 or chosen.shape[-1] != shape[-1]:
        raise ValueError(
            f"weights: got shape {chosen.shape}, expected {shape[-1]} images along the last axis"
        )
    return Mixture(law, np.broadcast_to(chosen, np.broadcast_shapes(chosen.shape, shape)))
