"""Special functions in forms that keep their digits where the textbook forms lose them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

HALF_LOG_TWO_PI = 0.9189385332046727
_SERIES_ORDER = 24
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760)
_LARGE = 10.0


def piecewise(
    first: NDArray[np.bool_],
    one: Callable[..., NDArray[Any]],
    other: Callable[..., NDArray[Any]],
    *args: NDArray[Any],
) -> NDArray[Any]:
    """`one(*args)` where `first` holds and `other(*args)` elsewhere, each evaluated only where needed."""
    if np.all(first):
        return np.asarray(one(*args))
    if not np.any(first):
        return np.asarray(other(*args))
    args = np.broadcast_arrays(first, *args)[1:]
    result = np.empty(first.shape, np.result_type(*args))
    result[first] = one(*(v[first] for v in args))
    result[~first] = other(*(v[~first] for v in args))
    return result


def log1p_remainder(u: NDArray[Any]) -> NDArray[Any]:
    """`(u - log(1 + u)) / u**2`, 1/2 at u = 0, for real u > -1 or complex u."""
    return piecewise(np.abs(u) < 0.2, _remainder_series, _remainder_direct, np.asarray(u))


def _remainder_series(u: NDArray[Any]) -> NDArray[Any]:
    series = np.full_like(u, 1 / (_SERIES_ORDER + 1))
    for k in range(_SERIES_ORDER - 2, -1, -1):
        series *= -u
        series += 1 / (k + 2)
    return series


def _remainder_direct(u: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((u - np.log1p(u)) / u**2)


def _odd_series(coefficients: tuple[float, ...], inverse: Array) -> Array:
    square, value = inverse * inverse, np.zeros_like(inverse)
    for c in reversed(coefficients):
        value *= square
        value += c
    return np.asarray(value)


def stirling_remainder(inverse: Array) -> Array:
    """`log Gamma(a) - (a - 1/2) log a + a - log(2 pi)/2` at `a = 1/inverse`; 0 at inverse = 0."""
    return piecewise(inverse * _LARGE <= 1, _stirling_series, _stirling_direct, np.asarray(inverse))


def _stirling_series(inverse: Array) -> Array:
    return inverse * _odd_series(_STIRLING, inverse)


def _stirling_direct(inverse: Array) -> Array:
    a = 1 / inverse
    return np.asarray(special.gammaln(a) - (a - 0.5) * np.log(a) + a - HALF_LOG_TWO_PI)


def digamma_remainder(inverse: Array) -> Array:
    """`log a - 1/(2a) - digamma(a)` at `a = 1/inverse`; about `1/(12 a**2)`, 0 at inverse = 0."""
    return piecewise(inverse * _LARGE <= 1, _digamma_series, _digamma_direct, np.asarray(inverse))


def _digamma_series(inverse: Array) -> Array:
    return inverse * inverse * _odd_series(_DIGAMMA, inverse)


def _digamma_direct(inverse: Array) -> Array:
    a = 1 / inverse
    return np.asarray(np.log(a) - inverse / 2 - special.digamma(a))


def log_gamma_density(shape: Array, y: Array) -> Array:
    """Log density of Gamma(shape, 1) at y >= 0, accurate for large shapes too."""
    shape, y = np.broadcast_arrays(shape, y)
    return piecewise((shape > _LARGE) & (y > 0), _peaked_density, _direct_density, shape, y)


def _direct_density(shape: Array, y: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(special.xlogy(shape - 1, y) - y - special.gammaln(shape))


def _peaked_density(shape: Array, y: Array) -> Array:
    """Stirling's leading terms are cancelled by hand: what is left is a normal density and corrections."""
    with np.errstate(divide="ignore", over="ignore"):
        bulk = deviance(shape, y) + np.log(y / shape) + 0.5 * np.log(shape)
    return np.asarray(-HALF_LOG_TWO_PI - stirling_remainder(1 / shape) - bulk)


def standard_gamma_entropy(inverse: Array) -> Array:
    """Entropy of a gamma law of shape `1/inverse` scaled to variance 1; that of the normal at inverse = 0."""
    tiny = inverse == 0
    a = 1 / np.where(tiny, 1.0, inverse)
    rho = digamma_remainder(inverse)
    value = HALF_LOG_TWO_PI + 0.5 - inverse / 2 + stirling_remainder(inverse) + (a - 1) * rho
    return np.where(tiny, HALF_LOG_TWO_PI + 0.5, value)


def gamma_quantile(shape: Array, lower: Array, upper: Array) -> Array:
    """Point of Gamma(shape, 1) with probability `lower` below and `upper` above, from the smaller."""
    return np.asarray(
        np.where(lower <= upper, special.gammaincinv(shape, lower), special.gammainccinv(shape, upper))
    )


def rising(shape: Array, r: float) -> Array:
    """`Gamma(shape + r) / Gamma(shape)`."""
    if r == int(r) and r <= 64:
        value = np.ones_like(shape)
        for k in range(int(r)):
            value = value * (shape + k)
        return value
    return np.asarray(special.poch(shape, r))


def log_sum_exp(terms: Array, axis: int = -1) -> Array:
    """Logarithm of a sum of exponentials; -inf where all terms are."""
    top = np.max(terms, axis=axis, keepdims=True)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(terms - safe), axis=axis)) + np.squeeze(safe, axis=axis)
    # +inf (a density pole) survives; nothing else can.
    return np.asarray(np.where(np.squeeze(top, axis=axis) == np.inf, np.inf, total))


def deviance(x: Array, mean: Array) -> Array:
    """`x log(x/mean) + mean - x` for x > 0, without cancellation near x = mean (Loader 2000)."""
    x, mean = np.broadcast_arrays(x, mean)
    with np.errstate(divide="ignore", over="ignore"):
        return piecewise(np.abs(mean - x) < 0.5 * x, _deviance_near, _deviance_far, x, mean)


def _deviance_near(x: Array, mean: Array) -> Array:
    w = (mean - x) / x
    return np.asarray(x * w * w * log1p_remainder(w))


def _deviance_far(x: Array, mean: Array) -> Array:
    return np.asarray(mean - x + x * (np.log(x) - np.log(mean)))


def log_poisson(m: Array, mean: Array) -> Array:
    """Log probability of m >= 1 under the Poisson law."""
    return -deviance(m, mean) - stirling_remainder(1 / m) - HALF_LOG_TWO_PI - 0.5 * np.log(m)


def log_binomial(m: Array, n: Array, p: Array) -> Array:
    """Log probability of 1 <= m <= n successes, for 0 < p <= 1 (Loader's saddle-point form)."""
    m, n, p = np.broadcast_arrays(m, n, p)
    rest = np.where(m < n, n - m, 1.0)
    remainders = stirling_remainder(1 / n) - stirling_remainder(1 / m) - stirling_remainder(1 / rest)
    with np.errstate(divide="ignore"):
        inner = remainders - deviance(m, n * p) - deviance(rest, n * (1 - p))
        inner = inner - HALF_LOG_TWO_PI + 0.5 * np.log(n / (m * rest))
        return np.where(m < n, inner, n * np.log(p))
