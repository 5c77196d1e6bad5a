"""Checks of chapter T7, independent positions: the law of the maximum, its moments, its limits."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special, stats

from aggdist.aggregation import (
    MaximumLaw,
    exponential_maximum_moments,
    maximum_extreme_value,
    maximum_gumbel,
)
from aggdist.distributions import (
    Distribution,
    Gumbel,
    RectifiedNormal,
    WeightedGammaSum,
    ZeroInflatedGamma,
)
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "07_max_pooling"
_Q = np.array([0.02, 0.3, 0.9, 1.0])
_HUGE = 1e250
"""A number of positions at which logarithms are large: ln N is 576."""
_STANDARD = Gumbel(np.array(0.0), np.array(1.0))


def zero_inflated(active: ArrayLike, shape: ArrayLike = 1.0, scale: ArrayLike = 1.0) -> ZeroInflatedGamma:
    """The zero-inflated gamma law, from numbers or arrays; exponential unless a shape is given."""
    return ZeroInflatedGamma(*np.broadcast_arrays(*(np.asarray(v, float) for v in (active, shape, scale))))


def power_masses(masses: Array, positions: int) -> Array:
    """Masses of the maximum of independent positions with these masses on ascending values."""
    return np.diff(np.concatenate([[0.0], np.cumsum(masses)]) ** positions)


def exponential_quantile(u: Array, active: Array, positions: float) -> Array:
    """`-ln((1 - u^(1/N))/q)`, 0 up to u = (1-q)^N: the quantile of T7.2 for scale 1."""
    return np.maximum(-np.log(-np.expm1(np.log(u) / positions) / active), 0.0)


def by_active_positions(active: Array, positions: int, value: Array) -> Array:
    """Mean of `value[m]` over the binomial number m of active positions, value of shape (N+1, ...)."""
    m = np.arange(positions + 1).reshape(-1, *(1,) * active.ndim)
    weight = stats.binom.pmf(m, positions, active)
    return np.sum(weight * value.reshape(positions + 1, -1, *(1,) * active.ndim)[:, 0], axis=0)


def gumbel_error(active: Array, positions: float) -> tuple[Array, Array]:
    """Largest errors of the Gumbel law ln(Nq), 1 of zero-inflated exponentials: at z >= 0, and below 0."""
    limit, exact = Gumbel(np.log(positions * active), np.ones(active.shape)), zero_inflated(active)
    y = np.geomspace(1e-3, 60.0, 4001)[:, None]  # y = N q exp(-z), fine where the error is largest
    z = np.maximum(np.log(positions * active / y), 0.0)
    gap = np.abs(limit.cdf(z) - MaximumLaw(exact, np.array(positions)).cdf(z))
    return np.max(gap, axis=0), limit.cdf(np.zeros(active.shape))


def gumbel_bend(x: Array) -> Array:
    """`x^2 Lambda'(x)/2`, Lambda the standard Gumbel law: the shape of the leading error, per unit of r'."""
    return np.asarray(x**2 * _STANDARD.pdf(x) / 2)


def reciprocal_hazard_slope(law: Distribution, z: Array) -> Array:
    """r' in closed form, of the two models of an activation."""
    r = law.sf(z) / law.pdf(z)
    if isinstance(law, ZeroInflatedGamma):
        return np.asarray(-1 - r * ((law.shape - 1) / z - 1 / law.scale))
    assert isinstance(law, RectifiedNormal)
    return np.asarray(-1 + r * (z - law.location) / law.scale**2)


def textbook_constants(active: Array, shape: Array, log_positions: float) -> tuple[Array, Array]:
    """Location and scale for gamma tails of scale 1 in closed form, as tables of limits give them."""
    far = log_positions + np.log(active)
    return far + (shape - 1) * np.log(far) - special.gammaln(shape), np.ones(shape.shape)


def _tails() -> tuple[Distribution, ...]:
    """Gamma tails lighter and heavier than exponential, and normal ones."""
    shape = np.array([0.3, 0.5, 2.0, 4.0])
    return ZeroInflatedGamma(np.array([0.3, 1.0, 0.6, 0.1]), shape, np.full(4, 0.7)), RectifiedNormal(
        np.array([-1.0, 0.5]), np.array([1.0, 2.0])
    )


def _standardised(law: Distribution, positions: float, x: Array) -> Array:
    limit = maximum_gumbel(law, positions)
    return MaximumLaw(law, np.array(positions)).cdf(limit.location + x[:, None] * limit.scale)


@equation("T7.1", "P(Z <= z) = F_A(z)^N; an atom at v gets F_A(v)^N - F_A(v-)^N", chapter=_CHAPTER)
def _law() -> Evidence:
    masses = np.array([0.5, 0.3, 0.2])
    outcomes = list(product(range(3), repeat=5))
    listed = np.zeros(3)
    np.add.at(listed, [max(o) for o in outcomes], [np.prod(masses[list(o)]) for o in outcomes])
    errors = [absolute_error(power_masses(masses, 5), listed)]
    z = np.array([0.0, 0.4, 1.0, 3.0])[:, None]
    for n in (1, 9, 49):
        law = MaximumLaw(zero_inflated(_Q, 1.7, 0.8), np.array(n))
        inside = special.gammainc(1.7, z[:, 0] / 0.8) ** np.arange(n + 1)[:, None]
        mixed = np.stack([by_active_positions(_Q, n, inside[:, k]) for k in range(4)])
        errors.append(absolute_error(law.cdf(z), mixed))
        errors.append(absolute_error(law.atoms()[0].mass, mixed[0]))
    detail = "all outcomes of five positions; sum over the number of active positions, N = 1 to 49"
    return Evidence(max(errors), 1e-12, detail)


@equation("T7.2", "a = 1: quantile -theta ln((1 - u^(1/N))/q), 0 for u <= (1-q)^N", chapter=_CHAPTER)
def _quantile() -> Evidence:
    u = np.array([1e-6, 0.02, 0.3, 0.9, 1 - 1e-6])[:, None]
    errors = []
    for n in (1, 16, 200):
        law = MaximumLaw(zero_inflated(_Q, 1.0, 2.0), np.array(n))
        closed = 2 * exponential_quantile(u, _Q, n)
        errors.append(absolute_error(closed, law.quantile(u, method="numeric")))
        errors.append(violation(u, law.cdf(closed) + 1e-12))
        errors.append(violation(closed * (u <= (1 - _Q) ** n), 0.0))
    return Evidence(max(errors), 1e-7, "root of the cdf, u 1e-6 to 1 - 1e-6, q 0.02 to 1, N = 1 to 200")


@equation("T7.3", "a = 1: E Z = theta sum_{k<=N} g_k, g_k = (1 - (1-q)^k)/k", chapter=_CHAPTER)
def _mean() -> Evidence:
    errors = []
    for n in (1, 16, 200):
        (mean,) = exponential_maximum_moments(_Q, 2.0, n, orders=1)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
        errors.append(relative_error(mean, 2 * by_active_positions(_Q, n, harmonic)))
        errors.append(relative_error(mean, MaximumLaw(zero_inflated(_Q, 1.0, 2.0), np.array(n)).moment(1)))
    detail = "quadrature; harmonic numbers mixed over the number of active positions, N = 1 to 200"
    return Evidence(max(errors), 1e-9, detail)


@equation("T7.4", "a = 1: E Z^r = r! theta^r S_r(N), S_r(N) = sum_{k<=N} S_{r-1}(k)/k", chapter=_CHAPTER)
def _moments() -> Evidence:
    errors = []
    for n in (1, 16, 200):
        closed = exponential_maximum_moments(_Q, 2.0, n, orders=4)
        law = MaximumLaw(zero_inflated(_Q, 1.0, 2.0), np.array(n))
        errors += [relative_error(closed[r - 1], law.moment(r)) for r in (2, 3, 4)]
        k = np.arange(1, n + 1)
        first, second = (np.concatenate([[0.0], np.cumsum(1.0 / k**p)]) for p in (1, 2))
        errors.append(relative_error(closed[1], 4 * by_active_positions(_Q, n, first**2 + second)))
    return Evidence(max(errors), 1e-8, "quadrature, r = 2, 3, 4, q 0.02 to 1, N = 1 to 200")


@equation("T7.5", "q = 1: Z is a sum of E_k/k; mean theta H_N, variance theta^2 sum 1/k^2", chapter=_CHAPTER)
def _harmonic() -> Evidence:
    errors = []
    for n in (2, 9, 49):
        k = np.arange(1.0, n + 1)
        law = MaximumLaw(zero_inflated(1.0), np.array(n))
        spacings, z = WeightedGammaSum(1 / k, np.ones(n), np.ones(n)), law.quantile([0.01, 0.3, 0.8, 0.999])
        mean, second = exponential_maximum_moments(1.0, 1.0, n)
        errors += [
            absolute_error(spacings.cdf(z), law.cdf(z)),
            relative_error(mean, np.sum(1 / k)),
            relative_error(second - mean**2, np.sum(1 / k**2)),
            relative_error(law.var(), np.sum(1 / k**2)),
        ]
    return Evidence(max(errors), 1e-9, "the sum's law by inversion, variance by quadrature, N = 2, 9, 49")


@equation(
    "T7.6", "a = 1: Gumbel error at most 1/(eN), N times it -> 2/e^2, and exp(-Nq) below 0", chapter=_CHAPTER
)
def _gumbel_error() -> Evidence:
    errors = []
    for n in (1, 2, 9, 49, 1000, 10**6):
        above, below = gumbel_error(_Q, n)
        errors += [violation(above, 1 / (np.e * n)), absolute_error(below, np.exp(-n * _Q))]
        if n >= 49:
            far = n * _Q[_Q * n > 2.5]
            expected = 2 * np.exp(-2) * (1 + 1 / (3 * n))
            errors.append(absolute_error(n * above[-len(far) :], expected) * 1e-6 / (1e-5 + 1 / n**2))
    detail = "4001 points, q 0.02 to 1, N = 1 to 10^6; second order 2/e^2 (1 + 1/(3N))"
    return Evidence(max(errors), 1e-6, detail)


@equation("T7.7", "r' -> 0: (Z - b)/r(b) tends to Gumbel, P(A > b) = 1/N, r = (1 - F)/f", chapter=_CHAPTER)
def _von_mises() -> Evidence:
    x, errors = np.linspace(-3, 12, 301), []
    for law in _tails():
        path = [
            np.max(np.abs(_standardised(law, n, x) - _STANDARD.cdf(x)[:, None]), axis=0)
            for n in (1e3, 1e8, 1e30, _HUGE)
        ]
        errors += [path[-1].max(), *(violation(b, a) for a, b in pairwise(path))]
    t, a = 7.0, 2.6
    by_parts = integrate.quad(lambda v: (1 + v / t) ** (a - 1) * np.exp(-v), 0, np.inf)[0]
    errors.append(abs(special.gammaincc(a, t) / stats.gamma.pdf(t, a) - by_parts))
    return Evidence(max(errors), 3e-4, "largest error at N = 10^250, falling from N = 1000 on, six laws")


@equation(
    "T7.8",
    "error of the Gumbel law -r'(b) x^2 Lambda'(x)/2 + o(r'): shape r'(b) removes it",
    chapter=_CHAPTER,
)
def _penultimate() -> Evidence:
    x, errors = np.linspace(-2.5, 9, 231), []
    for law in _tails():
        bent = maximum_extreme_value(law, _HUGE)
        slope = reciprocal_hazard_slope(law, bent.location)
        exact = _standardised(law, _HUGE, x)
        gap = exact - _STANDARD.cdf(x)[:, None]
        rest = exact - bent.cdf(bent.location + x[:, None] * bent.scale)
        errors += [
            absolute_error(gap / slope, -gumbel_bend(x)[:, None]),
            absolute_error(rest / slope, 0.0),
            relative_error(bent.shape, slope),
        ]
    return Evidence(max(errors), 0.02, "in units of r', N = 10^250, four gamma and two normal tails")


@equation(
    "T7.9", "textbook constants miss by (a-1)((a-1) ln L + 1 - ln Gamma(a))/L, L = ln(Nq)", chapter=_CHAPTER
)
def _textbook() -> Evidence:
    active, shape = np.array([0.3, 1.0, 0.6, 0.1]), np.array([0.3, 0.5, 2.0, 4.0])
    law = zero_inflated(active, shape)
    ours = maximum_gumbel(law, _HUGE)
    far = np.log(_HUGE) + np.log(active)
    location, scale = textbook_constants(active, shape, float(np.log(_HUGE)))
    leading = (shape - 1) * ((shape - 1) * np.log(far) + 1 - special.gammaln(shape)) / far
    unit = (np.log(far) / far) ** 2
    errors = [
        absolute_error((ours.location - location - leading) / unit, 0.0) / 10,
        absolute_error((ours.scale - scale - (shape - 1) / far) / unit, 0.0) / 10,
        relative_error((ours.location - location) / leading, 1.0) * 10,
    ]
    return Evidence(max(errors), 1.0, "in units of 10 (ln L/L)^2, and a tenth of the term itself, N = 10^250")


@equation("T7.10", "a ceiling hit with probability p: atom 1 - (1-p)^N, no limit law", chapter=_CHAPTER)
def _no_limit() -> Evidence:
    law, top = zero_inflated(0.4, 1.0, 2.0), 6.0
    p, errors = float(law.sf(top)), []
    for n in (9, 49, 500):
        exact = MaximumLaw(law, np.array(n))
        jump = 1 - (1 - p) ** n
        errors.append(absolute_error(exact.sf(top), jump))
        # The cdf of the clipped maximum beside the ceiling, against Gumbel laws of all kinds.
        location, scale = np.meshgrid(np.linspace(-5, 15, 60), np.geomspace(0.01, 10, 60))
        at_top = Gumbel(location, scale).cdf(top)
        worst = np.maximum(np.abs(at_top - 1), np.abs(at_top - (1 - jump)))
        errors.append(violation(jump / 2, worst))
    return Evidence(max(errors), 1e-12, "clipping the maximum instead; 3600 Gumbel laws, N = 9, 49, 500")
