"""Sums and distances that the checks and the text of chapter T5 share, written out term by term."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from aggdist.distributions import CompoundPoissonGamma, Gamma, Normal, ZeroInflatedGamma

Array = NDArray[np.float64]
COUNTS = np.arange(400.0)
"""Numbers of active positions; enough for expected numbers up to 250."""


def series_terms(law: CompoundPoissonGamma, x: Array, last: int = 400) -> Array:
    """Terms 1..last of the series for the density at x, in a new leading axis, one logarithm each."""
    m = np.arange(1.0, last + 1).reshape(-1, *(1,) * np.ndim(x))
    y, a = x / law.scale, law.shape
    log_weight = special.xlogy(m, law.intensity) - law.intensity - special.gammaln(m + 1)
    log_density = special.xlogy(m * a - 1, y) - y - special.gammaln(m * a) - np.log(law.scale)
    return np.asarray(np.exp(log_weight + log_density))


def count_distance(positions: int, active: ArrayLike) -> Array:
    """Total variation between Binomial(N, q) and Poisson(N q), term by term, for each q (each N q < 200)."""
    q = np.asarray(active, float)[..., None]
    difference = stats.binom.pmf(COUNTS, positions, q) - stats.poisson.pmf(COUNTS, positions * q)
    return np.asarray(np.sum(np.abs(difference), axis=-1) / 2)


def pooled_distance(positions: int, active: float, shape: float) -> float:
    """Total variation between N Z and its limit: half the atoms' difference and half the densities'."""
    mean = positions * active
    m = np.arange(1.0, mean + 12 * np.sqrt(mean) + 25)
    weights = stats.binom.pmf(m, positions, active) - stats.poisson.pmf(m, mean)
    # In log x the pole of small shapes is harmless; beyond the last point the densities are below 1e-9.
    low = -20.0 / min(shape, 1.0)
    log_x = np.linspace(low, np.log(shape * m[-1] + 12 * np.sqrt(shape * m[-1]) + 30), 3001)
    a = m[:, None] * shape
    densities = np.exp(a * log_x - np.exp(log_x) - special.gammaln(a))
    between = np.trapezoid(np.abs(weights @ densities), log_x)
    return float(between + np.exp(-mean) - (1 - active) ** positions) / 2


def second_difference(mean: ArrayLike) -> Array:
    """`(mean/4) sum_m |Po(m) - 2 Po(m-1) + Po(m-2)|`: the limit of the distance of the counts over q."""
    rate = np.asarray(mean, float)[..., None]
    weights = [stats.poisson.pmf(COUNTS - k, rate) for k in (0, 1, 2)]
    total = np.sum(np.abs(weights[0] - 2 * weights[1] + weights[2]), axis=-1)
    return np.asarray(rate[..., 0] * total / 4)


def chen_bound(positions: int, active: ArrayLike) -> Array:
    """`q (1 - exp(-N q))`, the bound on the distance in total variation."""
    q = np.asarray(active, float)
    return np.asarray(-q * np.expm1(-positions * q))


def likelihood_fit(law: CompoundPoissonGamma) -> ZeroInflatedGamma:
    """The zero-inflated gamma law that maximum likelihood tends to on samples of `law` (batch of one axis).

    It has the same atom, and on the positive part the same mean and the same mean logarithm.
    """
    m = COUNTS[1:, None]
    active = -np.expm1(-law.intensity)
    weights = stats.poisson.pmf(m, law.intensity) / active
    log_mean = np.sum(weights * special.digamma(m * law.shape), axis=0) + np.log(law.scale)
    positive = Gamma.from_log_mean(law.mean() / active, log_mean)
    return ZeroInflatedGamma(active, positive.shape, positive.scale)


def sup_distances(law: CompoundPoissonGamma, *others: Gamma | Normal | ZeroInflatedGamma) -> list[Array]:
    """Largest difference of the cdfs of `law` and of each other law, each of the batch's shape.

    On a grid of 240 points with 0 among them, and just below 0, where `law` has nothing.
    """
    flat = (-1, *(1,) * len(law.batch_shape))
    steps = np.concatenate([np.geomspace(1e-6, 0.03, 60), np.linspace(0.035, 1, 80)])
    small = steps.reshape(flat) * (law.mean() + 3 * law.std())
    near = law.mean() + np.linspace(-3, 5, 99).reshape(flat) * law.std()
    x = np.concatenate([np.zeros((1, *law.batch_shape)), small, np.maximum(near, 0.0)])
    exact = law.cdf(x)
    just_below = np.full(law.batch_shape, -1e-300)
    gaps = [(np.max(np.abs(exact - g.cdf(x)), axis=0), g.cdf(just_below)) for g in others]
    return [np.maximum(gap, below) for gap, below in gaps]


def smeared_distance(atom: float) -> float:
    """Largest cdf difference when an atom at 0 is spread evenly over (-h, h), the rest being equal."""
    x = np.linspace(-1.0, 1.0, 4001)
    even = atom * np.clip((x + 1) / 2, 0, 1)
    jump = np.where(x >= 0, atom, 0.0)
    return float(np.max(np.abs(even - jump)))


def gain_field(
    chance: float, gain_variance: float, active: float, mean: float, var: float, positions: int
) -> tuple[float, float, float]:
    """(q, N_eff, atom) of A_s = g X_s: one gain g for all positions, E g = 1, P(g > 0) = `chance`.

    The X_s are independent with P(X > 0) = `active` and this mean and variance.
    """
    covariance = mean**2 * gain_variance
    whole = var * (1 + gain_variance) + covariance
    effective = positions / (1 + (positions - 1) * covariance / whole)
    return chance * active, effective, 1 - chance + chance * (1 - active) ** positions
