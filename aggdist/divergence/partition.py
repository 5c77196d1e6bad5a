"""Partition estimate of the Kullback-Leibler divergence: count both samples in bins that hold equally many `y`.

The estimator of Wang, Kulkarni and Verdu (2005) with bins of equal share of the second sample. With B bins, the
counts `a_b` of n values `x` and `c_b` of m values `y`, of which A bins hold at least one `x`,

    KL(p || q)  is estimated by  sum_b (a_b/n) log((a_b/n) / (c_b/m))  -  (A-1)/(2n)  -  (B-1)/(2m).

Counting has a bias of its own, upwards, which the last two terms remove to leading order. What remains is the
divergence of the *counts*: never above `log B` or so, and below that of the laws, because bins hide detail.
Equal values do no harm here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.divergence.samples import checked_sample

Array = NDArray[np.float64]
Counts = NDArray[np.intp]


def partition_kl(
    x: ArrayLike, y: ArrayLike, bins: int | None = None, *, edges: ArrayLike | None = None
) -> float:
    """Estimate KL(p || q) in nats from `x ~ p` (n values) and `y ~ q` (m values) by counting.

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        Samples of any laws, atoms and ties included; at least two values each.
    bins : int, optional
        B, at least 2; `default_bins(m, n)` if not given. More bins hide less and count with more noise.
    edges : array_like, shape (B-1,), optional
        Fixed inner borders of the bins instead, such as `equiprobable_edges(y, bins)` (for resampling).

    Returns
    -------
    float
        The corrected estimate; infinite if a bin of fixed `edges` holds an `x` and no `y`. It can be slightly
        negative, like every unbiased estimate of something near 0.

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, fewer than two values, or bad bins or edges.

    Reference: Wang, Kulkarni and Verdu (2005), IEEE Transactions on Information Theory 51(9); for the
    correction Miller (1955).
    """
    first, second = checked_sample(x, "x", 2), checked_sample(y, "y", 2)
    if edges is None:
        edges = equiprobable_edges(second, default_bins(second.size, first.size) if bins is None else bins)
    a, c = count_in_bins(edges, first), count_in_bins(edges, second)
    n, m = first.size, second.size
    return _plug_in(a / n, c / m) - counting_bias(int(np.count_nonzero(a)), c.size, n, m)


def counting_bias(held: int, bins: int, n: int, m: int) -> float:
    """What counting n values in `held` bins, and m values in `bins` bins, adds on average, to leading order."""
    return (held - 1) / (2 * n) + (bins - 1) / (2 * m)


def default_bins(binned: int, counted: int) -> int:
    """Bins for a sample of size `binned` when `counted` values are to be counted in them.

    `3 binned^(1/3)`, but five values to a bin on average, since the bias correction needs some; at least 2.
    """
    return max(2, min(round(3 * np.cbrt(binned)), counted // 5))


def equiprobable_edges(sample: ArrayLike, bins: int) -> Array:
    """Inner borders of `bins` bins that hold equally many values of `sample`, halfway between two of them.

    Shape (bins - 1,), or fewer where equal values make borders coincide.
    """
    s = np.sort(checked_sample(sample, "sample", 2))
    return edges_at_ranks(s, np.arange(1, checked_bins(bins, s.size)) * s.size // bins)


def edges_at_ranks(s: Array, ranks: Counts) -> Array:
    """Borders with `ranks` of the values of the sorted sample `s` below them."""
    return np.unique(0.5 * (s[ranks - 1] + s[ranks]))


def count_in_bins(edges: ArrayLike, sample: Array) -> Counts:
    """How many values lie in each of the bins (-inf, edge], (edge, next], ..., (last, inf)."""
    borders = np.asarray(edges, float)
    if borders.ndim != 1 or borders.size == 0 or not np.all(np.diff(borders) > 0):
        raise ValueError(
            f"edges: got shape {borders.shape}, expected one axis with at least one border, strictly increasing"
        )
    return np.bincount(np.searchsorted(borders, sample), minlength=borders.size + 1)


def checked_bins(bins: int, size: int) -> int:
    """`bins` if there can be that many with a value in each, else ValueError."""
    if not 2 <= bins <= size:
        raise ValueError(f"bins: got {bins}, expected 2 to {size}, the number of values to share among them")
    return bins


def _plug_in(p: Array, q: Array) -> float:
    """`sum p log(p/q)` over the bins with p > 0."""
    held = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[held] * np.log(p[held] / q[held])))
