"""Checks of chapter T6: positions that depend on each other."""

from __future__ import annotations

from functools import partial
from itertools import permutations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import (
    ImageVariation,
    effective_positions,
    grid_correlation,
    image_mixture,
)
from aggdist.distributions import ZeroInflatedGamma
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "06_correlated_positions"
_IMAGES = ZeroInflatedGamma(np.array([0.08, 0.3, 0.55, 0.9]), np.full(4, 1.4), np.array([0.5, 1.0, 0.7, 2.0]))
"""Laws of one activation for four kinds of image."""
_CHANCES = np.array([0.4, 0.3, 0.2, 0.1])


def _four_kinds() -> ImageVariation:
    return ImageVariation.of_laws(_IMAGES.mean(), _IMAGES.var(), _IMAGES.cumulant(3), _CHANCES)


class JointLaw(NamedTuple):
    """All maps (outcomes, N) that can occur, and their probabilities."""

    maps: Array
    chances: Array

    def mean(self, values: Array) -> Array:
        """Expectation of values (outcomes, ...)."""
        return np.tensordot(self.chances, values, 1)

    def pooled_cumulants(self) -> Array:
        """First three cumulants of the average over positions."""
        z = self.maps.mean(axis=1)
        deviation = z - self.mean(z)
        return np.array([self.mean(z), self.mean(deviation**2), self.mean(deviation**3)])

    def covariance(self) -> Array:
        """Covariance matrix (N, N) of the positions."""
        deviation = self.maps - self.mean(self.maps)
        return np.asarray(np.einsum("o,os,ot->st", self.chances, deviation, deviation))


def _random_joint_law(seed: int, positions: int = 4) -> JointLaw:
    """Any dependence: random probabilities for all maps of three values, positions with different laws."""
    rng = np.random.default_rng(seed)
    maps = np.array(list(product([0.0, 1.0, 4.0], repeat=positions)))
    return JointLaw(maps, rng.dirichlet(np.full(len(maps), 0.2)))


def _shuffled(law: JointLaw) -> JointLaw:
    """The joint law after a uniformly random permutation of the positions."""
    orders = [list(order) for order in permutations(range(law.maps.shape[1]))]
    maps = np.concatenate([law.maps[:, order] for order in orders])
    return JointLaw(maps, np.tile(law.chances, len(orders)) / len(orders))


def _mean_correlation(covariance: Array) -> float:
    n = len(covariance)
    return float((covariance.sum() - np.trace(covariance)) / (n - 1) / np.trace(covariance))


@equation("T6.1", "Var Z = kappa_2/N_eff with -1/(N-1) <= rho <= 1, both ends attained", chapter=_CHAPTER)
def _variance_and_bounds() -> Evidence:
    errors = []
    for law in map(_random_joint_law, range(20)):
        covariance = law.covariance()
        rho = _mean_correlation(covariance)
        predicted = np.trace(covariance) / 4 / effective_positions(rho, 4)
        errors += [relative_error(law.pooled_cumulants()[1], predicted)]
        errors += [violation(rho, 1.0), violation(-1 / 3, rho)]
    for maps, expected in ((np.eye(5), -1 / 4), (np.repeat([[0.0], [1.0], [4.0]], 5, axis=1), 1.0)):
        law = JointLaw(maps, np.full(len(maps), 1 / len(maps)))
        errors.append(abs(_mean_correlation(law.covariance()) - expected))
    return Evidence(max(errors), 1e-12, "20 random joint laws of 4 positions enumerated; one winner; copies")


def shuffled_correlation(means: Array, covariance: Array) -> float:
    """rho after shuffling, from the means and the covariances of the positions."""
    n = len(means)
    off_diagonal = (covariance.sum() - np.trace(covariance)) / (n * (n - 1))
    variance = np.trace(covariance) / n + means.var()
    return float((off_diagonal - means.var() / (n - 1)) / variance)


@equation(
    "T6.2",
    "shuffled positions: same Z, Var A_S, rho = (cbar - var_s kappa_1/(N-1))/Var A_S",
    chapter=_CHAPTER,
)
def _shuffling() -> Evidence:
    errors = []
    for law in map(_random_joint_law, range(20, 30)):
        mixed = _shuffled(law)
        rho = shuffled_correlation(law.mean(law.maps), law.covariance())
        errors.append(relative_error(mixed.pooled_cumulants(), law.pooled_cumulants()))
        errors.append(abs(rho - _mean_correlation(mixed.covariance())))
        pot = law.mean((law.maps**2).mean(axis=1)) - law.mean(law.maps.mean(axis=1)) ** 2
        errors.append(relative_error(law.pooled_cumulants()[1], pot / effective_positions(rho, 4)))
    return Evidence(max(errors), 1e-11, "10 random joint laws of 4 positions, all 24 permutations enumerated")


@equation("T6.3", "grid: rho = sum (H-|dy|)(W-|dx|) c/(N(N-1)); N/N_eff -> sum of c", chapter=_CHAPTER)
def _grid() -> Evidence:
    """All pairs; the product form of a Gaussian correlation; Poisson's sum for its limit 2 pi l^2."""
    y, x = (v.ravel() for v in np.mgrid[:4, :6])
    distance = np.hypot(y[:, None] - y, x[:, None] - x)
    rho = grid_correlation(lambda d: np.exp(-d / 1.7), 4, 6)
    errors = [abs(float(rho) - _mean_correlation(np.exp(-distance / 1.7)))]
    for length in (0.8, 2.0):
        for side in (7, 60):
            rho = grid_correlation(partial(_gaussian, length=length), side, side)
            line = 1 + 2 * np.sum((1 - _LINE[:side] / side) * _gaussian(_LINE[:side], length))
            errors.append(relative_error(side**2 / effective_positions(rho, side**2), line**2))
        limit = 1 + 2 * np.sum(_gaussian(_LINE, length))
        theta = 1 + 2 * np.exp(-2 * (np.pi * length) ** 2)
        errors.append(relative_error(limit**2, 2 * np.pi * (length * theta) ** 2))
    return Evidence(
        max(errors), 1e-10, "all pairs of a 4 x 6 grid; product form; theta function in the limit"
    )


_LINE = np.arange(1.0, 200.0)


def _gaussian(distance: Array, length: float) -> Array:
    return np.asarray(np.exp(-(distance**2) / (2 * length**2)))


def _images_with_a_shared_term() -> tuple[list[JointLaw], Array]:
    """Three kinds of image; inside each the positions share a coin, so they are correlated there too."""
    bases, chances = (0.0, 1.0, 3.0), np.array([0.5, 0.3, 0.2])
    outcomes = np.array(list(product([0.0, 1.0], repeat=4)))  # the shared coin, then three positions
    p = np.where(outcomes > 0, 0.3, 0.7).prod(axis=1)
    return [JointLaw(b + (1 + b) * (outcomes[:, 1:] + outcomes[:, :1]), p) for b in bases], chances


@equation("T6.4", "1/N_eff = rho_b + (1 - rho_b)/N_w, between and within images", chapter=_CHAPTER)
def _between_and_within() -> Evidence:
    images, chances = _images_with_a_shared_term()
    means = np.array([law.pooled_cumulants()[0] for law in images])
    within = chances @ [np.trace(law.covariance()) / 3 for law in images]
    rho_b = chances @ (means - chances @ means) ** 2
    rho_b = rho_b / (rho_b + within)
    inside = within / (chances @ [law.pooled_cumulants()[1] for law in images])
    joint = JointLaw(
        np.concatenate([law.maps for law in images]),
        np.concatenate([c * law.chances for c, law in zip(chances, images, strict=True)]),
    )
    n_eff = effective_positions(_mean_correlation(joint.covariance()), 3)
    error = relative_error(rho_b + (1 - rho_b) / inside, 1 / n_eff)
    return Evidence(error, 1e-12, "three kinds of image whose positions share a coin, enumerated")


def given_image(kinds: Array, positions: int) -> JointLaw:
    """Positions that are independent given the image; one row of `kinds` is its law on 0, 1 and 4."""
    values, chances = np.array([0.0, 1.0, 4.0]), np.array([0.5, 0.3, 0.2])
    outcomes = np.array(list(product(range(3), repeat=positions)))
    each = [c * row[outcomes].prod(axis=1) for c, row in zip(chances, kinds, strict=True)]
    return JointLaw(np.tile(values[outcomes], (3, 1)), np.concatenate(each))


@equation(
    "T6.6", "kappa_3(Z) = kappa_3(m) + 3 Cov(m, v)/N + E k/N^2; kappa_2(Z) = Var m + E v/N", chapter=_CHAPTER
)
def _total_cumulance() -> Evidence:
    kinds = np.random.default_rng(65).dirichlet(np.ones(3), 3)
    values = np.array([0.0, 1.0, 4.0])
    mean = kinds @ values
    second, third = (np.sum(kinds * (values - mean[:, None]) ** r, axis=1) for r in (2, 3))
    variation = ImageVariation.of_laws(mean, second, third, [0.5, 0.3, 0.2])
    errors = [
        relative_error(variation.cumulants(n), given_image(kinds, n).pooled_cumulants()) for n in range(1, 6)
    ]
    seen = _four_kinds()
    errors.append(relative_error(seen.cumulants(49), _cumulants_by_quadrature(49)))
    return Evidence(
        max(errors), 1e-8, "3 kinds of image enumerated, N = 1 to 5; density by quadrature, N = 49"
    )


def _cumulants_by_quadrature(n: int) -> Array:
    """Of the mixture over `_IMAGES`, by the trapezium rule in log Z; the rest of the mass is at 0."""
    z = np.exp(np.arange(-23.0, 3.5, 0.01))
    mass = image_mixture(_IMAGES, n, weights=_CHANCES).pdf(z) * z * 0.01
    mean, atom = np.sum(z * mass), 1 - np.sum(mass)
    return np.array([mean, *(np.sum((z - mean) ** r * mass) + (-mean) ** r * atom for r in (2, 3))])


def blocks(n: int, copies: int) -> JointLaw:
    """n/copies independent draws of 0 or 1 (probability 0.2), each copied to a block of positions."""
    outcomes = np.array(list(product([0.0, 1.0], repeat=n // copies)))
    chances = np.where(outcomes > 0, 0.2, 0.8).prod(axis=1)
    return JointLaw(np.repeat(outcomes, copies, axis=1), chances)


def coin(n: int, rho: float) -> JointLaw:
    """With probability rho all positions are equal, else independent; 0 or 1 as in `blocks`."""
    apart, alike = blocks(n, 1), blocks(n, n)
    maps = np.concatenate([apart.maps, alike.maps])
    return JointLaw(maps, np.concatenate([(1 - rho) * apart.chances, rho * alike.chances]))


def third_ratios(n: int, copies: int) -> Array:
    """kappa_3(Z) N_eff^2/kappa_3(A) of `blocks` and of `coin` at the same rho, as printed in the chapter."""
    rho = (copies - 1) / (n - 1)
    n_eff = effective_positions(rho, n)
    return np.array([1.0, (rho + (1 - rho) / n**2) * n_eff**2])


@equation(
    "T6.5", "one law of A, one rho: kappa_3(Z) N_eff^2/kappa_3 is 1 or rho N_eff^2 + ...", chapter=_CHAPTER
)
def _variance_only() -> Evidence:
    n, copies, errors = 12, 3, []
    rho = (copies - 1) / (n - 1)
    third = 0.2 * 0.8 * 0.6
    for law, ratio in zip((blocks(n, copies), coin(n, rho)), third_ratios(n, copies), strict=True):
        n_eff = effective_positions(rho, n)
        errors.append(abs(_mean_correlation(law.covariance()) - rho))
        errors.append(absolute_error(law.mean(law.maps), 0.2))
        errors.append(relative_error(law.pooled_cumulants()[2] * n_eff**2 / third, ratio))
    return Evidence(max(errors), 1e-11, "12 positions in blocks of 3, and one coin for all, enumerated")


@equation("T6.7", "W_1(Z, m) <= sqrt(E v/N): Z tends to the image's own mean", chapter=_CHAPTER)
def _limit() -> Evidence:
    """The distance of the distribution functions by integration, N = 1 to 10,000; it must also fall."""
    m, v = _IMAGES.mean(), _IMAGES.var()
    z = np.linspace(0.0, 14.0, 7001)
    step = np.sum(_CHANCES * (m <= z[:, None]), axis=1)
    distances, bounds = [], []
    for n in (1, 10, 100, 1000):
        cdf = image_mixture(_IMAGES, n, weights=_CHANCES, method="gamma").cdf(z)
        distances.append(np.trapezoid(np.abs(cdf - step), z))
        bounds.append(np.sqrt(_CHANCES @ v / n))
    falling = violation(distances[1:], np.array(distances[:-1]) / 2)
    error = max(violation(distances, np.array(bounds)), falling)
    return Evidence(error, 1e-9, "distance by integration for 4 kinds of image, N = 1 to 1000")


def third_from_joint(n: int, one: float, two: float, three: float) -> float:
    """kappa_3(Z) from the joint cumulants of one, two and three different positions."""
    return (one + 3 * (n - 1) * two + (n - 1) * (n - 2) * three) / n**2


def _joint_thirds(law: JointLaw) -> list[float]:
    """Mean joint third cumulants of equal, two and three different positions, about the overall mean."""
    d = law.maps - law.mean(law.maps.mean(axis=1))
    s1, s2, s3 = (np.sum(d**r, axis=1) for r in (1, 2, 3))
    n = law.maps.shape[1]
    sums = (s3, s2 * s1 - s3, s1**3 - 3 * s2 * s1 + 2 * s3)
    counts = (n, n * (n - 1), n * (n - 1) * (n - 2))
    return [float(law.mean(s)) / c for s, c in zip(sums, counts, strict=True)]


@equation(
    "T6.11", "kappa_3(Z) = (k_111 + 3(N-1) k_112 + (N-1)(N-2) k_123)/N^2, any dependence", chapter=_CHAPTER
)
def _three_positions() -> Evidence:
    errors = []
    for law in map(_random_joint_law, range(40, 60)):
        errors.append(relative_error(third_from_joint(4, *_joint_thirds(law)), law.pooled_cumulants()[2]))
    seen = _four_kinds()
    parts = (seen.cumulants(1)[2], seen.between_third + seen.covariance, seen.between_third)
    errors.append(relative_error(third_from_joint(49, *map(float, parts)), seen.cumulants(49)[2]))
    return Evidence(
        max(errors), 1e-9, "20 random joint laws enumerated; independence given the image, N = 49"
    )
