"""Checks of chapter T8: generalised means, L_p norms and log-sum-exp, their laws and their moments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from aggdist.aggregation import (
    MaximumLaw,
    delta_generalised_mean_cumulants,
    delta_log_sum_exp_cumulants,
    exponential_cumulants,
    generalised_mean_cumulants,
    generalised_mean_trust,
    log_sum_exp_cumulants,
    pool,
    pooled_law,
    power_cumulants,
)
from aggdist.distributions import (
    BinomialGamma,
    Distribution,
    Exponential,
    Gamma,
    GeneralisedGamma,
    RectifiedNormal,
    ZeroInflatedGamma,
    gamma_ratio,
)
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "08_generalised_mean_pooling"
_MODE = float(1 / np.sqrt(2 * np.pi))
_ONE = np.array(1.0)


def _maps(seed: int) -> Array:
    """300 maps of 12 positions, of which about a third are 0, and the first never is."""
    rng = np.random.default_rng(seed)
    alive = rng.random((300, 1, 12)) < np.where(np.arange(12) > 0, 0.65, 1.0)
    return np.asarray(rng.gamma(0.7, 2.0, alive.shape) * alive)


def _information(weights: Array) -> Array:
    """Kullback-Leibler divergence of the weights along the last axis from equal ones."""
    return np.asarray(np.log(weights.shape[-1]) - np.sum(special.entr(weights), axis=-1))


def _slope(maps: Array, name: str, at: float) -> Array:
    """Central difference of the pooled feature in its parameter, p or r, extrapolated once."""
    near, far = (
        (pool(maps, name, at + h, r=at + h) - pool(maps, name, at - h, r=at - h)) / (2 * h)
        for h in (1e-3, 2e-3)
    )
    return np.asarray((4 * near - far) / 3)


@equation("T8.1", "d log GeM/dp = KL(w || uniform)/p^2, d log L_p/dp = -H(w)/p^2", chapter=_CHAPTER)
def _slopes() -> Evidence:
    maps, errors = _maps(1), []
    for p in (1.5, 3.0, 8.0):
        weights = maps**p / np.sum(maps**p, axis=-1, keepdims=True)
        information = _information(weights) / p**2
        entropy = np.sum(special.entr(weights), axis=-1) / p**2
        errors.append(absolute_error(_slope(maps, "gem", p) / pool(maps, "gem", p), information))
        errors.append(absolute_error(_slope(maps, "lp", p) / pool(maps, "lp", p), -entropy))
        weights = special.softmax(p * maps, axis=-1)
        errors.append(absolute_error(_slope(maps, "lse", p), _information(weights) / p**2))
    return Evidence(max(errors), 1e-8, "numerical derivatives, 300 maps, p 1.5 to 8; also log-sum-exp")


@equation("T8.2", "average <= GeM <= max, increasing in p; GeM >= N^(-1/p) max", chapter=_CHAPTER)
def _power_means() -> Evidence:
    maps, powers = _maps(2), (1.0, 1.3, 2.0, 5.0, 20.0, 400.0)
    values = [pool(maps, "gem", p) for p in powers]
    largest = maps.max(axis=-1)
    errors = [absolute_error(values[0], maps.mean(axis=-1)), violation(values[-1], largest * (1 + 1e-12))]
    for (p, low), (s, high) in pairwise(zip(powers, values, strict=True)):
        errors.append(violation(low, high))
        errors.append(violation(high, low * 12 ** (1 / p - 1 / s) * (1 + 1e-12)))
        errors.append(violation(largest * 12 ** (-1 / s), high * (1 + 1e-12)))
    single = np.eye(12)[:1, None] * 3.0
    errors += [absolute_error(pool(single, "gem", p), 3 * 12 ** (-1 / p)) for p in powers]
    return Evidence(max(errors), 1e-12, "300 maps, p 1 to 400; equality for one active position")


@equation("T8.3", "max - ln(N)/r <= log-sum-exp <= max, at least the average", chapter=_CHAPTER)
def _log_sum_exp_bounds() -> Evidence:
    maps, errors = _maps(3), []
    average, largest = maps.mean(axis=-1), maps.max(axis=-1)
    for r in (0.01, 0.5, 3.0, 100.0):
        value = pool(maps, "lse", r=r)
        errors += [violation(average, value + 1e-12), violation(value, largest + 1e-12)]
        errors.append(violation(largest - np.log(12) / r, value + 1e-12))
        if r <= 3:
            errors.append(absolute_error(value, np.log(pool(np.exp(maps), "gem", r)) if r >= 1 else value))
        between = pool((maps + maps[::-1]) / 2, "lse", r=r)
        errors.append(violation(between, (value + value[::-1]) / 2 + 1e-12))
    spread = pool(np.array([[[700.0] + [0.0] * 11]]), "lse", r=1.0)
    errors.append(absolute_error(spread, 700.0 - np.log(12)))
    return Evidence(max(errors), 1e-11, "300 maps, r 0.01 to 100; convexity; one active position")


@equation("T8.4", "A^p under T2: inner shape N/(G/q - 1), and R from gamma functions", chapter=_CHAPTER)
def _powers() -> Evidence:
    active, shape = (v.ravel() for v in np.meshgrid([0.1, 0.6, 1.0], [0.3, 1.0, 4.0]))
    law, errors = ZeroInflatedGamma(active, shape, np.full(9, 0.7)), []
    for p in (1.0, 2.0, 3.5):
        m = [law.moment(j * p, method="numeric") for j in (1, 2, 3)]
        var, third = m[1] - m[0] ** 2, m[2] - 3 * m[0] * m[1] + 2 * m[0] ** 3
        trust = generalised_mean_trust(law, 49, p)
        growth = special.poch(shape + p, p) / special.poch(shape, p)
        errors.append(relative_error(49 / (growth / active - 1), 49 * m[0] ** 2 / var))
        errors.append(relative_error(trust.shape, 49 * m[0] ** 2 / var))
        errors.append(absolute_error(trust.ratio, gamma_ratio(m[0], var, third)))
    return Evidence(max(errors), 1e-7, "moments by quadrature, active 0.1 to 1, shape 0.3 to 4, p 1 to 3.5")


@equation(
    "T8.5",
    "inner Gamma(k, s): Z generalised gamma of d = p k, scale s^(1/p)",
    chapter=_CHAPTER,
)
def _stacy() -> Evidence:
    errors, z = [], np.linspace(0.05, 2.5, 50)
    for k, s, p in ((0.8, 1.3, 2.0), (6.0, 0.2, 3.0), (40.0, 0.02, 7.0)):
        law = GeneralisedGamma.from_gamma_power(k, s, p)
        errors.append(absolute_error(law.cdf(z), stats.gamma.cdf(z**p, k, scale=s)))
        errors.append(absolute_error(law.pdf(z), p * z ** (p - 1) * stats.gamma.pdf(z**p, k, scale=s)))
        inner = Gamma(np.array(k), np.array(s))
        errors.append(relative_error(law.mean(), inner.moment(1 / p, method="numeric")))
    weibull = GeneralisedGamma(np.array(1.4), np.array(3.0), np.array(3.0))
    exact = pooled_law(weibull, 49, "gem", p=3.0)
    rng = np.random.default_rng(5)
    draws = pool(weibull.sample(rng, (20_000, 1, 49)), "gem", 3.0)[:, 0]
    errors.append(violation(stats.kstest(draws, exact.cdf).statistic, 2.0 / np.sqrt(len(draws))))
    return Evidence(
        max(errors), 1e-8, "scipy's gamma law, moments by quadrature; pooled Weibull maps simulated"
    )


def sparse_ratio(shape: float | Array, p: float | Array) -> Array:
    """rho(p), the limit of R(A^p) for q -> 0: half the third moment times the first over the second squared."""
    g = special.gammaln
    a, s = np.asarray(shape, float), np.asarray(p, float)
    return np.asarray(0.5 * np.exp(g(a + 3 * s) + g(a + s) - 2 * g(a + 2 * s)))


@equation("T8.6", "R(A^p) -> rho(p) as q -> 0 or p -> inf; rho increases without bound", chapter=_CHAPTER)
def _growing_ratio() -> Evidence:
    p = np.linspace(0.5, 40.0, 400)[:, None]
    shapes = np.array([0.05, 0.4, 1.0, 3.0, 20.0])
    rho = sparse_ratio(shapes, p)
    errors = [violation(rho[:-1], rho[1:]), violation(1e3, rho[-1])]
    for power in (1.0, 2.0, 6.0):
        law = ZeroInflatedGamma(np.full(5, 1e-7), shapes, np.ones(5))
        errors.append(
            1e-3 * relative_error(generalised_mean_trust(law, 49, power).ratio, sparse_ratio(shapes, power))
        )
    dense = ZeroInflatedGamma(np.ones(5), shapes, np.ones(5))
    ratios = [
        (generalised_mean_trust(dense, 1, s).ratio, sparse_ratio(shapes, s)) for s in (20.0, 30.0, 40.0)
    ]
    gaps = [np.abs(ratio / limit - 1) for ratio, limit in ratios]
    errors += [violation(gaps[1], gaps[0]), violation(gaps[2], gaps[1]), violation(gaps[2], 1e-3)]
    return Evidence(max(errors), 1e-8, "shapes 0.05 to 20, p 0.5 to 40; q = 1e-7, and q = 1 for growing p")


def inner_cdf(active: float, positive: GeneralisedGamma, kappa: Array, positions: int, x: Array) -> Array:
    """P(Y <= kappa_1 + x std) for the inner mean Y, by inversion of its characteristic function (Gil-Pelaez).

    One inner variable is 0 with probability 1 - active, else has the law `positive` (a single law).
    """
    std = np.sqrt(kappa[1] / positions)
    t = (np.arange(120) + 0.5) * 0.1
    one = 1 - active + active * positive.cf(t / std / positions)
    cf = np.exp(positions * np.log(one) - 1j * t * kappa[0] / std)
    return np.asarray(0.5 - np.sum((np.exp(-1j * x[:, None] * t) * cf).imag / t, axis=1) * 0.1 / np.pi)


def sup_errors(active: float, positive: GeneralisedGamma, p: float, positions: int) -> Array:
    """Largest errors of the generalised gamma, the gamma and the normal law of Z, the last two by the delta method."""
    raw = np.array([active * float(positive.moment(j)) for j in (1, 2, 3)])
    kappa = np.array([raw[0], raw[1] - raw[0] ** 2, raw[2] - 3 * raw[0] * raw[1] + 2 * raw[0] ** 3])
    x = np.linspace(-5.0, 6.0, 1101)
    exact = inner_cdf(active, positive, kappa, positions, x)
    z = np.maximum(kappa[0] + x * np.sqrt(kappa[1] / positions), 0.0) ** (1 / p)
    shape = positions * kappa[0] ** 2 / kappa[1]
    mean, var = delta_generalised_mean_cumulants(kappa[:2], positions, p)
    laws = [
        stats.gengamma.cdf(z, shape, p, scale=(kappa[0] / shape) ** (1 / p)),
        stats.gamma.cdf(z, mean**2 / var, scale=var / mean),
        stats.norm.cdf(z, mean, np.sqrt(var)),
    ]
    return np.array([np.max(np.abs(law - exact)) for law in laws])


@equation("T8.7", "errors |R-1|, |R-3/2+1/(2p)|, |R-3/2+3/(2p)| times phi(0)/(3 sqrt k)", chapter=_CHAPTER)
def _three_errors() -> Evidence:
    errors = []
    for active, a, p in ((1.0, 1.0, 2.0), (0.5, 3.0, 3.0), (0.7, 8.0, 2.0), (1.0, 4.0, 3.0)):
        positive = GeneralisedGamma(_ONE, np.array(a / p), np.array(1 / p))
        trust = generalised_mean_trust(ZeroInflatedGamma(np.array(active), np.array(a), _ONE), 1, p)
        leading = np.array([trust.generalised_gamma_error, trust.gamma_error, trust.normal_error])
        # Where |x^2 - 1| phi(x) is largest the next term vanishes; the one after it is extrapolated away.
        once, again = (np.sqrt(n) * sup_errors(active, positive, p, n) for n in (40_000, 160_000))
        unit = _MODE / 3 / float(np.sqrt(trust.shape))
        errors.append(absolute_error((4 * again - once) / 3, leading) / unit)
    return Evidence(max(errors), 0.001, "in units of R, inversion at N = 40000 and 160000, four laws")


@equation("T8.8", "delta method: mean, variance and third cumulant of Z to leading orders", chapter=_CHAPTER)
def _delta_method() -> Evidence:
    errors = []
    for law, p in ((Exponential(_ONE), 2.0), (RectifiedNormal(np.array(0.5), _ONE), 3.0)):
        n = np.array([400.0, 800.0])
        exact = generalised_mean_cumulants(law, n, p)
        delta = delta_generalised_mean_cumulants(power_cumulants(law, p)[:, None], n, p)
        # Errors of the order N^-2 fall to a quarter.
        ratio = (exact - delta)[:, 1] / (exact - delta)[:, 0]
        errors.append(absolute_error(ratio, [0.25, 0.25]))
    half = RectifiedNormal(np.array(0.0), _ONE)  # squared it is zero-inflated gamma
    inner = BinomialGamma(*(np.array(v) for v in (0.5, 0.5, 2.0, 3000.0)))
    m = [inner.moment(j / 2, method="numeric") for j in (1, 2, 3)]
    third = m[2] - 3 * m[0] * m[1] + 2 * m[0] ** 3
    delta = delta_generalised_mean_cumulants(power_cumulants(half, 2.0, 3), 3000, 2.0)
    errors.append(relative_error(delta[2], third))
    return Evidence(max(errors), 0.02, "error at N = 800 over that at 400, less 1/4; third at N = 3000")


@equation("T8.9", "E W^b = int u^(j-b-1) E[W^j exp(-uW)] du/Gamma(j-b): exact moments of Z", chapter=_CHAPTER)
def _exact_moments() -> Evidence:
    errors = []
    for law in (ZeroInflatedGamma(np.array(0.3), np.array(0.6), _ONE), RectifiedNormal(np.array(-0.5), _ONE)):
        for p in (1.3, 4.0):
            errors.append(relative_error(generalised_mean_cumulants(law, 1, p), [law.mean(), law.var()]))
    weibull = GeneralisedGamma(np.array(1.4), np.array(2.0), np.array(2.5))
    exact = pooled_law(weibull, 16, "gem", p=2.5)
    errors.append(relative_error(generalised_mean_cumulants(weibull, 16, 2.5), [exact.mean(), exact.var()]))
    inner = BinomialGamma(*(np.array(v) for v in (0.5, 0.5, 2.0, 16.0)))
    root = inner.moment(0.5, method="numeric")
    value = generalised_mean_cumulants(RectifiedNormal(np.array(0.0), _ONE), 16, 2.0)
    errors.append(relative_error(value, [root, inner.mean() - root**2]))
    return Evidence(max(errors), 1e-6, "one position; Weibull maps; squares of rectified normals, by T3")


@equation("T8.10", "log-sum-exp by delta: E exp(jrA) finite iff j r theta < 1 (T2)", chapter=_CHAPTER)
def _exponential_moments() -> Evidence:
    errors, r, n = [], 0.13, np.array([2000.0, 4000.0])
    x, weight = special.roots_laguerre(100)
    for law in (ZeroInflatedGamma(np.array(0.4), _ONE, _ONE), Exponential(_ONE)):
        active = float(1 - law.cdf(0.0))
        raw = [1 - active + active * float(np.sum(weight * np.exp(j * r * x))) for j in (1, 2)]
        kappa = exponential_cumulants(law, r)
        errors.append(relative_error(kappa, [raw[0], raw[1] - raw[0] ** 2]))
        gap = log_sum_exp_cumulants(law, n, r) - delta_log_sum_exp_cumulants(kappa[:, None], n, r)
        errors.append(violation(np.abs(gap) * n**2, [[2.0], [10.0]]))
    # Tails: the truncated moment stays below its limit under the condition, and grows without bound beyond it.
    ends = np.array([50.0, 100.0, 200.0])
    for j, r_theta in ((1, 0.9), (2, 0.45), (2, 0.55), (3, 0.4)):
        growth = np.diff(-np.expm1(-(1 - j * r_theta) * ends) / (1 - j * r_theta))
        errors.append(
            violation(growth[1], growth[0]) if j * r_theta < 1 else violation(2 * growth[0], growth[1])
        )
    return Evidence(max(errors), 1e-7, "Gauss-Laguerre; exact moments at N = 2000, 4000; truncated tails")


@equation("T8.11", "E log(1+W) = int (1 - L(s)) exp(-s) ds/s, and its second moment", chapter=_CHAPTER)
def _exact_log_moments() -> Evidence:
    errors = []
    for law in (ZeroInflatedGamma(np.array(0.3), np.array(0.6), _ONE), RectifiedNormal(np.array(-0.5), _ONE)):
        for r in (0.3, 3.0):  # the second has no exponential moment under the gamma tail
            errors.append(relative_error(log_sum_exp_cumulants(law, 1, r), [law.mean(), law.var()]))
    x, weight = special.roots_laguerre(60)
    pair = np.logaddexp(x[:, None] / 2, x / 2) * 2 - 2 * np.log(2)  # r = 1/2, two exponentials
    mean = weight @ pair @ weight
    expected = [mean, weight @ pair**2 @ weight - mean**2]
    errors.append(relative_error(log_sum_exp_cumulants(Exponential(_ONE), 2, 0.5), expected))
    return Evidence(max(errors), 1e-6, "one position; two exponential positions by Gauss-Laguerre quadrature")


@equation("T8.12", "p -> inf: exact moments tend to those of the maximum, Stacy's law to 0", chapter=_CHAPTER)
def _large_powers() -> Evidence:
    law: Distribution = ZeroInflatedGamma(np.array(0.4), _ONE, _ONE)
    largest, errors = MaximumLaw(law, np.array(9)).mean(), []
    for p in (3.0, 6.0, 12.0):
        mean = generalised_mean_cumulants(law, 9, p)[0]
        errors += [violation(largest * 9 ** (-1 / p), mean), violation(mean, largest)]
    small = [pooled_law(law, 9, "gem", method="generalised_gamma", p=p).cdf(0.01) for p in (3.0, 6.0, 12.0)]
    errors += [violation(small[0], small[1]), violation(small[1], small[2]), violation(0.999, small[2])]
    return Evidence(max(errors), 1e-7, "N = 9, p 3 to 12: N^(-1/p) E max <= E Z <= E max; Stacy at 0.01")
