"""Checks of chapter T5: the sparse limit, its distance from the exact law, and what an atom changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from aggdist.distributions import (
    BinomialGamma,
    CompoundPoissonGamma,
    Gamma,
    Normal,
    ZeroInflatedGamma,
    skewness_ratio,
)
from aggdist.distributions.moments import cumulant_from_raw
from aggdist.divergence import kl_divergence
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.equations.t05_distances import (
    COUNTS,
    chen_bound,
    count_distance,
    gain_field,
    likelihood_fit,
    pooled_distance,
    second_difference,
    series_terms,
    smeared_distance,
    sup_distances,
)

Array = NDArray[np.float64]
_CHAPTER = "05_sparse_limit"
_NORMAL_MODE = float(1 / np.sqrt(2 * np.pi))


def _laws() -> CompoundPoissonGamma:
    """Intensities from rare to frequent, shapes from a pole to a hump; batch (12,)."""
    values = np.meshgrid([0.05, 0.7, 4.0, 20.0], [0.3, 1.0, 4.0])
    return CompoundPoissonGamma(values[0].ravel(), values[1].ravel(), np.full(12, 0.8))


def _points(law: CompoundPoissonGamma) -> Array:
    """Positive points from near 0 to far in the tail, of shape (points, *batch)."""
    steps = np.geomspace(0.01, 6.0, 12).reshape(-1, *(1,) * len(law.batch_shape))
    return np.asarray(steps * law.shape * law.scale * np.maximum(law.intensity, 1.0))


@equation("T5.1", "cf exp(lambda ((1 - i theta t)^-a - 1)), kappa_r = lambda E[X^r]", chapter=_CHAPTER)
def _transform_and_cumulants() -> Evidence:
    law, m = _laws(), COUNTS[:, None]
    weights = stats.poisson.pmf(m, law.intensity)
    t = np.array([-7.0, 0.3, 2.0])[:, None]
    one = (1 - 1j * law.scale * t) ** -law.shape
    by_count = [np.sum(weights * value**m, axis=0) for value in one]
    raw = [np.sum(weights * special.poch(m * law.shape, r), axis=0) * law.scale**r for r in range(1, 5)]
    errors = [absolute_error(law.cf(t), by_count)]
    for r in range(1, 5):
        kappa = cumulant_from_raw(raw[:r])
        jump = Gamma(law.shape, law.scale).moment(r)
        errors += [relative_error(law.cumulant(r), kappa), relative_error(law.intensity * jump, kappa)]
    return Evidence(max(errors), 1e-8, "sums over the number of active positions, 12 laws, r = 1 to 4")


@equation(
    "T5.2", "atom exp(-lambda); density a Wright function, for a = 1 a Bessel function", chapter=_CHAPTER
)
def _atom_and_density() -> Evidence:
    law = _laws()
    x = _points(law)
    errors = [relative_error(law.pdf(x), np.sum(series_terms(law, x), axis=0))]
    argument = law.intensity * (x / law.scale) ** law.shape
    tame = argument < 1e4  # beyond, SciPy's Wright function loses digits
    wright = special.log_wright_bessel(law.shape, 0.0, argument) - law.intensity - x / law.scale - np.log(x)
    errors.append(absolute_error(law.logpdf(x)[tame], wright[tame]))
    one = law.shape == 1
    root = 2 * np.sqrt(argument)
    bessel = np.log(special.ive(1, root)) + root + np.log(argument) / 2 - law.intensity - x / law.scale
    errors.append(absolute_error(law.logpdf(x)[:, one], (bessel - np.log(x))[:, one]))
    atom = law.atoms()[0].mass
    errors.append(absolute_error(atom, law.moment(0) - law.sf(np.zeros(12))))
    return Evidence(max(errors), 1e-9, "direct sum, Wright and Bessel functions, 12 laws; total mass")


@equation("T5.3", "terms left out beyond M: at most T_M r/(1-r), r = T_(M+1)/T_M < 1", chapter=_CHAPTER)
def _truncation() -> Evidence:
    law = _laws()
    terms = series_terms(law, _points(law))
    rest = np.cumsum(terms[::-1], axis=0)[::-1][1:]  # sum of the terms beyond the M-th
    ratio = terms[1:] / np.maximum(terms[:-1], 1e-300)
    falling = (ratio < 1) & (terms[:-1] > 1e-280)
    bound = terms[:-1] * ratio / np.where(falling, 1 - ratio, 1.0)
    errors = [violation((rest / np.maximum(bound, 1e-300))[falling], 1 + 1e-9)]
    errors.append(violation(np.where(falling[1:], ratio[1:], 0), np.where(falling[1:], ratio[:-1], 0) + 1e-9))
    largest = np.argmax(terms, axis=0) + 1
    a, y = law.shape, _points(law) / law.scale
    guess = np.maximum((law.intensity * (y / a) ** a) ** (1 / (1 + a)), 1.0)
    errors.append(violation(np.abs(largest - guess), 1.0))
    return Evidence(
        max(errors), 1e-9, "all M up to 399 at 144 points; the largest term within 1 of its place"
    )


@equation("T5.4", "|cf of N Z - cf of the limit| <= lambda q |g - 1|^2/2 <= 2 lambda q", chapter=_CHAPTER)
def _limit_of_transforms() -> Evidence:
    t = np.array([-30.0, -2.0, 0.1, 0.7, 5.0])[:, None]
    a, errors = np.array([0.3, 1.0, 4.0]), []
    scale = np.full(3, 0.8)
    jump = Gamma(a, scale).cf(t) - 1
    for mean in (0.3, 2.0, 8.0):
        limit = CompoundPoissonGamma(np.full(3, mean), a, scale).cf(t)
        for n in (9, 49, 10_000):
            q = mean / n
            gap = (BinomialGamma(np.full(3, q), a, n * scale, np.full(3, float(n))).cf(t) - limit) / q
            errors.append(violation(2 * np.abs(gap) / np.abs(jump) ** 2 / mean, 1.0))
        errors.append(absolute_error(gap, -mean * jump**2 / 2 * limit))
    return Evidence(max(errors), 1e-3, "N = 9 to 10000, lambda 0.3 to 8; and the leading term in units of q")


@equation(
    "T5.5", "total variation of N Z and its limit <= that of the counts <= q (1-e^-Nq)", chapter=_CHAPTER
)
def _total_variation() -> Evidence:
    errors = []
    for n in (1, 2, 9, 49, 1000):
        q = np.geomspace(1e-3, 1, 40)
        q = q[q * n < 150]
        errors += [violation(count_distance(n, q), chen_bound(n, q) + 1e-13)]
        errors += [violation(chen_bound(n, q), q * np.minimum(1, n * q))]
    one = np.linspace(0.05, 1, 9)
    errors.append(absolute_error(count_distance(1, one), chen_bound(1, one)))
    for n, active, a in ((9, 0.2, 0.5), (49, 0.03, 1.0), (49, 0.1, 30.0)):
        errors.append(violation(pooled_distance(n, active, a), count_distance(n, active)))
    return Evidence(
        max(errors), 1e-12, "exact sums, N = 1 to 1000, all q; equality at N = 1; three pooled laws"
    )


@equation(
    "T5.6", "total variation of the counts = q (lambda/4) sum|2nd difference of Po| + o(q)", chapter=_CHAPTER
)
def _leading_order() -> Evidence:
    mean = np.array([0.05, 0.5, 1.0, 3.0, 10.0, 60.0])
    # The next term is of order q: two sizes extrapolate it away.
    once, again = (np.array([count_distance(n, v / n) * n / v for v in mean]) for n in (20_000, 40_000))
    errors = [relative_error(2 * again - once, second_difference(mean))]
    direct = [np.sum(stats.poisson.pmf(COUNTS, v) * np.abs((COUNTS - v) ** 2 - COUNTS)) / 4 / v for v in mean]
    errors.append(relative_error(direct, second_difference(mean)))
    errors.append(abs(float(second_difference(1e-4)) / 1e-4 - 1) / 10)
    errors.append(abs(float(second_difference(190.0)) / (_NORMAL_MODE * np.exp(-0.5)) - 1) / 10)
    return Evidence(max(errors), 5e-4, "relative; exact at N = 20000 and 40000, lambda 0.05 to 60; both ends")


@equation("T5.7", "variance = sigma^2 mean^p under tilting, p = (a+2)/(a+1), R = p/2", chapter=_CHAPTER)
def _variance_function() -> Evidence:
    law = _laws()
    power, errors = (law.shape + 2) / (law.shape + 1), []
    spread = law.dispersion
    for c in (-2.0, -0.3, 0.4):
        keep = 1 - c * law.scale
        tilted = CompoundPoissonGamma(law.intensity * keep**-law.shape, law.shape, law.scale / keep)
        # K'(c) and K''(c) by central differences of log E exp(c S), and the variance function at them.
        step = 1e-4
        k = [law.intensity * ((1 - (c + h) * law.scale) ** -law.shape - 1) for h in (-step, 0, step)]
        mean, var = (k[2] - k[0]) / (2 * step), (k[2] - 2 * k[1] + k[0]) / step**2
        errors += [relative_error(tilted.mean(), mean), relative_error(spread * tilted.mean() ** power, var)]
        x = _points(law)
        errors.append(absolute_error(tilted.logpdf(x), law.logpdf(x) + c * x - k[1]))
    back = CompoundPoissonGamma.from_tweedie(law.mean(), spread, power)
    errors += [relative_error(back.intensity, law.intensity), absolute_error(skewness_ratio(law), power / 2)]
    return Evidence(
        max(errors), 2e-5, "differences of the generating function, densities, three tilts, 12 laws"
    )


@equation("T5.8", "sup|F-G| >= |p-g|/2 for atoms p, g at 0; >= |p-g| on the half line", chapter=_CHAPTER)
def _distance_of_an_atom() -> Evidence:
    law = _laws()
    atom = np.exp(-law.intensity)
    others = (
        Gamma.fit_moments(law.mean(), law.var()),
        Normal(law.mean(), law.std()),
        ZeroInflatedGamma(1 - atom / 2, law.shape, law.scale),
    )
    to_gamma, to_normal, to_half = sup_distances(law, *others)
    below = others[1].cdf(np.zeros(12))
    errors = [
        violation(atom, to_gamma),
        violation(np.maximum(np.maximum(atom - below, below), atom / 2), to_normal),
        violation(atom / 2, to_half),
    ]
    errors += [abs(smeared_distance(p) - p / 2) for p in (0.1, 0.5, 0.9)]
    return Evidence(
        max(errors), 1e-12, "12 laws against gamma, normal and another atom; equality when smeared"
    )


@equation("T5.9", "KL(zero-inflated) = KL of the atoms + q1 KL of the positive parts", chapter=_CHAPTER)
def _divergence_with_atoms() -> Evidence:
    first = ZeroInflatedGamma(np.array([0.3, 0.8, 1.0]), np.array([1.5, 0.7, 2.0]), np.ones(3))
    second = ZeroInflatedGamma(np.array([0.6, 0.8, 0.7]), np.array([1.0, 1.1, 2.5]), np.full(3, 0.8))
    q1, q2 = first.active, second.active
    coin = special.rel_entr(q1, q2) + special.rel_entr(1 - q1, 1 - q2)
    u = np.linspace(-40.0, 5.0, 20_001)[:, None]
    x = np.exp(u)
    between = np.trapezoid(first.pdf(x) * (first.logpdf(x) - second.logpdf(x)) * x, u, axis=0)
    direct = between + special.rel_entr(1 - q1, 1 - q2)
    split = coin + q1 * kl_divergence(first.positive_part, second.positive_part)
    errors = [absolute_error(split, direct), absolute_error(kl_divergence(first, second), direct)]
    errors.append(0.0 if np.isposinf(kl_divergence(second, first)[2]) else np.inf)
    one = kl_divergence(first.positive_part, second.positive_part)[2] - np.log(0.7)
    errors.append(abs(float(kl_divergence(first, second)[2] - one)))
    return Evidence(max(errors), 1e-6, "quadrature of three pairs; infinite in one direction without an atom")


@equation("T5.10", "one-term law within 1-(1+lambda)e^-lambda; later within c/sqrt(lambda)", chapter=_CHAPTER)
def _zero_inflated_fit() -> Evidence:
    law = _laws()
    one = ZeroInflatedGamma(-np.expm1(-law.intensity), law.shape, law.scale)
    several = 1 - (1 + law.intensity) * np.exp(-law.intensity)
    errors = [violation(sup_distances(law, one)[0] / several, 1.0)]
    shape = np.array([0.3, 1.0, 3.0, 10.0])
    frequent = CompoundPoissonGamma(np.full(4, 220.0), shape, np.ones(4))
    leading = _NORMAL_MODE / 6 * np.sqrt(shape / (shape + 1) / 220)
    fits = likelihood_fit(frequent), Gamma.fit_moments(frequent.mean(), frequent.var())
    errors += [relative_error(distance, leading) for distance in sup_distances(frequent, *fits)]
    return Evidence(
        max(errors), 0.06, "12 laws; relative, leading term at lambda = 220, four shapes, two fits"
    )


@equation("T5.11", "equal q and N_eff, atoms on both sides of (1-q)^N_eff", chapter=_CHAPTER)
def _no_function_of_effective_positions() -> Evidence:
    rng = np.random.default_rng(511)
    n, images, q, spread, errors = 16, 40_000, 0.12, 0.8, []
    chance = 1 / (1 + spread)
    always = ZeroInflatedGamma(*map(np.array, (q, 1.0, 1.0)))
    present = ZeroInflatedGamma.fit_moments(q / chance, always.mean(), always.var())
    gamma = rng.gamma(1 / spread, spread, (images, 1))
    switch = rng.binomial(1, chance, (images, 1)) / chance
    found = []
    for here, x, gain in ((1.0, always, gamma), (chance, present, switch)):
        values = gain_field(here, spread, float(x.active), float(x.mean()), float(x.var()), n)
        a = gain * x.sample(rng, (images, n))
        z = a.mean(axis=1)
        errors += [abs(np.mean(a > 0) - values[0]), abs(np.mean(z == 0) - values[2])]
        errors.append(abs(a.var() / z.var() / values[1] - 1) / 4)
        found.append(values)
    (q1, n1, low), (q2, n2, high) = found
    guess = (1 - q) ** n1
    errors += [abs(q1 - q2), abs(n1 - n2), violation(low, guess - 0.05), violation(guess + 0.05, high)]
    return Evidence(max(errors), 0.012, "gamma gains and presence, simulated with 40000 images each")
