"""Nearest-neighbour estimate of the Kullback-Leibler divergence from two samples of one variable.

The estimator of Wang, Kulkarni and Verdu (2009, equation 5): with `rho_k` the distance from an `x` to its k-th
neighbour among the other `x`, and `nu_k` to its k-th neighbour among the `y`,

    KL(p || q)  is estimated by  mean log(nu_k / rho_k) + log(m / (n - 1)).

It needs no bins and no model, but two things must be known to read it: ties (equal values) make a distance
zero, and for well separated samples it saturates near the logarithm of the *second* sample's size
(`aggdist.divergence.saturation`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.divergence.intervals import checked_level

Array = NDArray[np.float64]


@dataclass(frozen=True)
class KLEstimate:
    """An estimate with its interval.

    Attributes
    ----------
    value : float
        Estimated divergence in nats.
    low, high : float
        Ends of the bootstrap interval.
    k, n, m : int
        Neighbours used, size of the first and of the second sample.
    """

    value: float
    low: float
    high: float
    k: int
    n: int
    m: int


def knn_kl(x: ArrayLike, y: ArrayLike, k: int = 1) -> float:
    """Estimate KL(p || q) in nats from `x ~ p` (n values) and `y ~ q` (m values).

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        Samples of laws with a density. Split atoms off first, or break ties (`aggdist.divergence.ties`).
    k : int
        Which neighbour. Small k has the smaller bias and the higher ceiling, large k the smaller variance.

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, samples too small for `k`, or ties.

    Reference: Wang, Kulkarni and Verdu (2009), IEEE Transactions on Information Theory 55(5).
    """
    return float(np.mean(log_ratios(x, y, k)))


def knn_kl_several(x: ArrayLike, y: ArrayLike, k: Sequence[int] | NDArray[np.integer]) -> Array:
    """`knn_kl` for several k, shape (len(k),); the samples are sorted and merged only once.

    A way to see bias against variance: estimates that fall steadily with k say that k is too large, or that the
    estimate saturates. Parameters and errors as for `knn_kl`.
    """
    if len(k) == 0:
        raise ValueError("k: got no number of neighbours, expected at least one, such as (1, 5, 20)")
    first, second = sorted_sample(x, "x", max(k) + 1), sorted_sample(y, "y", max(k))
    sorted_sample(first, "x", min(k) + 1)  # the smallest k is checked too
    place = np.searchsorted(second, first)
    nu = (_other_distances(first, second, place, one) for one in k)
    parts = (_log_ratios(own_distances(first, one), far, second.size) for one, far in zip(k, nu, strict=True))
    return np.array([np.mean(part) for part in parts])


def knn_kl_interval(
    x: ArrayLike,
    y: ArrayLike,
    k: int = 1,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 1000,
) -> KLEstimate:
    """`knn_kl` with a percentile bootstrap interval of its contributions.

    The estimate is a mean of one contribution `log(nu/rho) + log(m/(n-1))` for each `x`; the contributions are
    resampled. (Resampling the points themselves would put copies at distance zero of each other.) This takes
    contributions to be independent and the second sample to be given. They are not quite, and it is not: the
    interval is **too narrow**, by some 10 to 20 % for k = 1 where m is much larger than n and the divergence at
    most 1, and by a factor of two and more for larger divergences or a small second sample. It is quick and
    shows the order of the scatter; `half_sample_interval` costs more and accounts for both samples. Neither
    describes the bias.
    """
    checked_level(level)
    parts = log_ratios(x, y, k)
    n = parts.size
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    means = counts @ parts / n
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return KLEstimate(float(parts.mean()), float(low), float(high), k, n, np.size(y))


def log_ratios(x: ArrayLike, y: ArrayLike, k: int = 1) -> Array:
    """The contribution of each `x`, in increasing order of `x`; their mean is `knn_kl`. Shape (n,)."""
    first, second = sorted_sample(x, "x", k + 1), sorted_sample(y, "y", k)
    nu = _other_distances(first, second, np.searchsorted(second, first), k)
    return _log_ratios(own_distances(first, k), nu, second.size)


def own_distances(s: Array, k: int) -> Array:
    """Distance of each value of the sorted sample `s` to its k-th neighbour in it. Shape (n,)."""
    padded, n = _padded(s, k), s.size
    return _kth_distance(lambda j: s - padded[k - j : k - j + n], lambda j: padded[k + j : k + j + n] - s, k)


def sorted_sample(values: ArrayLike, name: str, at_least: int) -> Array:
    """The sample, sorted; `at_least` is k + 1 for "x" and k for "y".

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, or fewer values than k asks for.
    """
    array = np.asarray(values, float)
    if at_least < 1 or (name == "x" and at_least < 2):
        raise ValueError(f"k: got {at_least - (name == 'x')}, expected a whole number of at least 1")
    if array.ndim != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected one axis, (number of values,)")
    if array.size < at_least:
        raise ValueError(f"{name}: got {array.size} values, expected at least {at_least} for this k")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got NaN or infinite values, expected finite ones; remove them first")
    return np.sort(array)


def _log_ratios(rho: Array, nu: Array, m: int) -> Array:
    ties = int(np.count_nonzero(rho == 0) + np.count_nonzero(nu == 0))
    if ties:
        raise ValueError(
            f"got {ties} neighbour distances that are zero, expected none: the samples hold equal values; "
            "split atoms off (their part is p log(p/q)) or call break_ties on both samples first"
        )
    return np.log(nu / rho) + np.log(m / (rho.size - 1))


def _padded(s: Array, k: int) -> Array:
    """The sorted sample with k infinite values on either side, so that every window exists."""
    return np.concatenate([np.full(k, -np.inf), s, np.full(k, np.inf)])


def _other_distances(s: Array, other: Array, place: NDArray[np.intp], k: int) -> Array:
    """Distance of each value of `s` to its k-th neighbour in `other`, with `place` the values below it."""
    padded = _padded(other, k)
    # A view that starts later, rather than larger indices: no array of indices for each window.
    return _kth_distance(
        lambda j: s - padded[k - j :].take(place), lambda j: padded[k + j - 1 :].take(place) - s, k
    )


def _kth_distance(below: Callable[[int], Array], above: Callable[[int], Array], k: int) -> Array:
    """The best of k + 1 windows: the j-th value below and the (k-j)-th above, the farther of the two."""
    best = np.minimum(below(k), above(k))
    for j in range(1, k):
        np.minimum(best, np.maximum(below(j), above(k - j)), out=best)
    return best
