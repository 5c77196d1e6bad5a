"""Checks of chapter T4: the ratio R, and the errors of the normal and of the gamma approximation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from aggdist.distributions import (
    BinomialGamma,
    Distribution,
    Gamma,
    Normal,
    RectifiedNormal,
    ShiftedGamma,
    ZeroInflatedGamma,
    gamma_ratio,
    rectified_normal_ratio,
    skewness_ratio,
    zero_inflated_gamma_ratio,
)
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "04_gamma_ratio"
NORMAL_MODE = float(1 / np.sqrt(2 * np.pi))
"""phi(0), the standard normal density at 0, the largest value of |x^2 - 1| phi(x)."""
HERMITE_TOP = float(np.sqrt(18 - 6 * np.sqrt(6)) * np.exp(-(3 - np.sqrt(6)) / 2) * NORMAL_MODE)
"""The largest value of |x^3 - 3x| phi(x), attained where x^2 = 3 - sqrt(6)."""


def _activations() -> tuple[Distribution, ...]:
    """Laws with R from below 0 to nearly 1; the batches are small, the spread of kinds is large."""
    active, shape = np.array([0.4, 0.9, 0.2, 0.5, 0.875]), np.array([1.7, 0.5, 1.0, 6.0, 8.0])
    return (
        ZeroInflatedGamma(active, shape, np.full(5, 0.7)),
        RectifiedNormal(np.array([-1.0, 0.0, 1.0]), np.full(3, 2.0)),
    )


def pooled_cdf(activation: Distribution, positions: int, z: Array) -> Array:
    """P((Z - mean)/std <= z) for the average Z of independent positions, by inversion of its cf.

    Gil-Pelaez's integral by the midpoint rule, z of shape (points,) to (points, *batch). The modulus of
    `cf(t/N)^N` must be negligible beyond 12 standard units, which takes some hundred positions.
    """
    mean, std = activation.mean(), activation.std() / np.sqrt(positions)
    t = (np.arange(120) + 0.5).reshape(-1, *(1,) * mean.ndim) * 0.1
    cf = np.exp(positions * np.log(activation.cf(t / std / positions)) - 1j * t * mean / std)
    wave = np.exp(-1j * z.reshape(-1, *(1,) * t.ndim) * t)
    return np.asarray(0.5 - np.sum((wave * cf).imag / t, axis=1) * 0.1 / np.pi)


def approximations(activation: Distribution, positions: int) -> tuple[Normal, Gamma, ShiftedGamma]:
    """Laws with mean and variance (the last: and third cumulant) of an average of independent positions."""
    mean, var, third = (activation.cumulant(r) / positions ** (r - 1) for r in (1, 2, 3))
    gammas = Gamma.fit_moments(mean, var), ShiftedGamma.fit_moments(mean, var, third)
    return Normal(mean, np.sqrt(var)), *gammas


def sup_errors(activation: Distribution, positions: int) -> list[Array]:
    """Largest errors of the cdfs of the three approximations of the average, each of the batch's shape."""
    z = np.linspace(-5.0, 6.0, 1101)
    exact = pooled_cdf(activation, positions, z)
    mean, std = activation.mean(), activation.std() / np.sqrt(positions)
    x = mean + z.reshape(-1, *(1,) * mean.ndim) * std
    return [np.max(np.abs(law.cdf(x) - exact), axis=0) for law in approximations(activation, positions)]


def _unit(activation: Distribution, positions: int) -> Array:
    """`(phi(0)/3) sqrt(kappa_2)/kappa_1 / sqrt(N)`: what |R| and |1 - R| are multiplied with."""
    return np.asarray(NORMAL_MODE / 3 * activation.std() / activation.mean() / np.sqrt(positions))


@equation("T4.1", "R = kappa_3 kappa_1/(2 kappa_2^2): skewness over that of the gamma", chapter=_CHAPTER)
def _definition() -> Evidence:
    errors = []
    for law in _activations():
        mean, var, third = (law.cumulant(r, method="numeric") for r in (1, 2, 3))
        matched = Gamma.fit_moments(mean, var)
        by_skewness = third / var**1.5 / matched.skewness(method="numeric")
        for value in (gamma_ratio(mean, var, third), skewness_ratio(law)):
            errors.append(absolute_error(value, by_skewness))
    detail = "skewnesses by quadrature, zero-inflated gammas and rectified normals, R -0.13 to 0.97"
    return Evidence(max(errors), 1e-9, detail)


@equation("T4.2", "R of an average of N independent positions of one law is free of N", chapter=_CHAPTER)
def _invariance() -> Evidence:
    rng = np.random.default_rng(42)
    masses = rng.dirichlet(np.ones(12), 4)
    errors = []
    for mass in masses:
        values = np.arange(12.0)
        expected, pooled = _ratio_of_masses(values, mass), mass
        for n in range(2, 33):
            pooled = np.convolve(pooled, mass)
            errors.append(absolute_error(_ratio_of_masses(np.arange(len(pooled)) / n, pooled), expected))
    law = BinomialGamma(np.array(0.3), np.array(1.4), np.array(2.0), np.array([1.0, 2.0, 5.0]))
    numeric = gamma_ratio(*(law.cumulant(r, method="numeric") for r in (1, 2, 3)))
    for value in (numeric, skewness_ratio(law)):
        errors.append(absolute_error(value, zero_inflated_gamma_ratio(0.3, 1.4)))
    detail = "convolutions of random laws on 12 values, N = 1 to 32; quadrature of pooled laws"
    return Evidence(max(errors), 1e-9, detail)


def _ratio_of_masses(values: Array, mass: Array) -> float:
    mean = float(values @ mass)
    var, third = ((values - mean) ** 2) @ mass, ((values - mean) ** 3) @ mass
    return float(third * mean / (2 * var**2))


@equation("T4.3", "zero-inflated gamma: R = 1 - (a+1) x/(2 (1+x)^2), x = a(1-q)", chapter=_CHAPTER)
def _under_zero_inflated_gamma() -> Evidence:
    active, shape = (v.ravel() for v in np.meshgrid([0.02, 0.3, 0.9, 1.0], [0.05, 0.5, 1.0, 3.0, 7.0, 40.0]))
    law = ZeroInflatedGamma(active, shape, np.full(active.shape, 0.3))
    numeric = gamma_ratio(*(law.cumulant(r, method="numeric") for r in (1, 2, 3)))
    one = zero_inflated_gamma_ratio(active, 1.0)
    errors = [
        relative_error(zero_inflated_gamma_ratio(active, shape), numeric),
        relative_error(one, (3 - 3 * active + active**2) / (2 - active) ** 2),
    ]
    detail = "cumulants by quadrature, active 0.02 to 1, shape 0.05 to 40; and a = 1"
    return Evidence(max(errors), 1e-8, detail)


@equation("T4.4", "R = 1 iff q = 1; infimum (a+2)/(2a+2) for a <= 1, minimum (7-a)/8 above", chapter=_CHAPTER)
def _range() -> Evidence:
    q = np.linspace(0.0, 1.0, 2001)[:, None]
    low, high = np.geomspace(0.01, 1.0, 12), np.geomspace(1.05, 100.0, 12)
    falling = zero_inflated_gamma_ratio(q[1:], low)
    errors = [
        violation(falling[:-1], falling[1:]),
        violation((low + 2) / (2 * (low + 1)), falling),
        absolute_error(zero_inflated_gamma_ratio(1e-9, low), (low + 2) / (2 * (low + 1))),
        absolute_error(zero_inflated_gamma_ratio(1.0, np.concatenate([low, high])), 1.0),
        violation(zero_inflated_gamma_ratio(q[1:-1], np.concatenate([low, high])), 1 - 1e-6),
    ]
    for a in high:
        lowest = optimize.minimize_scalar(
            lambda p, a=a: float(zero_inflated_gamma_ratio(p, a)), bounds=(0, 1), method="bounded"
        )
        there = float(zero_inflated_gamma_ratio(1 - 1 / a, a))
        errors += [abs(lowest.fun - (7 - a) / 8), abs(there - (7 - a) / 8)]
    return Evidence(max(errors), 1e-8, "search over q in [0, 1] for 24 shapes from 0.01 to 100")


@equation("T4.5", "rectified normal: R falls from 3/4 (d -> -inf) to 0 (d -> inf)", chapter=_CHAPTER)
def _under_rectified_normal() -> Evidence:
    d = np.linspace(-6.0, 6.0, 49)
    # Moments by the trapezium rule on a fine grid of the pre-activation, the kink at a node.
    u = np.linspace(0.0, 16.0, 40_001)[:, None]
    raw = [np.trapezoid(u**r * stats.norm.pdf(u - d), u, axis=0) for r in (1, 2, 3)]
    raw[0] = raw[0] + stats.norm.pdf(d) * u[1, 0] ** 2 / 12  # end correction of Euler and Maclaurin
    numeric = gamma_ratio(raw[0], raw[1] - raw[0] ** 2, raw[2] - 3 * raw[0] * raw[1] + 2 * raw[0] ** 3)
    value, far = rectified_normal_ratio(d), rectified_normal_ratio(np.array([-1e4, 8.0, 30.0]))
    dense = rectified_normal_ratio(np.linspace(-30.0, 12.0, 2001))
    limits = absolute_error(far, [0.75, 0, 0])
    errors = [absolute_error(value, numeric), limits, violation(dense[1:], dense[:-1])]
    detail = "moments by quadrature, d -6 to 6; both limits; order on 2001 points, d -30 to 12"
    return Evidence(max(errors), 1e-7, detail)


@equation("T4.6", "error of the normal: |R| (phi(0)/3) sqrt(kappa_2/N)/kappa_1 + O(1/N)", chapter=_CHAPTER)
def _error_of_normal() -> Evidence:
    errors = [
        absolute_error(sup_errors(law, 1600)[0] / _unit(law, 1600), np.abs(skewness_ratio(law)))
        for law in _activations()
    ]
    detail = "in units of R, law of Z by inversion at N = 1600, eight laws with R -0.13 to 0.97"
    return Evidence(max(errors), 0.005, detail)


@equation("T4.7", "error of the gamma: |1-R| (phi(0)/3) sqrt(kappa_2/N)/kappa_1 + O(1/N)", chapter=_CHAPTER)
def _error_of_gamma() -> Evidence:
    errors = [
        absolute_error(sup_errors(law, 1600)[1] / _unit(law, 1600), np.abs(1 - skewness_ratio(law)))
        for law in _activations()
    ]
    detail = "in units of R, law of Z by inversion at N = 1600, eight laws with R -0.13 to 0.97"
    return Evidence(max(errors), 0.005, detail)


@equation("T4.8", "the gamma law beats the normal iff R > 1/2", chapter=_CHAPTER)
def _gamma_beats_normal() -> Evidence:
    active, shape = (v.ravel() for v in np.meshgrid([0.25, 0.5, 0.75, 0.95], [0.5, 1.5, 3.0, 5.0, 9.0]))
    wrong = 0
    normals = RectifiedNormal(np.linspace(-1, 2, 25), np.ones(25))
    for law in (ZeroInflatedGamma(active, shape, np.ones(20)), normals):
        ratio = skewness_ratio(law)
        normal, gamma, _ = sup_errors(law, 900)
        decided = np.abs(ratio - 0.5) > 0.01
        wrong += int(np.sum(decided & ((gamma < normal) != (ratio > 0.5))))
    lowest = zero_inflated_gamma_ratio(np.linspace(0.001, 1, 1000), 3.0).min()
    broken = violation(0.5, lowest) + absolute_error(zero_inflated_gamma_ratio(2 / 3, 3.0), 0.5)
    detail = "laws on the wrong side at N = 900, of 45 with |R - 1/2| > 0.01; and a = 3"
    return Evidence(wrong + broken, 1e-12, detail)


@equation("T4.9", "error of shifted gamma: |gamma_2 - 3 gamma_1^2/2| max|x^3-3x|phi/(24N)", chapter=_CHAPTER)
def _three_cumulants() -> Evidence:
    errors = []
    for law in _activations():
        excess = np.abs(law.cumulant(4) / law.var() ** 2 - 1.5 * law.skewness() ** 2)
        # The next term is smaller by 1/sqrt(N): two sizes extrapolate it away.
        once, again = (n * sup_errors(law, n)[2] for n in (1600, 6400))
        errors.append(relative_error(2 * again - once, excess * HERMITE_TOP / 24))
    detail = "relative, against inversion, N = 1600 and 6400 extrapolated, eight laws"
    return Evidence(max(errors), 0.03, detail)


@equation("T4.10", "error of the gamma at least (1-q)^N, of the normal half of it", chapter=_CHAPTER)
def _atom_bounds() -> Evidence:
    active = np.array([0.001, 0.01, 0.05, 0.2])
    gaps = []
    for n in (9, 49):
        law = BinomialGamma(active, np.full(4, 1.3), np.ones(4), np.full(4, float(n)))
        x = law.mean() + np.linspace(-4, 8, 401)[:, None] * law.std()
        x = np.concatenate([np.zeros((1, 4)), np.maximum(x, 0.0)])
        exact, atom = law.cdf(x), np.exp(n * np.log1p(-active))
        gamma, normal = Gamma.fit_moments(law.mean(), law.var()), Normal(law.mean(), law.std())
        for other, share in ((gamma, 1.0), (normal, 0.5)):
            # At and above 0, and just below it, where the exact law has nothing.
            error = np.maximum(np.max(np.abs(exact - other.cdf(x)), axis=0), other.cdf(np.zeros(4)))
            gaps.append(violation(share * atom, error))
        gaps.append(absolute_error(law.cdf(np.zeros(4)), atom))
    return Evidence(max(gaps), 1e-12, "exact law of Z, active 0.001 to 0.2, N = 9 and 49")


def quantised_masses(law: Distribution, step: float, levels: int) -> Array:
    """Masses of `law` rounded to the nearest multiple of `step`, of which there are `levels`, 0 the first."""
    edges = (np.arange(levels - 1) + 0.5) * step
    return np.diff(np.concatenate([[0.0], law.cdf(edges), [1.0]]))


def convolved_masses(mass: Array, positions: int) -> Array:
    """Masses of the sum of independent positions, by a discrete Fourier transform without wrap-around."""
    length = (len(mass) - 1) * positions + 1
    spectrum = np.fft.rfft(mass, n=length)
    return np.asarray(np.maximum(np.fft.irfft(spectrum**positions, n=length), 0.0))


def lattice_errors(mass: Array, step: float, positions: int) -> tuple[float, float]:
    """Largest error of the matched gamma for a lattice law, without and with the continuity correction."""
    values = np.arange(float(len(mass))) * step
    mean = float(values @ mass)
    matched = Gamma.fit_moments(mean, ((values - mean) ** 2) @ mass / positions)
    exact = np.cumsum(convolved_masses(mass, positions))
    at = np.arange(len(exact)) * step / positions
    before = np.concatenate([[0.0], exact[:-1]])
    plain = max(np.max(np.abs(matched.cdf(at) - exact)), np.max(np.abs(matched.cdf(at) - before)))
    return float(plain), float(np.max(np.abs(matched.cdf(at + step / positions / 2) - exact)))


@equation("T4.11", "step h: error phi(0) h/(2 sqrt(kappa_2 N)) more, unless corrected", chapter=_CHAPTER)
def _lattice() -> Evidence:
    errors = []
    for active, shape, step in ((0.4, 1.7, 1.0), (0.8, 0.6, 0.5), (0.6, 6.0, 2.0)):
        mass = quantised_masses(ZeroInflatedGamma(*map(np.array, (active, shape, 1.0))), step, 64)
        values = np.arange(64.0) * step
        mean = float(values @ mass)
        std = float(np.sqrt(((values - mean) ** 2) @ mass))
        unit = NORMAL_MODE / 3 * std / mean / np.sqrt(1600)
        skewed = abs(1 - _ratio_of_masses(values, mass))
        plain, corrected = lattice_errors(mass, step, 1600)
        coarse = 1.5 * step * mean / std**2  # phi(0) h/(2 std sqrt(N)) in the same unit
        errors += [abs(plain / unit - skewed - coarse), abs(corrected / unit - skewed)]
    return Evidence(max(errors), 0.02, "in units of R, exact convolution at N = 1600, steps 0.5 to 2 scales")


@equation("T4.12", "the shifted gamma of Z ends at kappa_1 (1 - 1/R), whatever N", chapter=_CHAPTER)
def _end_point() -> Evidence:
    errors = []
    for law in _activations():
        ratio = skewness_ratio(law)
        end = law.mean() * (1 - 1 / ratio)
        for n in (1, 49, 10_000):
            shifted = approximations(law, n)[2]
            low, high = shifted.support()
            errors.append(relative_error(np.where(ratio > 0, low, high), end))
            # The density itself: positive just inside, zero just outside.
            hair = 1e-7 * (law.mean() - end)
            inside, outside = shifted.logpdf(end + hair), shifted.logpdf(end - hair)
            errors.append(0.0 if np.all(np.isfinite(inside) & np.isneginf(outside)) else np.inf)
    detail = "support and density of the fitted law, N = 1, 49, 10000, R -0.13 to 0.97"
    return Evidence(max(errors), 1e-9, detail)
