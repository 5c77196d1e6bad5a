"""How far a pooled feature can move when its map is shifted: what leaves the map, what enters it (theory item T12).

Average, generalised mean and log-sum-exp are means of a function of the activations: `Z = phi^-1(mean phi(A))` with phi
increasing, convex and 0 at 0. So all that a shift can do is in two sums, of phi over what leaves and over what enters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation.registry import aggregation, check_power, check_sharpness

Array = NDArray[np.float64]


def shift_bound(
    leaving: ArrayLike, entering: ArrayLike, positions: int, name: str, p: float = 3.0, *, r: float = 1.0
) -> Array:
    """Largest change of a pooled feature when some activations of its map are replaced by others.

    With `d` the difference of the sums of phi over what leaves and over what enters, `|Z' - Z| <= phi^-1(|d|/N)`, with
    equality where all that stays is 0 (or, for the average, always). For the maximum the bound is the difference of
    the two largest values.

    Parameters
    ----------
    leaving, entering
        Activations >= 0 (..., M): those that the shifted map has lost, and those that it has got instead. M <= N.
    positions
        N, positions of the map.
    name
        "avg", "max", "gem", "lp" or "lse".
    p
        Power of "gem" and "lp", p >= 1; the others do not read it.
    r
        Sharpness of "lse", r > 0.

    Returns
    -------
    array of shape (...): the bound, in the unit of the activations.

    Raises
    ------
    ValueError
        For an unknown name, negative or NaN activations, arrays of different shapes, or more than N activations.
    """
    aggregation(name)
    out, into = np.asarray(leaving, float), np.asarray(entering, float)
    _check(out, into, positions)
    if name == "max":
        return np.asarray(np.abs(out.max(axis=-1) - into.max(axis=-1)))
    phi, inverse = _mean_function(name, p, r)
    # These means are homogeneous, except log-sum-exp: in units of the largest activation no power overflows.
    unit = 1.0 if name == "lse" else np.maximum(out.max(axis=-1), into.max(axis=-1))
    unit = np.where(unit > 0, unit, 1.0)
    sums = [phi(values / unit[..., None]).sum(axis=-1) for values in (out, into)]
    difference = np.abs(sums[0] - sums[1])
    return np.asarray(unit * inverse(difference if name == "lp" else difference / positions))


def _mean_function(
    name: str, p: float, r: float
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """phi and its inverse."""
    if name == "avg":
        return (lambda a: a), (lambda m: m)
    if name == "lse":
        sharpness = check_sharpness(r)
        return (lambda a: np.expm1(sharpness * a)), (lambda m: np.log1p(m) / sharpness)
    power = check_power(p)
    return (lambda a: a**power), (lambda m: m ** (1 / power))


def _check(out: Array, into: Array, positions: int) -> None:
    if out.shape != into.shape or out.ndim == 0 or not 1 <= out.shape[-1] <= positions:
        raise ValueError(
            f"got activations that leave of shape {out.shape} and that enter of shape {into.shape}, expected the "
            f"same, with between 1 and {positions} of them in the last axis"
        )
    for what, values in (("leave", out), ("enter", into)):
        if not np.all(values >= 0):
            raise ValueError(f"activations that {what} hold NaN or negative values, expected values >= 0")


def flattening_bound(weights: ArrayLike) -> Array:
    """Largest change of the output of a flattening head when a map with activations in [0, 1] is shifted in a circle.

    By one position along the last axis. Half the total variation of the weights around the circle; it is attained, and
    does not become small when N grows.

    Parameters
    ----------
    weights
        Of the head (..., N), in the order of the positions.
    """
    values = np.asarray(weights, float)
    return np.asarray(0.5 * np.sum(np.abs(values - np.roll(values, 1, axis=-1)), axis=-1))


def relative_change(moved: ArrayLike, width: ArrayLike, positions: ArrayLike, rho: ArrayLike) -> Array:
    """Standard deviation of the change of an average when columns are replaced, over that of the average itself.

    For `moved` of `width` columns, N positions with one variance and one correlation rho, and new columns that are
    drawn like the old: `sqrt((2 moved/width) (1 - rho) N_eff/N)` with `N_eff = N/(1 + (N - 1) rho)`.
    """
    m, w, n, correlation = (np.asarray(v, float) for v in (moved, width, positions, rho))
    return np.asarray(np.sqrt(2 * m / w * (1 - correlation) / (1 + (n - 1) * correlation)))
