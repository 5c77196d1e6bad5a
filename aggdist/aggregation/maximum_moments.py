"""Closed moments of the maximum of zero-inflated exponentials (theory item T7)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import factorial

from aggdist.aggregation.average_laws import whole_positions
from aggdist.distributions.checks import Array, positive, probability, whole_number


def exponential_maximum_moments(
    active: ArrayLike, scale: ArrayLike, positions: ArrayLike, *, orders: int = 2
) -> Array:
    """Raw moments of the largest of N independent zero-inflated exponentials (T7.3, T7.4).

    An activation is 0 with probability 1 - q and else exponential with mean theta. With
    `S_0(k) = 1 - (1-q)^k` and `S_r(N) = sum_{k<=N} S_{r-1}(k)/k`

        E Z^r = r! theta^r S_r(N),

    so that `E Z = theta sum_{k<=N} g_k`, `g_k = (1 - (1-q)^k)/k`. At q = 1 the g_k are those of the harmonic
    number, and the variance is `theta^2 sum_{k<=N} 1/k^2`.

    Parameters
    ----------
    active : array_like
        q = P(A > 0), in [0, 1].
    scale : array_like
        theta, mean of the positive activations, positive.
    positions : array_like
        N >= 1, whole. The sums are written out up to the largest N, for all laws.
    orders : int
        How many moments, at least 1.

    Returns
    -------
    array of shape (orders, *batch): E Z, E Z^2, ..., the batch being the broadcast of the other arguments.

    Raises
    ------
    ValueError
        For values outside their domain, or fewer than one order.
    """
    q, theta, n = probability("active", active), positive("scale", scale), whole_positions(positions)
    highest = whole_number("orders", orders, 1)
    q, theta, n = np.broadcast_arrays(q, theta, n)
    k = np.arange(1.0, 1 + (n.max() if n.size else 0)).reshape(-1, *(1,) * n.ndim)
    with np.errstate(divide="ignore"):
        sums = -np.expm1(k * np.log1p(-q))
    upto, values = n.astype(np.intp)[None] - 1, []
    for r in range(1, highest + 1):
        sums = np.cumsum(sums / k, axis=0)
        values.append(factorial(r) * theta**r * np.take_along_axis(sums, upto, axis=0)[0])
    return np.stack(values)
