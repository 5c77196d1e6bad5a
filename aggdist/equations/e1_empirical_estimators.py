"""Checks of chapter E1: estimating a divergence from samples."""

from __future__ import annotations

from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special, stats

from aggdist.distributions import Distribution, Gamma, Normal, RectifiedNormal, ZeroInflatedGamma
from aggdist.divergence.bounded import bounded_divergence, pooled_counting_bias
from aggdist.divergence.closed_forms import kl_divergence
from aggdist.divergence.intervals import half_sample_interval
from aggdist.divergence.matched import floor_errors, matched
from aggdist.divergence.nearest_neighbour import knn_kl, knn_kl_several, own_distances
from aggdist.divergence.partition import counting_bias
from aggdist.divergence.quadrature import jensen_shannon, kl_quadrature
from aggdist.divergence.saturation import mean_log_gap, separated_estimate
from aggdist.divergence.ties import kl_with_atom
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
Law = TypeVar("Law", bound=Distribution)
_CHAPTER = "e1_empirical_estimators"
EDGE_LOSS = float(2 * np.log(2) - 1)
"""What the two ends of a uniform law cost: -E log(mass of the ball / what it would be without ends), by k/n."""


def mean_log_mass(k: ArrayLike, size: ArrayLike) -> Array:
    """E log of the mass of the ball that reaches to the k-th neighbour among `size` values: psi(k) - psi(size+1)."""
    return np.asarray(special.digamma(k) - special.digamma(np.asarray(size) + 1.0))


def normalisation_bias(n: ArrayLike, m: ArrayLike) -> Array:
    """Mean of the estimator minus KL where densities are constant around each point: of order 1/n + 1/m."""
    n, m = np.asarray(n, float), np.asarray(m, float)
    return np.asarray(-mean_log_mass(1, n - 1) + mean_log_mass(1, m) + np.log(m / (n - 1)))


def uniform_bias(n: ArrayLike, m: ArrayLike, k: ArrayLike) -> Array:
    """Exact bias of the estimator for p and q uniform on intervals, p on half of q's or on all of it."""
    n, m = np.asarray(n, float), np.asarray(m, float)
    return np.asarray(normalisation_bias(n, m) - EDGE_LOSS * np.asarray(k) * (1 / n - 1 / (m + 1)))


def _law(family: type[Law], *parameters: float) -> Law:
    return family(*(np.array(value) for value in parameters))


@equation("E1.1", "mass of the ball to the k-th of m neighbours: Beta(k, m+1-k)", chapter=_CHAPTER)
def _ball_mass() -> Evidence:
    k, m = (v.ravel() for v in np.meshgrid([1, 2, 5, 20], [20, 100, 3000]))
    # Mass at most u <=> at least k of the m values in a ball of mass u: binomial, which knows nothing of Beta.
    u = np.array([0.001, 0.01, 0.1, 0.4])[:, None]
    errors = [absolute_error(stats.binom.sf(k - 1, m, u), stats.beta.cdf(u, k, m + 1 - k))]
    # E log G = -int P(G <= e^-t) dt.
    t = np.linspace(0.0, 45.0, 90_001)[:, None]
    tail = stats.binom.sf(k - 1, m, np.exp(-t))
    errors.append(absolute_error(-np.trapezoid(tail, t, axis=0), mean_log_mass(k, m)))
    return Evidence(max(errors), 1e-6, "binomial probabilities and their integral, k 1 to 20, m 20 to 3000")


@equation("E1.2", "E log(mass of ball to y / mass of ball to x) = psi(n) - psi(m+1), all k", chapter=_CHAPTER)
def _digammas_cancel() -> Evidence:
    rng, n, m = np.random.default_rng(2), 40, 70
    p, q = stats.norm(0.5, 1.3), stats.gumbel_r(0.0, 1.0)
    found = np.array([_log_mass_ratios(p, q, n, m, (1, 4, 12), rng) for _ in range(250)])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    # psi of whole numbers is a harmonic sum.
    expected = np.sum(1 / np.arange(1, n)) - np.sum(1 / np.arange(1, m + 1))
    errors = np.abs(found.mean(axis=0) - expected) / error
    formula = mean_log_mass((1, 4, 12), m) - mean_log_mass((1, 4, 12), n - 1)
    broken = 0.0 if absolute_error(formula, expected) < 1e-12 else np.inf
    detail = "in standard errors, normal in Gumbel, exact masses of 250 samples, k = 1, 4, 12"
    return Evidence(float(errors.max()) + broken, 4.0, detail)


def _log_mass_ratios(
    p: stats.rv_frozen, q: stats.rv_frozen, n: int, m: int, ks: tuple[int, ...], rng: np.random.Generator
) -> Array:
    """Mean over the points of log(Q of the ball to the k-th y / P of the ball to the k-th x), for each k."""
    x, y = np.sort(p.rvs(n, random_state=rng)), q.rvs(m, random_state=rng)
    rho = [own_distances(x, k) for k in ks]
    nu = np.sort(np.abs(x[:, None] - y), axis=1)[:, np.array(ks) - 1].T
    masses = [
        (law.cdf(x + r) - law.cdf(x - r)) for law, r in ((q, nu), (p, np.array(rho)))
    ]  # shape (len(ks), n)
    return np.mean(np.log(masses[0] / masses[1]), axis=1)


@equation("E1.3", "uniform laws: bias b(n,m) - (2 log 2 - 1) k (1/n - 1/(m+1)), exactly", chapter=_CHAPTER)
def _uniform_laws() -> Evidence:
    rng, ks, errors = np.random.default_rng(3), (1, 3, 8), []
    for n, m, share in ((20, 60, 1.0), (50, 25, 0.5)):
        draws = (
            knn_kl_several(share * rng.random(n), rng.random(m), ks) - np.log(1 / share) for _ in range(700)
        )
        found = np.array(list(draws))
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        errors.append(np.abs(found.mean(axis=0) - uniform_bias(n, m, ks)) / error)
    # The constant, from the integral over the distance to the nearer end.
    loss = integrate.quad(lambda t: 2 * np.log(2 * (1 - t)), 0, 0.5)[0]
    broken = 0.0 if abs(loss - EDGE_LOSS) < 1e-12 else np.inf
    detail = "in standard errors, 700 samples each of (n, m) = (20, 60), (50, 25), k = 1, 3, 8"
    return Evidence(float(np.max(errors)) + broken, 4.0, detail)


@equation("E1.4", "separated samples: log(2m) - psi(k) - H(p) + E log gap, whatever KL is", chapter=_CHAPTER)
def _saturation() -> Evidence:
    rng, errors = np.random.default_rng(4), []
    p, q = _law(Normal, 12.0, 1.0), _law(Normal, 0.0, 1.0)
    for n, m, k in ((100, 900, 1), (100, 900, 5), (400, 4000, 3)):
        draws = [knn_kl(p.sample(rng, n), q.sample(rng, m), k) for _ in range(60)]
        limit = separated_estimate(p.entropy(), mean_log_gap(p, q, m, k), m, k)
        # The smoothing error of the first sample, of order k/n, and psi(n) - log(n-1) are not in the formula.
        allowed = 2 * k / n + 4 * np.std(draws, ddof=1) / np.sqrt(len(draws))
        errors.append(abs(np.mean(draws) - float(limit)) / allowed)
        errors.append(float(limit) / (0.2 * float(kl_divergence(p, q))))
    detail = "over what 4 standard errors and 2k/n allow, KL = 72, gap by quadrature of the order statistic"
    return Evidence(max(errors), 1.0, detail)


@equation(
    "E1.5", "counting: p = q is estimated at (B-1)/2 (1/n + 1/m) + ..., so subtract it", chapter=_CHAPTER
)
def _null_bias_of_counting() -> Evidence:
    cases = ((5, 400, 600), (10, 2000, 5000), (20, 5000, 2000))
    exact = [counting_at_null(*case) for case in cases]
    expected = [counting_bias(bins, bins, n, m) for bins, n, m in cases]
    detail = "relative, exact sums over beta-binomial counts, B 5 to 20, n and m 400 to 5000"
    return Evidence(relative_error(expected, exact), 0.02, detail)


def counting_at_null(bins: int, n: int, m: int) -> float:
    """E sum (a_b/n) log(B a_b/n) for p = q, with a_b the x in a bin of m/B values y: a sum over all counts."""
    size = m / bins
    a = np.arange(1, n + 1)
    # The mass of the bin is Beta(m/B, m+1-m/B), but the last bin, open above, has one spacing more.
    total = 0.0
    for extra in [0] * (bins - 1) + [1]:
        chance = stats.betabinom.pmf(a, n, size + extra, m + 1 - size - extra)
        total += float(np.sum(chance * a / n * np.log(bins * a / n)))
    return total


@equation(
    "E1.6", "bins hide: sum p_b log(p_b/q_b) <= KL, grows as bins are split, <= log B", chapter=_CHAPTER
)
def _binning() -> Evidence:
    pairs: tuple[tuple[Distribution, Distribution], ...] = (
        (_law(Normal, 2.0, 1.0), _law(Normal, 0.0, 1.0)),
        (_law(Gamma, 10.0, 1.6), _law(Gamma, 10.0, 1.0)),
        (_law(Normal, 0.5, 0.7), _law(Normal, 0.0, 1.0)),
    )
    errors = []
    for p, q in pairs:
        kl = float(kl_quadrature(p, q))
        by_bins = np.array([binned_kl(p, q, 2**level) for level in range(1, 17)])
        errors += [violation(by_bins[:-1], by_bins[1:]), violation(by_bins, np.minimum(kl, _log_bins()))]
        errors.append(violation(0.99 * kl, by_bins[-1]))
    return Evidence(
        max(errors), 1e-12, "bins of equal mass under q, 2 to 65536, against quadrature; limit too"
    )


def binned_kl(p: Distribution, q: Distribution, bins: int) -> float:
    """`sum p_b log(p_b/q_b)` over bins of equal mass under q."""
    edges = q.quantile(np.arange(1, bins) / bins)
    mass = np.diff(np.concatenate([[0.0], p.cdf(edges), [1.0]]))
    return float(np.sum(special.xlogy(mass, mass * bins)))


def _log_bins() -> Array:
    return np.log(2.0) * np.arange(1, 17)


@equation("E1.7", "D = KL(p || pi p + (1-pi) q) <= min(log(1/pi), (1-pi) KL(p || q))", chapter=_CHAPTER)
def _bounded() -> Evidence:
    errors = []
    for p, q in _pairs_of_any_kind():
        for prior in (0.02, 0.1, 0.5, 0.9):
            value = float(bounded_divergence(p, q, prior=prior))
            with np.errstate(invalid="ignore"):
                bound = min(np.log(1 / prior), (1 - prior) * float(kl_quadrature(p, q)))
            errors.append(violation(value, bound))
            # The two parts make up the Jensen-Shannon divergence, which is computed by itself.
            parts = prior * value + (1 - prior) * float(bounded_divergence(q, p, prior=1 - prior))
            errors.append(absolute_error(parts, jensen_shannon(p, q, prior=prior)))
    return Evidence(max(errors), 1e-8, "normals, gammas, atoms, disjoint supports; pi 0.02 to 0.9")


def _pairs_of_any_kind() -> tuple[tuple[Distribution, Distribution], ...]:
    return (
        (_law(Normal, 0.1, 1.0), _law(Normal, 0.0, 1.0)),
        (_law(Normal, 9.0, 2.0), _law(Normal, 0.0, 1.0)),
        (_law(Gamma, 10.0, 2.0), _law(Gamma, 10.0, 1.0)),
        (_law(ZeroInflatedGamma, 0.3, 2.0, 1.0), _law(ZeroInflatedGamma, 0.7, 2.0, 0.5)),
        (_law(ZeroInflatedGamma, 0.3, 2.0, 1.0), _law(Gamma, 2.0, 1.0)),
    )


@equation(
    "E1.8", "counting in the pooled sample: bias (sum over bins of (1-eta) - (1-pi))/(2n)", chapter=_CHAPTER
)
def _bias_of_bounded() -> Evidence:
    cases = ((5, 400, 600), (10, 1000, 9000), (10, 3000, 1000))
    exact = [pooled_counting_at_null(*case) for case in cases]
    # At p = q the share eta of the x is n/(n+m) in every bin.
    expected = [pooled_counting_bias(np.full(bins, n / (n + m)), n, m) for bins, n, m in cases]
    detail = "relative, exact sums over hypergeometric counts at p = q, B 5 and 10"
    return Evidence(relative_error(expected, exact), 0.02, detail)


def pooled_counting_at_null(bins: int, n: int, m: int) -> float:
    """E sum (a_b/n) log(a_b (n+m)/(n s)) for p = q: each bin holds s = (n+m)/B values, a_b of them x."""
    size = (n + m) // bins
    a = np.arange(1, min(n, size) + 1)
    chance = stats.hypergeom.pmf(a, n + m, n, size)
    return float(bins * np.sum(chance * a / n * np.log(a * bins / n)))


@equation("E1.9", "a common atom: KL of the shares plus (1-p0) KL of the rests", chapter=_CHAPTER)
def _chain_rule() -> Evidence:
    lift = float(special.ndtri(0.75))  # then the atoms have the masses 1/2 and 1/4
    p, q = _law(RectifiedNormal, 0.0, 1.0), _law(RectifiedNormal, 2 * lift, 2.0)
    rests = (stats.truncnorm(0, np.inf), stats.truncnorm(-lift, np.inf, loc=2 * lift, scale=2))
    rest = integrate.quad(lambda x: rests[0].pdf(x) * (rests[0].logpdf(x) - rests[1].logpdf(x)), 0, 30)[0]
    x, y = np.array([0.0, 0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0, 3.0])
    by_parts = kl_with_atom(x, y, lambda first, second: rest)
    errors = [absolute_error(by_parts, kl_divergence(p, q)), absolute_error(by_parts, kl_quadrature(p, q))]
    return Evidence(max(errors), 1e-8, "rectified normals: closed form and quadrature of the laws with atoms")


@equation("E1.10", "std of the mean of a random half = standard error of the whole mean", chapter=_CHAPTER)
def _half_samples() -> Evidence:
    values = np.random.default_rng(10).gamma(2.0, 1.0, 12)
    halves = np.array([np.mean(values[list(chosen)]) for chosen in combinations(range(12), 6)])
    whole = values.var(ddof=1) / 12
    errors = [abs(halves.var() / whole - 1)]
    many = half_sample_interval(_difference, values, values[:8], rng=np.random.default_rng(1), draws=4000)
    expected = np.sqrt(whole + values[:8].var(ddof=1) / 8)
    # 4000 draws know a standard deviation to about 1 %.
    errors.append(0.0 if abs(many.std / expected - 1) < 0.05 else np.inf)
    return Evidence(max(errors), 1e-12, "all 924 halves of 12 values; random halves of two samples to 5 %")


def _difference(x: Array, y: Array) -> float:
    return float(x.mean() - y.mean())


@equation(
    "E1.11", "perfect laws: observed is one more draw, E|error| = sqrt(2/pi (1+1/D)) std", chapter=_CHAPTER
)
def _matched() -> Evidence:
    rng = np.random.default_rng(11)
    p, q = _law(Normal, 1.0, 1.0), _law(Normal, 0.0, 1.0)

    def one() -> tuple[float, float]:
        result = matched(p.sample(rng, 40), q.sample(rng, 90), p, q, _difference, rng=rng, draws=9)
        return float(np.mean(result.draws < result.observed)), result.observed - result.mean

    ranks, gaps = np.array([one() for _ in range(800)]).T
    std = np.sqrt(1 / 40 + 1 / 90)  # this estimator is normal, so its scatter is known
    expected = np.sqrt(2 / np.pi * (1 + 1 / 9)) * std
    shares = np.bincount(np.rint(ranks * 9).astype(int), minlength=10) / len(ranks)
    errors = [
        np.abs(shares - 0.1).max() / np.sqrt(0.09 / len(ranks)),
        abs(np.abs(gaps).mean() / expected - 1) * np.sqrt(len(ranks)) / 0.76,
    ]
    level = 50.0
    floor = floor_errors(level + rng.normal(size=(20, 3000))).mean() * level
    errors.append(abs(floor / np.sqrt(2 / np.pi * (1 + 1 / 19)) - 1) / 0.01)
    detail = "in standard errors: ranks among 9 draws, mean gap, and the floor of 20 draws"
    return Evidence(float(max(errors)), 4.0, detail)
