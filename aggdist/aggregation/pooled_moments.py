"""Mean and variance of generalised means and log-sum-exps of independent positions, exactly (theory item T8).

Neither has a closed form. But the Laplace transform of a sum of independent terms is a product, and moments
of a power or a logarithm are integrals of it: one quadrature over the law of a single activation, and one over
the transform's argument. No expansion in 1/N, no condition on the tails beyond those of Z itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from aggdist.aggregation.average_laws import whole_positions
from aggdist.aggregation.registry import check_power, check_sharpness
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, positive
from aggdist.distributions.quadrature import REACH, STEP, integrate

_STEP = 0.4
"""Of the trapezium rule in the logarithm of the transform's argument; error near exp(-pi^2/0.4) = 2e-11."""
_NEAR, _FAR = 20.0, 27.0
"""Logarithms of what is left out at the ends; the far one counts for any number of positions."""
_HUGE = 50.0
"""exp(-exp(50)) is 0 and exp(50) squared is no overflow."""
_CHUNK = 4_000_000


def generalised_mean_cumulants(activation: Distribution, positions: ArrayLike, p: float) -> Array:
    """Mean and variance of the generalised mean Z of N independent activations (T8.9).

    With W = sum_s A_s^p, `E W^b = int_0^inf u^(j-b-1) E[W^j exp(-uW)] du / Gamma(j - b)`, 0 < b < j; used for
    b = 1/p, j = 1 and b = 2/p, j = 2, where all integrands are positive. Relative accuracy of the moments near
    1e-9, of the variance that over its share in E Z^2. A law takes 0.1 to 1 s, more for large p.

    Parameters
    ----------
    activation : Distribution
        Law of one activation on the non-negative half line, with any batch.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.
    p : float
        Power, p >= 1.

    Returns
    -------
    array of shape (2, *batch).

    Raises
    ------
    ValueError
        For activations below 0 or never positive, a power below 1, or numbers of positions that are not whole.
    """
    power, n = check_power(p), whole_positions(positions)
    mean_power = positive("E A^p", _on_half_line(activation).moment(power))
    if power == 1.0:
        full = np.broadcast_shapes(n.shape, mean_power.shape)
        return np.stack([np.broadcast_to(mean_power, full), activation.var() / n])
    # The argument is u = t^-p with t a length, in units of the length (N E A^p)^(1/p).
    steps = np.arange(-_NEAR, _FAR / (power - 1) + _STEP, _STEP / power)
    length = np.asarray(np.log(n * mean_power) / power)
    log_t = length + steps.reshape(-1, *(1,) * length.ndim)
    zeroth, first, second = _transforms(activation, log_t, power)
    rest, pairs = zeroth ** (n - 1), n * (n - 1) * zeroth ** np.maximum(n - 2, 0)
    t = np.exp(log_t) / n ** (1 / power)
    mean = np.sum(t * n * rest * first, axis=0) * _STEP / special.gamma(1 - 1 / power)
    square = np.sum(t**2 * (n * rest * second + pairs * first**2), axis=0) * _STEP
    return np.stack([mean, square / special.gamma(2 - 2 / power) - mean**2])


def log_sum_exp_cumulants(activation: Distribution, positions: ArrayLike, r: float) -> Array:
    """Mean and variance of the log-sum-exp Z of N independent activations (T8.11).

    With W the mean of `exp(rA) - 1` and L its Laplace transform,
    `E log(1+W) = int_0^inf (1 - L(s)) exp(-s) ds/s` and
    `E log(1+W)^2 = -2 int_0^inf (1 - L(s)) (gamma + log s) exp(-s) ds/s`. They are finite for every r under
    gamma tails, because Z is at most the maximum. Absolute accuracy near 1e-9/r.

    Parameters
    ----------
    activation : Distribution
        Law of one activation on the non-negative half line, with any batch.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.
    r : float
        Sharpness, r > 0, in the inverse unit of the activations.

    Returns
    -------
    array of shape (2, *batch).

    Raises
    ------
    ValueError
        For activations below 0, a sharpness that is not positive, or numbers of positions that are not whole.
    """
    sharpness, n = check_sharpness(r), whole_positions(positions)
    top = np.max(_on_half_line(activation).quantile(1 - 1e-14), initial=0.0)
    steps = np.arange(-_FAR - sharpness * top, np.log(38.0), _STEP)
    v = steps.reshape(-1, *(1,) * max(n.ndim, len(activation.batch_shape)))
    missing = _missing_mass(activation, v - np.log(n), sharpness)
    weight = -np.expm1(n * np.log1p(-missing)) * np.exp(-np.exp(v)) * _STEP
    mean = np.sum(weight, axis=0)
    square = -2 * np.sum(weight * (np.euler_gamma + v), axis=0)
    return np.stack([mean / sharpness, (square - mean**2) / sharpness**2])


def _on_half_line(activation: Distribution) -> Distribution:
    if not isinstance(activation, Distribution):
        raise TypeError(f"activation: got {type(activation).__name__}, expected a Distribution")
    low = np.min(activation.support()[0], initial=0.0)
    if low < 0:
        raise ValueError(
            f"activation: got a support from {low}, expected activations >= 0; rectify them first"
        )
    return activation


def _transforms(activation: Distribution, log_t: Array, p: float) -> Array:
    """`E[y^j exp(-y)]`, `y = (A/t)^p`, for j = 0, 1, 2: shape (3, *log_t.shape)."""

    def terms(x: Array, t: Array) -> list[Array]:
        log_y = np.minimum(p * (np.log(x) - t), _HUGE)
        y = np.exp(log_y)
        fades = np.exp(-y)
        return [-np.expm1(-y), fades, y * fades, y * y * fades]

    lost, zeroth, first, second = _expectations(activation, terms, log_t, 4, 1 + int(p // 5))
    # Near 1 the transform is known best by what it lacks to 1.
    return np.stack([np.where(lost < 0.5, 1 - lost, zeroth), first, second])


def _missing_mass(activation: Distribution, log_u: Array, r: float) -> Array:
    """`E[1 - exp(-u (exp(rA) - 1))]`."""

    def terms(x: Array, v: Array) -> list[Array]:
        grown = np.expm1(np.minimum(r * x, 700.0))
        return [-np.expm1(-np.exp(v) * grown)]

    fineness = 1 + int(np.ceil(r * np.max(activation._location_spread()[1], initial=0.0) / 2))
    return np.minimum(_expectations(activation, terms, log_u, 1, fineness)[0], 1.0)


def _expectations(
    activation: Distribution,
    terms: Callable[[Array, Array], list[Array]],
    at: Array,
    count: int,
    fineness: int,
) -> Array:
    """E of the `count` functions `terms(A, at)`, shape (count, *at.shape); atoms included."""
    lead = at.ndim - len(activation.batch_shape)
    nodes = 2 * REACH / STEP * fineness
    rows = max(1, int(_CHUNK / (nodes * count * max(1, at[0].size))))
    parts = []
    for start in range(0, len(at), rows):
        part = at[start : start + rows]

        def integrand(x: Array, density: Array, part: Array = part) -> Array:
            return np.stack(terms(x[:, 0], part), axis=1) * density

        with np.errstate(all="ignore"):
            total = integrate(activation, integrand, fineness=fineness, lead=lead + 1)
            for atom in activation.atoms():
                live = np.where(atom.mass > 0, atom.location, 1.0)
                total = total + np.stack(np.broadcast_arrays(*terms(live, part))) * atom.mass
        parts.append(total)
    return np.concatenate(parts, axis=1)
