"""Checks of chapter T9: the law of an output node, its exact inversion and its tails.

Its approximations, and channels that depend on each other, are in `t09_node_models`.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from aggdist.distributions import WeightedGammaSum
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
CHAPTER = "09_output_nodes"


def node(
    weights: ArrayLike,
    shape: ArrayLike,
    scale: ArrayLike = 1.0,
    active: ArrayLike = 1.0,
    offset: ArrayLike = 0.0,
) -> WeightedGammaSum:
    """A weighted sum from plain numbers and lists."""
    return WeightedGammaSum(*(np.asarray(v, float) for v in (weights, shape, scale, active, offset)))


class _Enumerated:
    """All values of a sum of three terms, each of them replaced by a discrete law.

    Gauss-Laguerre nodes (and 0, for the atom) give the expectation of every polynomial in the three terms of
    degree below 80, and of `exp(i t y)` to rounding while |t| times the largest scale is of the order 1.
    Products over the terms are never formed: every check sees the values of the sum itself.
    """

    def __init__(self, law: WeightedGammaSum, nodes: int = 40) -> None:
        values, chances = [], []
        for shape, active in zip(law.shape, law.active, strict=True):
            x, weight = special.roots_genlaguerre(nodes, shape - 1)
            values.append(np.append(x, 0.0))
            chances.append(np.append(active * weight / weight.sum(), 1 - active))
        grid = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)
        self.sum = (law.offset + grid @ (law.weights * law.scale)).ravel()
        self.chance = np.einsum("i,j,k->ijk", *chances).ravel()

    def cumulants(self) -> Array:
        """The first four, from central moments."""
        mean = self.chance @ self.sum
        second, third, fourth = (self.chance @ (self.sum - mean) ** r for r in (2, 3, 4))
        return np.array([mean, second, third, fourth - 3 * second**2])


def _three_terms() -> list[WeightedGammaSum]:
    """Sums of three terms: both signs, one sign, with and without atoms, shapes 0.3 to 20."""
    rng = np.random.default_rng(91)
    found = [node([1.0, -0.7, 0.4], [0.3, 1.0, 20.0], 1.0, 1.0, 0.5)]
    for low in (0.05, 0.4, 1.0):
        weights, scale = rng.normal(size=3), rng.uniform(0.2, 3, 3)
        found.append(node(weights, rng.uniform(0.3, 6, 3), scale, rng.uniform(low, 1, 3), -1.0))
    found.append(node([1.0, 0.5, 0.25], [0.5, 2.0, 4.0], 1.3, [0.2, 0.9, 1.0]))
    return found


@equation(
    "T9.1", "E exp(ity) = exp(ibt) prod_c (1 - q_c + q_c (1 - i w_c theta_c t)^(-k_c))", chapter=CHAPTER
)
def _characteristic_function() -> Evidence:
    errors = []
    for law in _three_terms():
        beta = law.weights * law.scale
        t = np.array([-1.5, -0.2, 0.4, 1.0]) / np.max(np.abs(beta))
        discrete = _Enumerated(law)
        direct = np.exp(1j * t[:, None] * discrete.sum) @ discrete.chance
        gammas = (1 - 1j * beta * t[:, None]) ** (-law.shape)
        printed = np.exp(1j * law.offset * t) * np.prod(1 - law.active + law.active * gammas, axis=-1)
        errors += [absolute_error(printed, direct), absolute_error(law.cf(t), direct)]
    return Evidence(max(errors), 1e-11, "all values of three discretised terms; five sums, shapes 0.3 to 20")


@equation("T9.2", "kappa_r(y) = sum_c w_c^r kappa_r(Z_c), plus b for r = 1", chapter=CHAPTER)
def _cumulants() -> Evidence:
    errors = []
    for law in _three_terms():
        exact = _Enumerated(law).cumulants()
        units = np.sqrt(exact[1]) ** np.arange(1, 5)
        found = np.array([law.cumulant(r) for r in (1, 2, 3, 4)])
        errors.append(absolute_error(found / units, exact / units))
        if np.all(law.active == 1):
            beta = law.weights * law.scale
            printed = [special.factorial(r - 1) * np.sum(law.shape * beta**r) for r in (1, 2, 3, 4)]
            printed[0] += law.offset
            errors.append(absolute_error(np.array(printed) / units, exact / units))
    detail = "orders 1 to 4 in units of the standard deviation, all values of three discretised terms"
    return Evidence(max(errors), 1e-10, detail)


@equation("T9.3", "P(y = b) = prod_c (1 - q_c); the rest of the law has a density", chapter=CHAPTER)
def _joint_atom() -> Evidence:
    """Against the mixture over all sets of active channels, whose sums have no atoms."""
    weights, shape = np.array([1.0, 0.5, 2.0, -1.0]), np.array([0.7, 1.5, 0.4, 2.0])
    active = np.array([0.3, 0.6, 0.2, 0.5])
    sets = np.array(list(product([0, 1], repeat=4)))[1:]
    chance = np.prod(np.where(sets == 1, active, 1 - active), axis=1)
    parts = node(weights * sets, shape, 1.0, 1.0, 0.3)
    law = node(weights, shape, 1.0, active, 0.3)
    x = np.array([-3.0, -0.5, 0.2999, 0.3001, 0.5, 1.5, 6.0])
    atom = np.prod(1 - active)
    cdf = parts.cdf(x[:, None], method="contour") @ chance + atom * (x >= 0.3)
    density = parts.pdf(x[:, None], method="contour") @ chance
    errors = [absolute_error(law.cdf(x), cdf), relative_error(law.pdf(x), density)]
    errors.append(absolute_error(law.atoms()[0].mass, atom))
    return Evidence(max(errors), 1e-9, "cdf and density against the 15 sets of active channels")


def midpoint_sums(law: WeightedGammaSum, x: Array, step: float, count: int) -> tuple[Array, Array]:
    """The two sums of T9.4 at points x for `count` frequencies `(j + 1/2) step`: density, cdf."""
    order = np.arange(count) + 0.5
    waves = law.cf(order * step) * np.exp(-1j * np.multiply.outer(x, order * step))
    return step / np.pi * np.sum(waves.real, axis=-1), 0.5 - np.sum(waves.imag / order, axis=-1) / np.pi


def _smooth() -> list[WeightedGammaSum]:
    """Sums whose characteristic function falls fast enough for a plain sum of a few thousand frequencies."""
    rng = np.random.default_rng(94)
    return [node(rng.normal(0.1, 1, n), rng.uniform(1.5, 6, n), rng.uniform(0.3, 2, n)) for n in (4, 12, 60)]


@equation(
    "T9.4",
    "the midpoint sums are sum_m (-1)^m f(x + mP) and sum_m (F(x - 2mP) - F(x - (2m+1)P)), P = 2 pi/h",
    chapter=CHAPTER,
)
def _aliases() -> Evidence:
    """A period of three deviations, so that the aliases are large, and the library's own; f, F by the contour."""
    errors = []
    m = np.arange(-12, 13)
    for law in _smooth():
        std = float(law.std())
        period, x = 3 * std, law.mean() + std * np.linspace(-2, 2, 9)
        density, cdf = midpoint_sums(law, x, 2 * np.pi / period, 2000)
        at = x[:, None] - m * period
        sign = np.where(m % 2 == 0, 1.0, -1.0)
        aliased_density = law.pdf(at, method="contour") @ sign
        aliased_cdf = law.cdf(at, method="contour") @ sign
        errors += [std * absolute_error(density, aliased_density), absolute_error(cdf, aliased_cdf)]
        errors.append(absolute_error(law.cdf(x), law.cdf(x, method="contour")))
    return Evidence(
        max(errors), 1e-11, "25 aliases by the contour, sums of 4 to 60 terms, P = 3 deviations; and none"
    )


@equation(
    "T9.5",
    "-P(y <= x-P) <= G(x) - F(x) <= P(y > x+P), and P(y >= x) <= exp(K(s) - s x) bounds both",
    chapter=CHAPTER,
)
def _period() -> Evidence:
    """The aliasing bound for three periods; the library's range against a search for Chernoff's bound."""
    wrong, slack = [], []
    for law in _smooth():
        std, x = float(law.std()), law.mean() + law.std() * np.linspace(-2, 2, 9)
        exact = law.cdf(x, method="contour")
        for period in (3 * std, 5 * std, 9 * std):
            gap = midpoint_sums(law, x, 2 * np.pi / period, 2000)[1] - exact
            wrong += [violation(gap, law.sf(x + period, method="contour") + 1e-13)]
            wrong += [violation(-gap, law.cdf(x - period, method="contour") + 1e-13)]
        for nats in (5.0, 20.0, 40.0):
            ends = np.array(law.bulk(nats))
            tails = law.cdf(ends[0], method="contour"), law.sf(ends[1], method="contour")
            wrong += [violation(np.log(tails), -nats)]
            slack += [abs(_chernoff_exponent(law, end) / nats - 1) for end in ends]
    detail = "violation of either bound, and the exponent at the library's range, sums of 4, 12 and 60 terms"
    return Evidence(max(*wrong, *slack), 5e-3, detail)


def _chernoff_exponent(law: WeightedGammaSum, x: float) -> float:
    """sup_s (s x - K(s)), by a search that uses no derivative."""
    low, high = (float(v) for v in law.cgf_domain())
    best = optimize.minimize_scalar(
        lambda s: float(law.cgf(s)) - s * x, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    return -float(best.fun)


@equation(
    "T9.6", "the frequencies from tau on change the cdf by at most |phi(tau)|/(pi D(tau))", chapter=CHAPTER
)
def _truncation() -> Evidence:
    """Truncated sums against sums of 60,000 frequencies, and D against a numerical derivative."""
    broken, slopes = [], []
    few = node([1.0, -0.6], [0.8, 1.1], 1.0), node([2.0], 0.7, 1.0)
    for law in [*_smooth(), *few]:
        x = law.mean() + law.std() * np.linspace(-3, 4, 8)
        step = 2 * np.pi / (20 * float(law.std()))
        whole = midpoint_sums(law, x, step, 60_000)[1]
        for count in (4, 16, 64, 256):
            tau = count * step
            left = absolute_error(midpoint_sums(law, x, step, count)[1], whole)
            squares = (law.weights * law.scale * tau) ** 2
            decay = float(np.sum(law.shape * squares / (1 + squares)))
            broken.append(violation(left, float(np.abs(law.cf(tau))) / (np.pi * decay) + 1e-14))
            ratio = np.log(np.abs(law.cf(tau * 1.0001)) / np.abs(law.cf(tau / 1.0001)))
            slopes.append(abs(float(ratio) / -np.log(1.0001**2) / decay - 1))
    return Evidence(max(*broken, *slopes), 1e-6, "violation, and relative error of D; sums of 1 to 60 terms")


@equation(
    "T9.7",
    "the tilt of a sum is a sum: beta_c/(1 - s beta_c), shapes kept, odds of q_c times (1 - s beta_c)^(-k_c)",
    chapter=CHAPTER,
)
def _tilting() -> Evidence:
    """Log density and atom of the printed law against exp(sy - K(s)) times those of the law itself."""
    errors = []
    for law in [*_three_terms(), *_smooth()]:
        beta = law.weights * law.scale
        low, high = (float(np.clip(end, -30.0, 30.0)) for end in law.cgf_domain())
        for s in (0.5 * low, 0.3 * high, 0.9 * high):
            keep = 1 - s * beta
            active = law.active / (law.active + (1 - law.active) * keep**law.shape)
            printed = node(beta / keep, law.shape, 1.0, active, law.offset)
            tilted = law.tilt(s)
            x = tilted.mean() + tilted.std() * np.array([-0.3, 0.2, 2.5])
            direct = s * x - law.cgf(s) + law.logpdf(x, method="contour")
            errors += [absolute_error(each.logpdf(x, method="contour"), direct) for each in (printed, tilted)]
            atom = np.exp(s * law.offset - law.cgf(s)) * np.prod(1 - law.active)
            errors.append(absolute_error(np.prod(1 - active), atom))
    detail = "log density by the contour, and atom; eight sums, up to 0.9 of the domain"
    return Evidence(max(errors), 1e-9, detail)


_REFERENCE = (
    # weights (each twice Imhof's lambda), shape, x, P(y <= x), density
    ([12.0, 6.0, 2.0], [0.5, 0.5, 0.5], 7.0, 0.493561766530186787, 0.0563585804542019),
    ([12.0, 6.0, 2.0], [3.0, 2.0, 1.0], 120.0, 0.991230994697373017, 0.0005709363768386),
)
"""Two sums of chi-squares in the tables of Imhof (1961) and Davies (1980), recomputed to 18 digits."""


@equation(
    "T9.8",
    "f(x) = (1/2 pi i) int exp(K(s) - s x) ds along a parabola that bends towards x",
    chapter=CHAPTER,
)
def _contour() -> Evidence:
    """Published sums, recomputed in ball arithmetic, and single gammas of any shape in both tails."""
    errors = []
    for weights, shape, x, cdf, density in _REFERENCE:
        law = node(weights, shape, 1.0)
        errors += [absolute_error(law.cdf(x, method="contour"), cdf)]
        errors += [relative_error(law.pdf(x, method="contour"), density)]
    shapes = np.array([0.2, 0.4, 1.0, 3.0, 30.0])
    law, gamma = node(np.full((5, 1), -1.0), shapes[:, None], 2.0), stats.gamma(shapes, scale=2.0)
    x = gamma.ppf(np.array([1e-9, 0.01, 0.5, 0.99, 1 - 1e-9])[:, None])
    errors += [relative_error(law.pdf(-x, method="contour"), gamma.pdf(x))]
    errors += [relative_error(law.cdf(-x, method="contour"), gamma.sf(x))]
    return Evidence(max(errors), 1e-10, "rows of Imhof (1961) and Davies (1980); gammas of shape 0.2 to 30")
