"""Where the nearest-neighbour estimate saturates: beyond the second sample it cannot see how far apart laws are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.divergence.nearest_neighbour import own_distances, sorted_sample

Array = NDArray[np.float64]

SATURATED_SHARE = 0.25
"""Share of outside points from which an estimate is called saturated: it is then some 10 % or more too low."""

_MAX_OVERLAP = 0.01


def saturation_ceiling(x: ArrayLike, y: ArrayLike, k: int = 1) -> float:
    """The largest value that `knn_kl` can take for the given samples, however far apart their laws are.

    No `y` is farther away than the whole width of the two samples together; with that width for every distance
    `nu` the estimator gives the bound returned here. An estimate close to it says "well separated", not how
    well. See `separated_estimate` for the value that it approaches.
    """
    first, second = sorted_sample(x, "x", k + 1), sorted_sample(y, "y", k)
    rho = own_distances(first, k)
    reach = max(first[-1], second[-1]) - min(first[0], second[0])
    return float(np.mean(np.log(reach / rho)) + np.log(second.size / (first.size - 1)))


def separated_estimate(entropy: ArrayLike, log_gap: ArrayLike, m: ArrayLike, k: int = 1) -> Array:
    """What `knn_kl` estimates, on average, once the samples are separated: `log(2m) - psi(k) - H(p) + E log gap`.

    Parameters
    ----------
    entropy : array_like
        Entropy H(p) of the first law, in nats.
    log_gap : array_like
        Mean of log(x - y_k) with y_k the k-th largest y (the k-th smallest if the x lie below): `mean_log_gap`,
        or an average over samples.
    m : array_like
        Size of the second sample. The first one's does not matter.
    k : int
        Which neighbour.

    Returns
    -------
    array
        The true divergence does not occur in it. Each factor of ten in `m` adds 2.3 nats (less the change
        of the gap).
    """
    return np.asarray(np.log(2.0 * np.asarray(m)) - special.digamma(k) - entropy + log_gap)


def mean_log_gap(p: Distribution, q: Distribution, m: int, k: int = 1) -> float:
    """E log|X - Y_k| for X ~ p and the k-th of m values from q, counted from the side of p, by quadrature.

    Parameters
    ----------
    p, q : Distribution
        Single laws (no batch) that practically do not overlap.

    Raises
    ------
    ValueError
        If X is short of Y_k with a probability of more than 1 %.
    """
    nodes, weights = np.polynomial.legendre.leggauss(80)
    u = 0.5 * (nodes + 1)
    beyond = special.betaincinv(k, m + 1 - k, u)  # the mass beyond Y_k is Beta(k, m+1-k)
    x = p.quantile(u)[:, None]
    gap = x - q.quantile(1 - beyond) if p.mean() > q.mean() else q.quantile(beyond) - x
    overlap = float(0.25 * weights @ (gap <= 0) @ weights)
    if overlap > _MAX_OVERLAP:
        raise ValueError(
            f"p and q: got a value from p short of Y_k with probability {overlap:.2g}, expected at most "
            f"{_MAX_OVERLAP}; laws that overlap have no ceiling"
        )
    return float(0.25 * weights @ np.log(np.abs(gap)) @ weights)


def outside_share(x: ArrayLike, y: ArrayLike, k: int = 1) -> float:
    """Share of the `x` beyond the k-th largest or the k-th smallest `y`.

    For these points the second sample says nothing about the density q around them: their k-th neighbour is at the
    edge of the sample, however small q may be. Near 0 the estimate can be trusted as far as this goes.
    """
    first, second = sorted_sample(x, "x", k + 1), sorted_sample(y, "y", k)
    return float(np.mean((first > second[-k]) | (first < second[k - 1])))


def is_saturated(x: ArrayLike, y: ArrayLike, k: int = 1, *, share: float = SATURATED_SHARE) -> bool:
    """Whether `knn_kl` is near its ceiling: more than `share` of the `x` lie outside of the `y`.

    For normal and gamma laws of many separations and sizes a share of one quarter goes with an estimate
    5 to 30 % too low, one half with 10 to 40 % (chapter E1). A small share does not rule out a bias.
    """
    if not 0 < share < 1:
        raise ValueError(f"share: got {share}, expected a number between 0 and 1, such as 0.25")
    return outside_share(x, y, k) > share
