"""Nearest-neighbour estimate of the Kullback-Leibler divergence from two samples of one variable.

The estimator of Wang, Kulkarni and Verdu (2009, equation 5): with `rho_k` the distance from an `x` to its k-th
neighbour among the other `x`, and `nu_k` to its k-th neighbour among the `y`,

    KL(p || q)  is estimated by  mean log(nu_k / rho_k) + log(m / (n - 1)).

It needs no bins and no model, but two things must be known to read it: ties (equal values) make a distance
zero, and for well separated samples it saturates near the logarithm of the *second* sample's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        Samples of laws with a density. Split atoms off first, or break ties with `break_ties`.
    k : int
        Which neighbour. Small k has the smaller bias and the higher ceiling, large k the smaller variance.

    Raises
    ------
    ValueError
        For wrong shapes, values that are not finite, samples too small for `k`, or ties.

    Reference: Wang, Kulkarni and Verdu (2009), IEEE Transactions on Information Theory 55(5).
    """
    return float(np.mean(log_ratios(x, y, k)))


def knn_kl_interval(
    x: ArrayLike,
    y: ArrayLike,
    k: int = 1,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 1000,
) -> KLEstimate:
    """`knn_kl` with a percentile bootstrap interval.

    The estimate is a mean of one contribution `log(nu/rho) + log(m/(n-1))` for each `x`; the contributions are
    resampled. (Resampling the points themselves would put copies at distance zero of each other.) The interval
    describes the scatter due to the first sample, the smaller one here, and not the bias.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected a number between 0 and 1, such as 0.95")
    parts = log_ratios(x, y, k)
    n = parts.size
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    means = counts @ parts / n
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return KLEstimate(float(parts.mean()), float(low), float(high), k, n, np.size(y))


def log_ratios(x: ArrayLike, y: ArrayLike, k: int = 1) -> Array:
    """The contribution of each `x`, in increasing order of `x`; their mean is `knn_kl`. Shape (n,)."""
    first, second = _sorted_sample(x, "x", k + 1), _sorted_sample(y, "y", k)
    rho, nu = _own_distances(first, k), _other_distances(first, second, k)
    ties = int(np.count_nonzero(rho == 0) + np.count_nonzero(nu == 0))
    if ties:
        raise ValueError(
            f"got {ties} neighbour distances that are zero, expected none: the samples hold equal values; "
            "split atoms off (their part is p log(p/q)) or call break_ties on both samples first"
        )
    return np.log(nu / rho) + np.log(second.size / (first.size - 1))


def break_ties(
    x: ArrayLike, y: ArrayLike, *, rng: np.random.Generator, scale: float = 1e-6
) -> tuple[Array, Array]:
    """Both samples with the same tiny uniform noise, `scale` times their common standard deviation.

    For values that are equal because of rounding or because an image occurs twice. The same noise on both
    sides keeps an atom common to both comparable (its share is then estimated too).
    """
    first, second = np.asarray(x, float), np.asarray(y, float)
    width = scale * float(np.std(np.concatenate([first, second])))
    if not width > 0:
        raise ValueError("got samples without any spread, expected at least two different values")
    return first + rng.uniform(-width, width, first.shape), second + rng.uniform(-width, width, second.shape)


def saturation_ceiling(x: ArrayLike, y: ArrayLike, k: int = 1) -> float:
    """The largest value that `knn_kl` can take for the given samples, however far apart their laws are.

    If all `x` lay beyond all `y` with the same shapes, the estimate would be about
    `log(2 m) - psi(k) - H(p) + E log(gap)`; with the gap as wide as the two samples together this is the
    bound returned: an estimate close to it says "well separated", not how well.
    """
    first, second = _sorted_sample(x, "x", k + 1), _sorted_sample(y, "y", k)
    rho = _own_distances(first, k)
    reach = max(first[-1], second[-1]) - min(first[0], second[0])
    return float(np.mean(np.log(reach / rho)) + np.log(second.size / (first.size - 1)))


def _sorted_sample(values: ArrayLike, name: str, at_least: int) -> Array:
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


def _own_distances(s: Array, k: int) -> Array:
    """Distance of each sorted value to its k-th neighbour: the best of k + 1 windows of k + 1 values."""
    padded = np.concatenate([np.full(k, -np.inf), s, np.full(k, np.inf)])
    best = np.full(s.shape, np.inf)
    for left in range(k + 1):
        lower = padded[k - left : k - left + s.size]
        upper = padded[2 * k - left : 2 * k - left + s.size]
        np.minimum(best, np.maximum(s - lower, upper - s), out=best)
    return best


def _other_distances(s: Array, other: Array, k: int) -> Array:
    """Distance of each value of `s` to its k-th neighbour in the sorted sample `other`."""
    padded = np.concatenate([np.full(k, -np.inf), other, np.full(k, np.inf)])
    place = np.searchsorted(other, s) + k
    best = np.full(s.shape, np.inf)
    for left in range(k + 1):
        # `left` neighbours below and `k - left` above; an empty side costs no distance.
        below = s - padded[place - left] if left else np.zeros_like(s)
        above = padded[place + k - left - 1] - s if left < k else np.zeros_like(s)
        np.minimum(best, np.maximum(below, above), out=best)
    return best
