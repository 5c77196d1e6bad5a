"""Checks of chapter T2: the zero-inflated gamma activation."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from aggdist.distributions import Exponential, Gamma, RectifiedNormal, ZeroInflatedGamma
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "02_zero_inflated_gamma"
_SPREAD = "active 0.02 to 1, shape 0.05 to 40, scale 0.1 to 7"


def _law(active: ArrayLike, shape: ArrayLike, scale: ArrayLike) -> ZeroInflatedGamma:
    return ZeroInflatedGamma(np.asarray(active), np.asarray(shape), np.asarray(scale))


def _laws() -> ZeroInflatedGamma:
    """Sixty laws over a wide range of parameters, the limits q = 1 and a = 1 among them."""
    active, shape, scale = np.meshgrid([0.02, 0.3, 0.9, 1.0], [0.05, 0.5, 1.0, 3.0, 40.0], [0.1, 1.0, 7.0])
    return ZeroInflatedGamma(active.ravel(), shape.ravel(), scale.ravel())


def _log_grid(law: ZeroInflatedGamma, step: float) -> tuple[Array, Array]:
    """Points and masses of a trapezium rule in log A for the positive part, each of shape (points, *batch).

    There the integrand is analytic and decays at both ends, so that the rule converges exponentially, poles
    of the density included, for functions that are of the order x^0.5 or smaller near 0.
    """
    x = law.scale * np.exp(np.arange(-75.0, 6.5, step))[:, None]
    return x, law.pdf(x) * x * step


@equation("T2.1", "E[A^r] = q theta^r Gamma(a+r)/Gamma(a) for r > 0", chapter=_CHAPTER)
def _moments() -> Evidence:
    law = _laws()
    x, mass = _log_grid(law, 0.05)
    errors = []
    for r in (0.5, 1.0, 2.0, 3.0, 4.0):
        numeric = np.sum(mass * x**r, axis=0)
        printed = (
            law.active * law.scale**r * np.exp(special.gammaln(law.shape + r) - special.gammaln(law.shape))
        )
        errors += [relative_error(law.moment(r), numeric), relative_error(printed, numeric)]
    return Evidence(max(errors), 1e-10, f"against quadrature of the density, orders 0.5 to 4, {_SPREAD}")


def cumulant_polynomials(shape: float, highest: int) -> list[Polynomial]:
    """`P_1, ..., P_highest` with `kappa_r = theta^r P_r(q)`, by the recursion T2.2."""
    turnover = shape * Polynomial([0, 1, -1])
    found = [Polynomial([0, shape])]
    for r in range(1, highest):
        found.append(turnover * found[-1].deriv() + r * found[-1])
    return found


def _cumulants_by_contour(law: ZeroInflatedGamma, highest: int) -> Array:
    """Cumulants in units of scale^r from Cauchy's integral of log E exp(zA), shape (highest, *batch).

    On the circle `|z| = 0.4/(1 + a)` the logarithm has no singularity, so that the trapezium rule converges
    exponentially.
    """
    angle = 2 * np.pi * np.arange(64).reshape(-1, 1) / 64
    radius = 0.4 / (1 + law.shape)
    grown = np.expm1(-law.shape * np.log(1 - radius * np.exp(1j * angle)))
    log_mgf = np.log(1 + law.active * grown)
    orders = range(1, highest + 1)
    return np.stack(
        [factorial(r) * np.mean(log_mgf * np.exp(-1j * r * angle), axis=0).real / radius**r for r in orders]
    )


@equation(
    "T2.2", "kappa_r = theta^r P_r(q) with P_1 = a q, P_{r+1} = a q (1-q) P_r' + r P_r", chapter=_CHAPTER
)
def _cumulant_recursion() -> Evidence:
    law, highest = _laws(), 6
    contour = _cumulants_by_contour(law, highest)
    errors = []
    by_shape = {a: cumulant_polynomials(a, highest) for a in np.unique(law.shape)}
    for r in range(1, highest + 1):
        size = law.moment(r) / law.scale**r
        printed = np.array([by_shape[a][r - 1](q) for a, q in zip(law.shape, law.active, strict=True)])
        for value in (printed, law.cumulant(r) / law.scale**r):
            errors.append(absolute_error(value / size, contour[r - 1] / size))
    detail = f"relative to E[A^r], against Cauchy's integral of log E exp(zA), orders 1 to 6, {_SPREAD}"
    return Evidence(max(errors), 1e-9, detail)


@equation(
    "T2.3",
    "kappa_1 = q a theta, kappa_2 = q a (1+x) theta^2, kappa_3 = q a (2(1+x)^2 - (a+1)x) theta^3, x = a(1-q)",
    chapter=_CHAPTER,
)
def _three_cumulants() -> Evidence:
    law = _laws()
    x, mean = law.shape * (1 - law.active), law.active * law.shape
    printed = (mean, mean * (1 + x), mean * (2 * (1 + x) ** 2 - (law.shape + 1) * x))
    errors = []
    for r, formula in enumerate(printed, start=1):
        size, numeric = law.moment(r), law.cumulant(r, method="numeric")
        errors.append(absolute_error(formula * law.scale**r / size, numeric / size))
        errors.append(absolute_error(law.cumulant(r) / size, numeric / size))
    detail = f"relative to E[A^r], against quadrature of central moments, {_SPREAD}"
    return Evidence(max(errors), 1e-10, detail)


@equation("T2.4", "E exp(itA) = 1 - q + q (1 - i theta t)^(-a)", chapter=_CHAPTER)
def _characteristic_function() -> Evidence:
    law = _laws()
    t = np.array([-8.0, -2.0, -0.1, 0.0, 0.7, 5.0])[:, None] / (law.scale * np.sqrt(law.shape))
    printed = 1 - law.active + law.active * (1 - 1j * law.scale * t) ** (-law.shape)
    # Minus 1, so that the integrand is small near 0; the atom and the density have the total mass 1.
    x, mass = _log_grid(law, 0.004)
    numeric = 1 + np.stack([np.sum(mass * np.expm1(1j * frequency * x), axis=0) for frequency in t])
    plain = np.abs(_law(1.0, law.shape, law.scale).cf(t) - Gamma(law.shape, law.scale).cf(t))
    one = _law(law.active, 1.0, law.scale).cf(t)
    rational = (1 - 1j * (1 - law.active) * law.scale * t) / (1 - 1j * law.scale * t)
    errors = [np.abs(printed - numeric), np.abs(law.cf(t) - numeric), plain, np.abs(one - rational)]
    detail = f"against quadrature of exp(itx), |t| up to 8/spread, and the limits q = 1 and a = 1, {_SPREAD}"
    return Evidence(max(absolute_error(e, 0.0) for e in errors), 1e-10, detail)


def _entropy_rivals() -> list[stats.rv_continuous]:
    """Positive laws of very different forms, some of them nearly exponential."""
    families = [stats.gamma(a) for a in (0.2, 0.5, 0.99, 1.01, 3.0, 30.0)]
    families += [stats.lognorm(s) for s in (0.3, 1.0, 2.0)] + [stats.weibull_min(c) for c in (0.6, 0.98, 2.0)]
    return [*families, stats.uniform(0.0, 2.0), stats.halfnorm(), stats.invgauss(1.0), stats.pareto(3.0)]


def _divergence_by_levels(law: stats.rv_continuous, other: Exponential) -> float:
    """KL(law || other) as an integral over probability levels, which no tail and no pole disturbs.

    Levels are `1/(1 + exp(v))` below and above; in v the integrand decays exponentially and the trapezium
    rule is exact to rounding.
    """
    v = np.linspace(0.0, 60.0, 6001)
    weight = special.expit(v) * special.expit(-v) * (v[1] - v[0])
    weight[0] /= 2
    points = (law.ppf(special.expit(-v)), law.isf(special.expit(-v)))
    return float(sum(np.sum(weight * (law.logpdf(x) - other.logpdf(x))) for x in points))


@equation(
    "T2.5", "a positive law of mean mu has entropy 1 + log mu - KL(law || Exponential(mu))", chapter=_CHAPTER
)
def _maximum_entropy() -> Evidence:
    errors, gaps = [], []
    for rival in _entropy_rivals():
        top = Exponential(np.asarray(rival.mean()))
        gaps.append(_divergence_by_levels(rival, top))
        errors.append(abs(float(top.entropy()) - float(rival.entropy()) - gaps[-1]))
    broken = violation(0.0, gaps)
    detail = f"{len(gaps)} positive laws against quadrature of the divergence, which must not be negative"
    return Evidence(max(*errors, broken), 1e-10, detail)


@equation("T2.6", "1/(2a) < log a - digamma(a) < 1/a, strictly decreasing", chapter=_CHAPTER)
def _log_digamma() -> Evidence:
    a = np.geomspace(1e-3, 1e4, 60)
    gap = np.log(a) - special.digamma(a)
    # Binet: the gap is 1/(2a) plus the integral of 2v/((a^2 + v^2)(exp(2 pi v) - 1)) over v > 0.
    step = 0.05
    v = np.exp(np.arange(-70.0, 3.0, step))[:, None]
    binet = np.sum(2 * v**2 / ((a**2 + v**2) * np.expm1(2 * np.pi * v)), axis=0) * step
    wrong = max(violation(1 / (2 * a), gap), violation(gap, 1 / a), violation(gap[1:], gap[:-1]))
    detail = "against Binet's integral for 60 shapes from 0.001 to 10,000, both bounds and the order"
    return Evidence(max(relative_error(gap, 1 / (2 * a) + binet), wrong), 1e-10, detail)


def _negative_log_likelihood(p: Array, sample: Array) -> float:
    """In the free parameters (logit q, log a, log(a theta)), per observation."""
    shape, mean = np.exp(p[1]), np.exp(p[2])
    law = _law(special.expit(p[0]), shape, mean / shape)
    positive = sample[sample > 0]
    silent = len(sample) - len(positive)
    return -float(np.sum(law.logpdf(positive)) + silent * np.log1p(-law.active)) / len(sample)


@equation(
    "T2.7",
    "maximum likelihood: q = n+/n, log a - digamma(a) = log mean - mean log, theta = mean/a",
    chapter=_CHAPTER,
)
def _maximum_likelihood() -> Evidence:
    rng = np.random.default_rng(27)
    errors = []
    for q, a, scale in ((0.05, 0.3, 2.0), (0.3, 1.0, 1.0), (0.6, 0.05, 10.0), (0.95, 40.0, 0.1)):
        sample = _law(q, a, scale).sample(rng, 2000)
        start = [0.0, 0.0, np.log(sample[sample > 0].mean())]
        options = {"xatol": 1e-8, "fatol": 1e-15, "maxiter": 4000}
        best = optimize.minimize(_negative_log_likelihood, start, (sample,), "Nelder-Mead", options=options)
        searched = [special.expit(best.x[0]), np.exp(best.x[1]), np.exp(best.x[2] - best.x[1])]
        fit = ZeroInflatedGamma.fit_mle(sample)
        errors.append(relative_error([fit.active, fit.shape, fit.scale], searched))
    detail = "against a direct search of the likelihood, four samples of 2000, shape 0.05 to 40"
    return Evidence(max(errors), 1e-5, detail)


def match_three_cumulants(mean: Array, var: Array, third: Array) -> ZeroInflatedGamma:
    """The zero-inflated gamma with these three cumulants (T2.8)."""
    c = var / mean**2
    w = (2 - mean * third / var**2) * c / (1 + c)
    w = np.where(np.abs(w) < 1e-12, 0.0, w)  # rounding may put a plain gamma on the wrong side of 0
    x = w / (1 - w)
    shape = x + (1 + x) / c
    active = 1 - x / shape
    return ZeroInflatedGamma(active, shape, mean / (active * shape))


@equation(
    "T2.8",
    "three cumulants of a non-negative law with kappa_1 kappa_3 <= 2 kappa_2^2 fix q, a and theta",
    chapter=_CHAPTER,
)
def _three_cumulants_identify() -> Evidence:
    law = _laws()
    again = match_three_cumulants(*(law.cumulant(r) for r in (1, 2, 3)))
    names = ("active", "shape", "scale")
    errors = [relative_error(getattr(again, name), getattr(law, name)) for name in names]
    # Other laws: quadrature must find their three cumulants in the law that was matched to them.
    others = (RectifiedNormal(np.array([-3.0, 0, 2]), np.ones(3)), Gamma(np.array([0.1, 2, 50]), np.ones(3)))
    for other in others:
        wanted = [other.cumulant(r) for r in (1, 2, 3)]
        matched = match_three_cumulants(*wanted)
        for r in (1, 2, 3):
            found, size = matched.cumulant(r, method="numeric"), wanted[1] ** (r / 2)
            errors.append(absolute_error(found / size, wanted[r - 1] / size))
    detail = f"there and back, {_SPREAD}, and by quadrature for rectified normals and gammas"
    return Evidence(max(errors), 1e-8, detail)


def clipped_moment(law: ZeroInflatedGamma, ceiling: float, r: float) -> Array:
    """E[min(A, ceiling)^r] in closed form (T2.9)."""
    level = ceiling / law.scale
    below = law.moment(r) * special.gammainc(law.shape + r, level)
    return np.asarray(below + ceiling**r * law.active * special.gammaincc(law.shape, level))


@equation(
    "T2.9",
    "E[min(A,b)^r] = E[A^r] P(a+r, b/theta) + b^r q Q(a, b/theta), P and Q the regularised incomplete gammas",
    chapter=_CHAPTER,
)
def _clipped_moments() -> Evidence:
    law, errors = _laws(), []
    for r in (1.0, 2.0, 3.0):
        printed = clipped_moment(law, 6.0, r)
        # Layer-cake formula: the integral of r x^(r-1) P(A > x) up to the ceiling, in log x for the poles.
        nodes, weights = np.polynomial.legendre.leggauss(60)
        edges = np.log(6.0) + np.linspace(-60.0, 0.0, 61)
        y = (edges[:-1, None] + (nodes + 1) * np.diff(edges)[:, None] / 2)[..., None]
        mass = weights[None, :, None] * np.diff(edges)[:, None, None] / 2
        layer = np.sum(mass * r * np.exp(r * y) * law.sf(np.exp(y)), axis=(0, 1))
        errors.append(relative_error(printed, layer))
    detail = f"ceiling 6, orders 1 to 3, against the integral of r x^(r-1) P(A > x), {_SPREAD}"
    return Evidence(max(errors), 1e-10, detail)
