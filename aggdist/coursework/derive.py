"""Assignment 1: an activation with a ceiling, by routes that use no formula of its answers.

The positive part has the distribution function (x / b)^c on (0, b). Cumulants come from a contour integral of the
logarithm of a moment generating function that is itself integrated numerically, laws of maxima from sums over the
number of active positions, divergences from quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import integrate, special, stats

from aggdist.coursework.task import Arguments, Assignment, Task, close_to


def _transform(t: np.ndarray, b: float, c: float) -> np.ndarray:
    """E exp(tX) of the positive part at complex t, by Gauss-Jacobi quadrature (the weight is the density)."""
    nodes, weights = special.roots_jacobi(60, 0, c - 1)
    return np.exp(np.multiply.outer(t, b * (1 + nodes) / 2)) @ (weights / weights.sum())


def _cumulants(log_transform: Callable[[np.ndarray], np.ndarray], radius: float, orders: int) -> np.ndarray:
    """The first cumulants from values of the generating function on a circle (Cauchy's integral)."""
    circle = np.exp(2j * np.pi * np.arange(64) / 64)
    coefficients = np.fft.fft(log_transform(radius * circle)) / 64
    k = np.arange(1, orders + 1)
    return np.real(coefficients[1 : orders + 1]) / radius**k * np.array([math.factorial(j) for j in k])


def _of_one(q: float, b: float, c: float) -> np.ndarray:
    return _cumulants(lambda t: np.log(1 - q + q * _transform(t, b, c)), 0.3 / b, 3)


def _ratio(q: float, c: float) -> float:
    one, two, three = _of_one(q, 1.0, c)
    return one * three / (2 * two**2)


def _block(q: float, b: float, c: float, n: int, m: int) -> np.ndarray:
    def log_transform(t: np.ndarray) -> np.ndarray:
        return (n // m) * np.log(1 - q + q * _transform(t / n, b, c) ** m)

    moments = _cumulants(log_transform, 0.3 / b, 2)
    return np.array([stats.binom.pmf(0, n // m, q), *moments])


def _max_cdf(z: np.ndarray, q: float, b: float, c: float, n: int) -> np.ndarray:
    """Summed over the number of active positions, whose maximum is a power of a uniform variable's largest."""
    k = np.arange(1, n + 1)
    share = stats.beta.cdf(stats.powerlaw.cdf(z, c, scale=b)[:, None], k, 1) @ stats.binom.pmf(k, n, q)
    return np.where(z < 0, 0.0, stats.binom.pmf(0, n, q) + share)


def _max_mean(q: float, b: float, c: float, n: int) -> float:
    value, _ = integrate.quad(
        lambda z: 1 - _max_cdf(np.array([z]), q, b, c, n)[0], 0, b, epsabs=1e-12 * b, epsrel=1e-10, limit=200
    )
    return value


def _positive_kl(b1: float, c1: float, b2: float, c2: float) -> float:
    """In quantiles of the first law, so that no density with a pole is integrated."""
    if b1 > b2:
        return math.inf
    first, second = stats.powerlaw(c1, scale=b1), stats.powerlaw(c2, scale=b2)

    def gap(v: float) -> float:
        x = first.ppf(math.exp(-v))
        return float(first.logpdf(x) - second.logpdf(x)) * math.exp(-v)

    return integrate.quad(gap, 0, 60, epsabs=1e-11, epsrel=1e-10, limit=200)[0]


def _kl(q1: float, b1: float, c1: float, q2: float, b2: float, c2: float) -> float:
    how_often = stats.entropy([1 - q1, q1], [1 - q2, q2])
    return float(how_often + q1 * _positive_kl(b1, c1, b2, c2))


def _efficiency(b1: float, c1: float, b2: float, c2: float, n: int) -> float:
    # The maximum of n independent positions is (x / b)^(cn): as many more draws, one law of the same kind.
    return _positive_kl(b1, n * c1, b2, n * c2) / (n * _positive_kl(b1, c1, b2, c2))


def _law(rng: np.random.Generator) -> Arguments:
    """q, b, c."""
    q, b, c = rng.uniform(0.1, 0.9), rng.uniform(0.5, 6), rng.uniform(0.4, 3)
    return float(q), float(b), float(c)


def _blocks(rng: np.random.Generator) -> Arguments:
    m = int(rng.integers(2, 6))
    return (*_law(rng), m * int(rng.integers(2, 9)), m)


def _levels(rng: np.random.Generator) -> Arguments:
    q, b, c = _law(rng)
    levels = np.array([-0.1, 0.0, *np.sort(rng.uniform(0, b, 4)), 1.2 * b])
    return levels, q, b, c, int(rng.integers(2, 30))


def _pair(rng: np.random.Generator) -> list[Arguments]:
    """Two pairs with nested supports, one with equal ceilings, one that must be infinite."""
    drawn = [[*_law(rng), *_law(rng)] for _ in range(4)]
    for pair in drawn[:2]:
        pair[1], pair[4] = sorted((pair[1], pair[4]))
    drawn[2][4] = drawn[2][1]
    drawn[3][1] = 1.5 * drawn[3][4]
    return [tuple(pair) for pair in drawn]


def _pair_of_maxima(rng: np.random.Generator) -> list[Arguments]:
    finite = _pair(rng)[:3]
    return [(b1, c1, b2, c2, int(rng.integers(2, 30))) for _, b1, c1, _, b2, c2 in finite]


DERIVE = Assignment(
    1,
    "1_derive",
    "Derive",
    (
        Task("cumulants", 4, lambda rng: [_law(rng) for _ in range(4)], close_to(_of_one, 1e-6)),
        Task("ratio", 2, lambda rng: [_law(rng)[::2] for _ in range(4)], close_to(_ratio, 1e-6, 1e-8)),
        Task("block_average", 4, lambda rng: [_blocks(rng) for _ in range(4)], close_to(_block, 1e-6)),
        Task("max_cdf", 2, lambda rng: [_levels(rng) for _ in range(4)], close_to(_max_cdf, 1e-8, 1e-12)),
        Task("max_mean", 3, lambda rng: [_levels(rng)[1:] for _ in range(4)], close_to(_max_mean, 1e-7)),
        Task("kl", 3, _pair, close_to(_kl, 1e-6, 1e-9)),
        Task("efficiency", 2, _pair_of_maxima, close_to(_efficiency, 1e-6)),
    ),
)
