"""Checks of chapter T7, dependent positions: what a maximum is worth, level by level."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import (
    MaximumLaw,
    exponential_maximum_moments,
    image_mixture,
    maximum_effective_positions,
    observed_maximum_positions,
)
from aggdist.distributions import Distribution, Mixture
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.equations.t07_max_pooling import zero_inflated

Array = NDArray[np.float64]
_CHAPTER = "07_max_pooling"
_GAIN, _SHARE = np.array([0.5, 1.0, 2.0]), np.array([0.3, 0.5, 0.2])
_Q = 0.3


def moving_maximum_positions(positions: int, width: int) -> float:
    """N_max of the running maximum over `width` independent values, at every level."""
    return (positions + width - 1) / width


def cluster_size(positions: float, activation_sf: Array, maximum_sf: Array) -> Array:
    """m(z) = N P(A > z) / P(Z > z): how many positions are above a level, given that one is."""
    return np.asarray(positions * activation_sf / maximum_sf)


def _gains(positions: float) -> Mixture:
    """The maximum of zero-inflated exponentials whose scale is one of three gains."""
    return image_mixture(zero_inflated(_Q, 1.0, _GAIN), np.array(positions), "max", weights=_SHARE)


def _by_tails(law: Distribution) -> tuple[float, float]:
    """E Z and E Z^2 of a law on z >= 0 as integrals of its tail, by Gauss's rule."""
    node, weight = np.polynomial.legendre.leggauss(120)
    z, step = 60 * (1 + node), 60 * weight
    tail = law.sf(z)
    return float(step @ tail), float(2 * step @ (z * tail))


def envelope(below: Array, positions: int) -> Array:
    """The largest N_max at a level with P(Z <= z) = below: two positions are never above it together."""
    return np.asarray(np.log(below) / np.log1p(-(1 - below) / positions))


@equation("T7.11", "N_max >= 1; <= N where images differ, >= N where positions do; ceiling", chapter=_CHAPTER)
def _bounds() -> Evidence:
    rng, gaps = np.random.default_rng(711), []
    for n in (2, 9, 49):
        by_image = rng.beta(2.0, 0.3, (200, 12))  # F(z | image), 12 images
        by_position = rng.beta(20.0, 1.0, (200, n))  # F_s(z)
        images = maximum_effective_positions((by_image**n).mean(axis=1), by_image.mean(axis=1))
        positions = maximum_effective_positions(by_position.prod(axis=1), by_position.mean(axis=1))
        gaps += [violation(images, n), violation(1, images), violation(n, positions)]
        gaps.append(violation(positions, envelope(by_position.prod(axis=1), n)))
        # One position in n, never two, is above the level with probability 0.3.
        gaps.append(absolute_error(maximum_effective_positions(0.7, 1 - 0.3 / n), envelope(np.array(0.7), n)))
        gaps.append(absolute_error(maximum_effective_positions(0.37**n, 0.37), n))
    maps = np.repeat(rng.random((500, 1, 1)), 9, axis=2)
    gaps.append(absolute_error(observed_maximum_positions(maps, np.array([[0.2], [0.9]])).value, 1.0))
    detail = "600 random families of images and of positions, N = 2, 9, 49; equal positions"
    return Evidence(max(gaps), 1e-9, detail)


@equation("T7.12", "N P(A > z) = m(z) P(Z > z), so that N_max(z) ~ N/m(z) at high levels", chapter=_CHAPTER)
def _clusters() -> Evidence:
    cells = np.array(list(product(range(3), repeat=4)))
    joint = np.random.default_rng(712).dirichlet(np.ones(len(cells)))
    errors = []
    for level in (0, 1):
        above = (cells > level).sum(axis=1)
        given = np.where(above > 0, joint, 0.0)
        exceed = given.sum()
        expected = (given / exceed) @ above
        errors.append(absolute_error(cluster_size(4, joint @ (cells > level).mean(axis=1), exceed), expected))
    z = _gains(49)
    high = np.array([60.0, 80.0])
    tail = Mixture(zero_inflated(_Q, 1.0, _GAIN), _SHARE).sf(high)
    # -log1p(-x) = x here to all digits, and the probabilities themselves would round to 1.
    errors.append(relative_error(z.sf(high) / tail, 49 / cluster_size(49, tail, z.sf(high))))
    errors.append(absolute_error(cluster_size(49, tail, z.sf(high)), 1.0))
    detail = "every outcome of a random joint law of four positions; three gains at high levels, m -> 1"
    return Evidence(max(errors), 1e-10, detail)


@equation("T7.13", "running maximum over w values: N_max(z) = (N+w-1)/w at every level", chapter=_CHAPTER)
def _moving() -> Evidence:
    masses, errors = np.array([0.6, 0.3, 0.1]), []
    for n, width in ((4, 3), (6, 2), (1, 4)):
        sources = np.array(list(product(range(3), repeat=n + width - 1)))
        chance = masses[sources].prod(axis=1)
        moving = np.lib.stride_tricks.sliding_window_view(sources, width, axis=1).max(axis=2)
        for level in (0, 1):
            found = maximum_effective_positions(
                chance @ (moving <= level).all(axis=1), chance @ (moving[:, 0] <= level)
            )
            errors.append(absolute_error(found, moving_maximum_positions(n, width)))
    return Evidence(max(errors), 1e-11, "every outcome of three-valued sources, N = 1 to 6, w = 2 to 4")


@equation("T7.14", "gain g per image: E F(z/g)^N, and Z/(theta ln(Nq)) -> g as N grows", chapter=_CHAPTER)
def _images() -> Evidence:
    errors = []
    for n in (9, 49, 400):
        mean, second = exponential_maximum_moments(_Q, 1.0, n)
        found = _by_tails(_gains(n))
        errors.append(relative_error(found, (_SHARE @ _GAIN * mean, _SHARE @ _GAIN**2 * second)))
    ratio = np.array([0.4, 0.75, 1.5, 2.2])
    errors.append(absolute_error(_gains(1e250).cdf(ratio * np.log(_Q * 1e250)), [0.0, 0.3, 0.8, 1.0]))
    return Evidence(
        max(errors), 1e-7, "three gains; moments as integrals of the tail, N = 9 to 400; N = 10^250"
    )


def two_step_limit(tau: Array) -> Array:
    """lim P(Z <= u) for levels with N P(A > u) = tau: only the brightest images, a share, still matter."""
    top = _SHARE[-1]
    return np.asarray(1 - top + top * np.exp(-tau / top))


@equation(
    "T7.15", "levels with N P(A > u) = tau: P(Z <= u) -> 1 - s + s exp(-tau/s), no index", chapter=_CHAPTER
)
def _no_index() -> Evidence:
    tau, n = np.array([0.02, 0.5, 2.0]), 1e100
    level = -_GAIN[-1] * np.log(tau / (n * _SHARE[-1] * _Q))
    tail = n * Mixture(zero_inflated(_Q, 1.0, _GAIN), _SHARE).sf(level)
    errors = [relative_error(tail, tau), absolute_error(_gains(n).cdf(level), two_step_limit(tau))]
    index = -np.log(two_step_limit(tau)) / tau
    errors.append(violation(0.1, index[0] - index[-1]))
    one = MaximumLaw(zero_inflated(_Q, 1.0, 1.0), np.array(n))
    errors.append(absolute_error(one.cdf(-np.log(tau / (n * _Q))), np.exp(-tau)))
    return Evidence(max(errors), 1e-10, "three gains at N = 10^100; the index 1 without them")
