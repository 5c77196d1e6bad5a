"""Estimation of the generalised extreme value law, and the two maps that join it to the Gumbel law."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as scipy_special

from aggdist.distributions.checks import Array, require, sample_along
from aggdist.distributions.maximise import maximise
from aggdist.distributions.roots import bracketed_root
from aggdist.distributions.special import log1p_remainder

_EDGE = 0.999


def box_cox_log(z: Array, shape: Array) -> Array:
    """`log(1 + shape z)/shape`, z itself at shape 0."""
    w = shape * z
    near = np.abs(w) < 1e-2
    # log(1 + w)/shape = z (1 - w h(w)) with h -> 1/2.
    series = z * (1 - w * log1p_remainder(np.where(near, w, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = np.log1p(np.maximum(np.where(near, 1.0, w), -1.0)) / np.where(shape == 0, 1.0, shape)
    return np.where(near, series, direct)


def box_cox_power(y: NDArray[Any], shape: Array) -> NDArray[Any]:
    """`(exp(shape y) - 1)/shape`, y itself at shape 0; real or complex y."""
    flat = np.abs(shape) < 1e-150
    return np.asarray(np.where(flat, y, np.expm1(shape * y) / np.where(flat, 1.0, shape)))


def probability_weighted_moments(x: ArrayLike, axis: int = 0) -> tuple[Array, Array, Array]:
    """Unbiased estimates of `E X F(X)^r` for r = 0, 1, 2 along `axis` (Landwehr, Matalas and Wallis 1979)."""
    sample = np.sort(sample_along(x, axis, least=3), axis=0)
    n = len(sample)
    rank = np.arange(n, dtype=float).reshape(-1, *(1,) * (sample.ndim - 1))
    first = np.mean(sample * rank, axis=0) / (n - 1)
    second = np.mean(sample * rank * (rank - 1), axis=0) / ((n - 1) * (n - 2))
    return np.mean(sample, axis=0), first, second


def from_weighted_moments(b0: Array, b1: Array, b2: Array) -> tuple[Array, Array, Array]:
    """Location, scale and shape from probability-weighted moments.

    `(3 b2 - b0)/(2 b1 - b0) = (3^shape - 1)/(2^shape - 1)` is solved for the shape, then scale and location
    follow.
    """
    b0, b1, b2 = np.broadcast_arrays(b0, b1, b2)
    second = 2 * b1 - b0
    require("b1", b1, second > 0, "more than b0/2; equal observations have no fit")
    ratio = (3 * b2 - b0) / second
    log2, log3 = np.log(2.0), np.log(3.0)

    def equation(shape: Array) -> Array:
        three, two = (box_cox_power(np.full_like(shape, v), shape) for v in (log3, log2))
        return np.asarray(three / two - ratio)

    low, high = np.full(ratio.shape, -9.0), np.full(ratio.shape, _EDGE)
    good = (equation(low) < 0) & (equation(high) > 0)
    require("b2", b2, good, "the weighted moments of a law with shape between -9 and 1")
    shape = bracketed_root(equation, low, high, ratio.shape)
    gamma = scipy_special.gamma(1 - shape)
    scale = second / (gamma * box_cox_power(np.full_like(shape, log2), shape))
    # (Gamma(1 - shape) - 1)/shape tends to Euler's constant.
    tiny = np.abs(shape) < 1e-5
    away = np.where(tiny, 1.0, shape)
    mean = np.where(
        tiny,
        np.euler_gamma + shape * (np.euler_gamma**2 + np.pi**2 / 6) / 2,
        np.expm1(scipy_special.gammaln(1 - away)) / away if np.all(away < 1) else (gamma - 1) / away,
    )
    return b0 - scale * mean, scale, shape


def maximum_likelihood(x: ArrayLike, axis: int) -> tuple[Array, Array, Array]:
    """Location, scale and shape at the local maximum of the likelihood with shape > -1."""
    sample = sample_along(x, axis, least=3)
    location, scale, shape = from_weighted_moments(*probability_weighted_moments(sample))
    # Start inside the domain: every observation within the support.
    shape = np.clip(shape, -0.5, 0.9)
    reach = (np.where(shape > 0, sample.min(axis=0), sample.max(axis=0)) - location) / scale
    inside = 1 + shape * reach > 0.02
    shape = np.where(inside, shape, -0.98 / reach)
    centre, unit = location, scale

    def log_likelihood(theta: Array) -> Array:
        z = ((sample - centre) / unit - theta[0]) * np.exp(-theta[1])
        y = box_cox_log(z, theta[2])
        value = np.mean(-(1 + theta[2]) * y - np.exp(-y), axis=0) - theta[1]
        valid = np.all(1 + theta[2] * z > 0, axis=0) & (theta[2] > -_EDGE)
        return np.where(valid & np.isfinite(value), value, -np.inf)

    with np.errstate(all="ignore"):
        theta, converged = maximise(
            log_likelihood, np.stack([np.zeros_like(shape), np.zeros_like(shape), shape])
        )
    if not np.all(converged):
        raise ValueError(
            f"x: got {int(np.sum(~converged))} samples whose likelihood has no maximum with shape > -1, "
            "expected one; use fit_weighted_moments"
        )
    return centre + unit * theta[0], unit * np.exp(theta[1]), theta[2]
