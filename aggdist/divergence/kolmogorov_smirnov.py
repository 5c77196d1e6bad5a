"""Kolmogorov-Smirnov distances for many channels at once, right also where laws and samples have atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions.base import Distribution

Array = NDArray[np.float64]


def ks_distance(sample: ArrayLike, law: Distribution) -> Array:
    """Largest distance between the empirical cdf of each column and the law's cdf.

    Parameters
    ----------
    sample : array_like, shape (n, *batch)
        Values; the first axis runs over the sample.
    law : Distribution
        Law of batch shape `batch`. Its atoms, and ties in the sample, are compared before and after the jump.

    Returns
    -------
    array of shape `batch`, values in [0, 1].
    """
    s = np.sort(_checked(sample, "sample"), axis=0)
    n = s.shape[0]
    first, last = _tie_ranks(s)
    right = law.cdf(s)
    left = right.copy()
    for atom in law.atoms():
        left -= np.where(s == atom.location, atom.mass, 0.0)
    gap = np.maximum(np.abs(last / n - right), np.abs(first / n - left))
    return np.asarray(gap.max(axis=0))


def ks_two_sample(x: ArrayLike, y: ArrayLike) -> Array:
    """Largest distance between the empirical cdfs of the columns of two samples.

    Parameters
    ----------
    x, y : array_like, shapes (n, *batch) and (m, *batch)

    Returns
    -------
    array of shape `batch`. For two samples of one continuous law it is on average about
    `0.87 sqrt(1/n + 1/m)`: the floor that no model can go below.
    """
    x, y = _checked(x, "x"), _checked(y, "y")
    both = np.concatenate([x, y])
    order = np.argsort(both, axis=0, kind="stable")
    s = np.take_along_axis(both, order, axis=0)
    steps = np.cumsum(np.where(order < x.shape[0], 1 / x.shape[0], -1 / y.shape[0]), axis=0)
    jump_is_over = np.ones(s.shape, bool)
    jump_is_over[:-1] = s[1:] != s[:-1]
    return np.asarray(np.max(np.where(jump_is_over, np.abs(steps), 0.0), axis=0))


def _tie_ranks(s: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For sorted columns: how many values are smaller, and how many are smaller or equal."""
    n = s.shape[0]
    place = np.arange(n).reshape(-1, *([1] * (s.ndim - 1)))
    starts = np.ones(s.shape, bool)
    starts[1:] = s[1:] != s[:-1]
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=0)
    ends = np.ones(s.shape, bool)
    ends[:-1] = starts[1:]
    last = np.flip(np.minimum.accumulate(np.flip(np.where(ends, place + 1, n), axis=0), axis=0), axis=0)
    return first, last


def _checked(sample: ArrayLike, name: str) -> Array:
    array = np.asarray(sample, float)
    if array.ndim == 0 or array.shape[0] == 0:
        raise ValueError(f"{name}: got shape {array.shape}, expected at least one value along the first axis")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got NaN or infinite values, expected finite ones")
    return array
