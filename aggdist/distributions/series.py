"""Sums over a whole number m of log-concave terms, for many points at once.

The exact mixture of theory item T3 and the compound Poisson-gamma of T5 are such sums over the number m of
active positions. Only the terms near the largest one count: each point has its own window. Where the terms
change slowly with m, every s-th one is taken, times s: the trapezium rule, whose error for a peak of width
D is about exp(-2 (pi D/s)^2), below rounding for the s used here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special as scipy_special

from aggdist.distributions.special import log_gamma_density, log_sum_exp

Array = NDArray[np.float64]

_DEVIATIONS = 9.0
"""Half width of the window in standard deviations: exp(-9^2/2) = 3e-18 of the peak."""
_LEAST = 24
"""Terms kept on either side of the largest one, whatever the width."""
_BLOCK = 2_000_000
"""Largest number of terms evaluated at a time (a few arrays of 16 MB)."""


def log_window_sum(
    log_term: Callable[[Array, NDArray[np.intp]], Array],
    centre: Array,
    width: Array,
    detail: Array,
    last: Array,
) -> Array:
    """Logarithm of the sum over m = 1..last of `exp(log_term)`, at each point.

    Parameters
    ----------
    log_term : callable
        Gets m of shape (n, W) and the flat indices, of shape (n, 1), of the points that the rows belong to.
    centre, width : arrays of one shape
        Where the largest term is, and the standard deviation of the peak.
    detail : array
        The smallest distance in m over which the terms change, at most `width`.
    last : array
        The largest m (may be infinite).
    """
    shape = centre.shape
    centre, width, detail, last = (np.broadcast_to(v, shape).ravel() for v in (centre, width, detail, last))
    stride = np.maximum(np.floor(detail / 4), 1.0)
    half = np.ceil(_DEVIATIONS * width / stride) + _LEAST
    result = np.empty(centre.size)
    # Sorted by the number of terms, so that one wide point does not widen the window of all.
    order = np.argsort(half, kind="stable")
    start = 0
    while start < order.size:
        index = order[start : _block_end(half[order], start)]
        count = int(min(2 * half[index[-1]] + 1, np.max(np.floor((last[index] - 1) / stride[index])) + 1))
        step = stride[index, None]
        first = np.rint(centre[index, None]) - step * (count // 2)
        first = np.maximum(np.minimum(first, last[index, None] - step * (count - 1)), 1.0)
        m = first + step * np.arange(count)
        inside = m <= last[index, None]
        values = log_term(np.where(inside, m, first), index[:, None])
        result[index] = log_sum_exp(np.where(inside, values, -np.inf)) + np.log(stride[index])
        start += len(index)
    return result.reshape(shape)


def _block_end(half: Array, start: int) -> int:
    """End of a block of points whose windows are at most twice as wide as the first one's."""
    stop = int(np.searchsorted(half, 2 * half[start], side="right"))
    return min(stop, start + max(1, int(_BLOCK // (2 * half[stop - 1] + 1))))


def _log_lower(shape: Array, y: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scipy_special.gammainc(shape, y)))


def _log_upper(shape: Array, y: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(scipy_special.gammaincc(shape, y)))


TAIL_KERNELS: dict[str, Callable[[Array, Array], Array]] = {
    "density": log_gamma_density,
    "lower": _log_lower,
    "upper": _log_upper,
}
"""Logarithms of the density and of the two tails of Gamma(shape, 1)."""
