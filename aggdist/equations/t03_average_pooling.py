"""Checks of chapter T3: average pooling of independent positions."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation import average_cumulants, average_gamma, effective_positions, pool, pooled_law
from aggdist.distributions import Distribution, Mixture, WeightedGammaSum, ZeroInflatedGamma
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "03_average_pooling"
_SPREAD = "active 0.002 to 1, shape 0.4 to 6, N = 1, 80"
_ALLOWED = 5.0
"""Standard errors that a simulated mean may be off: for a normal error 1 seed in 1.7 million exceeds it."""


def _law(active: ArrayLike, shape: ArrayLike, scale: ArrayLike) -> ZeroInflatedGamma:
    return ZeroInflatedGamma(np.asarray(active), np.asarray(shape), np.asarray(scale))


def _average_by_inversion(law: ZeroInflatedGamma, n: int) -> WeightedGammaSum:
    """The average of n positions with this law, each a term of its own: it knows of no binomial."""
    terms = (np.asarray(v)[..., None] * np.ones(n) for v in (law.shape, law.scale, law.active))
    return WeightedGammaSum(np.full(n, 1 / n), *terms)


def _activations() -> tuple[ZeroInflatedGamma, Array]:
    """Laws of one activation and numbers of positions in all combinations; q = 1 and N = 1 are among them."""
    active, shape, positions = np.meshgrid([0.002, 0.1, 0.6, 1.0], [0.4, 6.0], [1.0, 80.0])
    return _law(active.ravel(), shape.ravel(), 1.7), positions.ravel()


def _quadrature(z: Distribution) -> tuple[Array, Array]:
    """Points and masses, shape (points, laws), of a trapezium rule in log Z for the continuous part.

    There the integrand is analytic and decays at both ends, so that the rule converges exponentially for
    functions that vanish at 0 at least as fast as Z itself; to those the atom contributes nothing.
    """
    points = 1.7 * np.exp(np.arange(-26.0, 6.2, 0.03))[:, None]
    return points, z.pdf(points) * points * 0.03


def _cumulants_by_quadrature(z: Distribution) -> Array:
    """The first four cumulants, shape (4, laws), from central moments; what is not in the density is at 0."""
    points, mass = _quadrature(z)
    atom, mean = 1 - np.sum(mass, axis=0), np.sum(points * mass, axis=0)
    central = (np.sum((points - mean) ** r * mass, axis=0) + (-mean) ** r * atom for r in (2, 3, 4))
    second, third, fourth = central
    return np.stack([mean, second, third, fourth - 3 * second**2])


class _Enumerated:
    """Five positions with different laws on four values, and the probabilities of all their 1024 maps."""

    def __init__(self, seed: int = 5, positions: int = 5, values: int = 4) -> None:
        rng = np.random.default_rng(seed)
        self.values = rng.gamma(1.0, size=(positions, values))
        self.values[:, 0] = 0.0
        self.weights = rng.dirichlet(np.ones(values), positions)
        each = np.array(list(product(range(values), repeat=positions)))
        maps = self.values[np.arange(positions), each]
        self.pooled = pool(maps, "avg", axis=1)
        self.chances = np.prod(self.weights[np.arange(positions), each], axis=1)


def _cumulants(values: Array, weights: Array) -> Array:
    """The first four cumulants of laws on finitely many values (last axis), from their central moments."""
    mean = np.sum(weights * values, axis=-1)
    second, third, fourth = (np.sum(weights * (values - mean[..., None]) ** r, axis=-1) for r in (2, 3, 4))
    return np.stack([mean, second, third, fourth - 3 * second**2])


@equation("T3.1", "K_Z(c) = sum_s K_{A_s}(c/N) for independent positions", chapter=_CHAPTER)
def _generating_function() -> Evidence:
    """All maps of five different positions; and the cf of the exact law, by quadrature of its density."""
    few = _Enumerated()
    c = np.linspace(-3.0, 3.0, 13)
    direct = np.log(np.exp(c[:, None] * few.pooled) @ few.chances)
    n = len(few.values)
    summed = np.sum(np.log(np.sum(few.weights * np.exp(c[:, None, None] / n * few.values), axis=-1)), axis=-1)
    law, positions = _activations()
    points, mass = _quadrature(pooled_law(law, positions))
    # E exp(itZ) = 1 + E(exp(itZ) - 1), so that the atom drops out.
    t = np.array([0.3, 1.0, 3.0])
    by_quadrature = 1 + np.sum(np.expm1(1j * t[:, None, None] * points) * mass, axis=1)
    from_positions = law.cf(t[:, None] / positions) ** positions
    errors = absolute_error(summed, direct), absolute_error(from_positions, by_quadrature)
    return Evidence(max(errors), 1e-10, f"all maps of five positions; quadrature, {_SPREAD}")


@equation("T3.2", "kappa_r(Z) = mean_s kappa_r(A_s) / N^(r-1)", chapter=_CHAPTER)
def _cumulants_of_average() -> Evidence:
    """All maps of five different positions; and quadrature of the exact law for positions of one law."""
    few = _Enumerated()
    from_positions = average_cumulants(_cumulants(few.values, few.weights).mean(axis=1), len(few.values))
    errors = [relative_error(from_positions, _cumulants(few.pooled, few.chances))]
    law, positions = _activations()
    predicted = average_cumulants(np.stack([law.cumulant(r) for r in (1, 2, 3, 4)]), positions)
    exact = pooled_law(law, positions)
    # Third cumulants may vanish, so errors are measured in units of the standard deviation.
    units = np.stack([exact.std() ** r for r in (1, 2, 3, 4)])
    errors.append(absolute_error(predicted / units, _cumulants_by_quadrature(exact) / units))
    return Evidence(max(errors), 1e-7, f"orders 1 to 4: all maps of five positions; quadrature, {_SPREAD}")


@equation(
    "T3.3",
    "P(Z <= z) = (1-q)^N + sum_m Binomial(m; N, q) P(Gamma(m a, theta/N) <= z) under T2",
    chapter=_CHAPTER,
)
def _exact_law() -> Evidence:
    """Against inversion of the characteristic function of a sum of N separate terms."""
    errors = []
    for n in (1, 4, 49):
        law = _law([0.05, 0.4, 0.9, 1.0] * 3, np.repeat([0.4, 1.0, 5.0], 4), 1.3)
        z = law.mean() * np.array([0.0, 0.05, 0.5, 1.0, 2.0, 6.0])[:, None]
        errors.append(absolute_error(pooled_law(law, n).cdf(z), _average_by_inversion(law, n).cdf(z)))
    detail = "cdf against inversion of the cf, active 0.05 to 1, shape 0.4 to 5, N = 1, 4, 49"
    return Evidence(max(errors), 1e-9, detail)


@equation("T3.4", "P(Z = 0) = (1-q)^N", chapter=_CHAPTER)
def _atom() -> Evidence:
    """Against the share of silent maps among 40,000 simulated ones, in standard errors."""
    rng = np.random.default_rng(34)
    law, n, maps = _law([0.01, 0.05, 0.2, 0.6, 1.0], 0.7, 1.0), 9, 40_000
    pooled = pool(law.sample(rng, (maps, n)), "avg", axis=1)
    (atom,) = pooled_law(law, n).atoms()
    error = np.sqrt(np.maximum(atom.mass * (1 - atom.mass), 1 / maps) / maps)
    off = np.abs(np.mean(pooled == 0, axis=0) - atom.mass) / error
    return Evidence(float(np.max(off)), _ALLOWED, "standard errors, 40,000 simulated maps, N = 9")


@equation("T3.5", "matched gamma: shape N kappa_1^2/kappa_2, scale kappa_2/(N kappa_1)", chapter=_CHAPTER)
def _matched_gamma() -> Evidence:
    """Mean and variance of both laws by quadrature."""
    law, positions = _activations()
    matched = average_gamma(law.mean(), law.var(), positions)
    exact = pooled_law(law, positions)
    errors = [relative_error(_cumulants_by_quadrature(matched)[:2], _cumulants_by_quadrature(exact)[:2])]
    printed = positions * law.active * law.shape / (1 + law.shape * (1 - law.active))
    errors.append(relative_error(matched.shape, printed))
    return Evidence(max(errors), 1e-8, f"mean and variance of both laws by quadrature, {_SPREAD}")


@equation("T3.6", "the matched gamma is exact iff q = 1; else its error is >= (1-q)^N", chapter=_CHAPTER)
def _exactness() -> Evidence:
    """Equality at q = 1 against inversion; the lower bound on a fine grid that includes the atom."""
    n = np.array([1, 4, 16])
    levels = np.linspace(0.001, 0.999, 300)[:, None, None]
    equal = 0.0
    plain = _law(1.0, 0.8, 2.0)
    for count in n:
        z = pooled_law(plain, count, method="gamma").quantile(levels[:, 0, 0])
        equal = max(equal, absolute_error(_average_by_inversion(plain, count).cdf(z), levels[:, 0, 0]))
    law = _law([[0.02], [0.3], [0.9]], 0.8, 2.0)
    matched = pooled_law(law, n, method="gamma")
    z = np.concatenate([np.zeros((1, 3, 3)), matched.quantile(levels)])
    gap = np.max(np.abs(pooled_law(law, n).cdf(z) - matched.cdf(z)), axis=0)
    error = max(equal, violation((1 - law.active) ** n, gap))
    return Evidence(error, 1e-9, "inversion at q = 1; sup-norm for active 0.02 to 0.9, N = 1, 4, 16")


@equation("T3.7", "Var Z = kappa_2/N_eff, N_eff = N/(1 + (N-1) rho), for any dependence", chapter=_CHAPTER)
def _correlated_positions() -> Evidence:
    """Activations that share a term B: A_s = B + C_s. Variance of 40,000 simulated Z, in standard errors."""
    rng = np.random.default_rng(37)
    maps, shape, off = 40_000, 2.0, []
    for n, rho in product((2, 16, 49), (0.0, 0.1, 0.5, 1.0)):
        shared = rng.standard_gamma(shape * rho, (maps, 1))
        pooled = pool(shared + rng.standard_gamma(shape * (1 - rho), (maps, n)), "avg", axis=1)
        squares = (pooled - pooled.mean()) ** 2
        predicted = shape / effective_positions(rho, n)
        off.append(abs(squares.mean() - predicted) / (squares.std() / np.sqrt(maps)))
    return Evidence(float(np.max(off)), _ALLOWED, "standard errors, 40,000 simulated maps, N 2 to 49")


def _border_and_inside() -> tuple[Array, Array, Array]:
    """Probability of being active, shape and scale at 9 positions: eight on the border, one inside."""
    return np.array([0.15] * 8 + [0.8]), np.array([0.7] * 8 + [2.0]), np.array([0.6] * 8 + [1.5])


@equation("T3.8", "Var Z = (kappa_2(A_S) - var_s kappa_1(A_s)) / N, S a random position", chapter=_CHAPTER)
def _different_positions() -> Evidence:
    """Both variances by integration: of the inverted law of Z, and of the mixture density of A_S."""
    active, shape, scale = _border_and_inside()
    n = len(active)
    each = _law(active, shape, scale)
    random_position = Mixture(each, np.full(n, 1 / n))
    predicted = (random_position.cumulant(2, method="numeric") - each.mean().var()) / n
    z = WeightedGammaSum(np.full(n, 1 / n), shape, scale, active)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # z = 8 v^4 resolves the end point 0; P(Z > 8) is below 1e-13.
    v = (nodes + 1) / 2
    points, mass = 8 * v**4, 16 * v**3 * weights
    upper = z.sf(points)
    direct = np.sum(2 * points * upper * mass) - np.sum(upper * mass) ** 2
    return Evidence(relative_error(predicted, direct), 1e-8, "border and inside of 3 x 3 positions")


@equation("T3.9", "P(Z = 0) = prod_s (1-q_s) <= (1 - mean_s q_s)^N", chapter=_CHAPTER)
def _atom_of_different_positions() -> Evidence:
    """The atom from the inverted cdf just above 0; the inequality for 200 random maps."""
    active = np.array([[0.1, 0.3, 0.2, 0.6], [0.05, 0.05, 0.9, 0.5], [0.3, 0.3, 0.3, 0.3]])
    z = WeightedGammaSum(np.full(4, 0.25), np.asarray(2.0), np.asarray(1.0), active)
    # For shape 2 the rest of the law puts less than 1e-15 on (0, 1e-9].
    errors = [absolute_error(np.prod(1 - active, axis=1), z.cdf(1e-9))]
    q = _uneven_positions(200, 9)
    errors.append(violation(np.prod(1 - q, axis=1), (1 - q.mean(axis=1)) ** 9))
    errors.append(absolute_error(np.prod(1 - active[2]), pooled_law(_law(0.3, 2.0, 1.0), 4).atoms()[0].mass))
    return Evidence(max(errors), 1e-12, "inverted cdf just above 0; 200 random maps of 9 positions; equal q")


def _uneven_positions(maps: int, positions: int) -> Array:
    """Random probabilities of being active, many of them near 0 and near 1."""
    return np.random.default_rng(39).beta(0.5, 0.5, (maps, positions))
