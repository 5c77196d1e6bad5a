"""How many independent positions a maximum is worth, level by level (theory item T7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from aggdist.distributions.checks import Array, finite, real_array, require


def maximum_effective_positions(maximum_cdf: ArrayLike, activation_cdf: ArrayLike) -> Array:
    """`N_max(z) = ln P(Z <= z) / ln F_A(z)`: positions that, independent, give the same P(Z <= z) (T7.11).

    N for independent positions of one law, 1 for equal ones; in general it depends on the level z. It is not
    the N_eff of average pooling, `effective_positions`.

    Parameters
    ----------
    maximum_cdf : array_like
        P(Z <= z) at the levels, in (0, 1).
    activation_cdf : array_like
        F_A(z), the share of all activations up to the level, in (0, 1); broadcasts.

    Raises
    ------
    ValueError
        For probabilities that are not strictly between 0 and 1: there is no number at such a level.
    """
    below, one = real_array("maximum_cdf", maximum_cdf), real_array("activation_cdf", activation_cdf)
    for name, value in (("maximum_cdf", below), ("activation_cdf", one)):
        require(name, value, (value > 0) & (value < 1), "a probability strictly between 0 and 1")
    return np.asarray(np.log(below) / np.log(one))


class ObservedPositions(NamedTuple):
    """N_max at levels, from maps, and its standard error over images, both (L, C)."""

    value: Array
    standard_error: Array


def observed_maximum_positions(maps: ArrayLike, levels: ArrayLike) -> ObservedPositions:
    """`N_max(z)` of maps, with standard errors that take the image as the unit.

    F_A is the share of activations up to the level over all images and positions. The standard errors are
    those of the delta method; positions of one image may depend on each other in any way.

    Parameters
    ----------
    maps : array_like, shape (n, C, *positions)
        Activations of n >= 2 images.
    levels : array_like, shape (L, C) or (L, 1)
        Levels z for each channel, such as quantiles of its maximum.

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, or levels that no image's maximum, or every image's, is
        below.
    """
    a, z = finite("maps", maps), finite("levels", levels)
    if a.ndim < 3 or len(a) < 2:
        raise ValueError(f"maps: got shape {a.shape}, expected (n >= 2, C, *positions)")
    if z.ndim != 2 or z.shape[1] not in (1, a.shape[1]):
        raise ValueError(f"levels: got shape {z.shape}, expected (L, {a.shape[1]}) or (L, 1)")
    under = a.reshape(*a.shape[:2], -1) <= z[:, None, :, None]
    share, every = under.mean(axis=-1), under.all(axis=-1)
    one, below = share.mean(axis=1), every.mean(axis=1)
    value = maximum_effective_positions(below, one)
    pull = (every / below[:, None] - value[:, None] * share / one[:, None]) / np.log(one)[:, None]
    return ObservedPositions(value, pull.std(axis=1, ddof=1) / np.sqrt(len(a)))
