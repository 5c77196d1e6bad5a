"""Checks of chapter T11: what average, maximum and generalised mean keep of the information of N positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation import pooled_law
from aggdist.aggregation.information_efficiency import (
    average_limit,
    information_efficiency,
    pooled_divergence,
    pooled_masses,
)
from aggdist.distributions import Gumbel, WeightedGammaSum, ZeroInflatedGamma
from aggdist.divergence import kl_divergence, kl_quadrature
from aggdist.divergence.cramer import cramer_rate
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "11_information_efficiency"
EXAMPLES = (((0.05, 2.0), (0.05, 1.0)), ((0.6, 1.0), (0.4, 1.0)), ((0.15, 1.5), (0.05, 1.0)))
"""Two classes as (q, theta), exponential activations: differing in size, in how often they fire, in both."""


def law(active: ArrayLike, shape: ArrayLike, scale: ArrayLike) -> ZeroInflatedGamma:
    """Zero-inflated gammas from numbers or arrays, batch shape (R,)."""
    return ZeroInflatedGamma(
        *np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (active, shape, scale)))
    )


def examples() -> tuple[ZeroInflatedGamma, ZeroInflatedGamma]:
    """The three pairs of classes of the chapter."""
    first, second = (np.array([pair[i] for pair in EXAMPLES]) for i in (0, 1))
    return law(first[:, 0], 1.0, first[:, 1]), law(second[:, 0], 1.0, second[:, 1])


@equation("T11.1", "eta = KL(Z)/(N KL(A)) <= 1 for every pooling", chapter=_CHAPTER)
def _data_processing() -> Evidence:
    rng = np.random.default_rng(1101)
    one, two = (
        law(rng.uniform(0.1, 0.6, 12), rng.uniform(0.8, 1.6, 12), rng.uniform(0.8, 1.25, 12))
        for _ in range(2)
    )
    found = [information_efficiency(one, two, n, name) for n in (1, 4, 16) for name in ("avg", "max", "gem")]
    return Evidence(
        violation(found, 1.0 + 1e-6),
        0.0,
        "12 pairs of zero-inflated gammas; 1, 4, 16 positions; average, max, GeM",
    )


@equation("T11.2", "the average keeps all if odds(q1)/odds(q2) = (theta1/theta2)^a", chapter=_CHAPTER)
def _sufficient() -> Evidence:
    shape, scale, q2 = np.array([0.7, 1.0, 2.5]), np.array([1.6, 0.5, 1.2]), np.array([0.1, 0.3, 0.5])
    odds = q2 / (1 - q2) * scale**shape
    first, second = law(odds / (1 + odds), shape, scale), law(q2, shape, 1.0)
    lost = [1.0 - information_efficiency(first, second, n, "avg") for n in (4, 49)]
    other = information_efficiency(law(q2, shape, scale), second, 49, "avg")
    wrong = violation(other, 0.99)  # without the condition something is lost
    return Evidence(
        max(absolute_error(lost, 0.0), wrong),
        2e-3,
        "three shapes, 4 and 49 positions; and with equal q instead",
    )


def by_cramer(first: ZeroInflatedGamma, second: ZeroInflatedGamma, positions: int) -> Array:
    """N I_A(kappa_1) + (R_v - 1 - ln R_v)/2."""
    one = WeightedGammaSum(
        np.ones((*second.batch_shape, 1)),
        *(v[..., None] for v in (second.shape, second.scale, second.active)),
    )
    tilt = cramer_rate(one, first.mean())
    ratio = first.var() / tilt.variance
    return np.asarray(positions * tilt.rate + (ratio - 1.0 - np.log(ratio)) / 2)


@equation("T11.3", "KL of averages = N I_A(kappa_1) + (R_v - 1 - ln R_v)/2 + o(1)", chapter=_CHAPTER)
def _expansion() -> Evidence:
    first, second = examples()
    gaps = [
        absolute_error(pooled_divergence(first, second, n, "avg"), by_cramer(first, second, n))
        for n in (50, 400)
    ]
    falls = 0.0 if gaps[1] < gaps[0] / 2 else 1.0
    return Evidence(max(gaps[1], falls), 0.02, "three pairs of classes, in nats; 50 and 400 positions")


@equation("T11.4", "max, one scale: KL tends to q2/q1 - 1 - ln(q2/q1), whatever N", chapter=_CHAPTER)
def _maximum() -> Evidence:
    q1, q2 = np.array([0.6, 0.3, 0.1]), np.array([0.4, 0.6, 0.2])
    first, second = law(q1, 1.0, 1.0), law(q2, 1.0, 1.0)
    limit = q2 / q1 - 1 - np.log(q2 / q1)
    gumbel = kl_divergence(Gumbel(np.log(q1), np.ones(3)), Gumbel(np.log(q2), np.ones(3)))
    got = pooled_divergence(first, second, 3000, "max")
    return Evidence(
        max(absolute_error(gumbel, limit), absolute_error(got, limit)),
        2e-3,
        "3,000 positions, exponential sizes; and between Gumbel laws",
    )


@equation("T11.5", "eta of average and maximum by quadrature of the exact pooled laws", chapter=_CHAPTER)
def _two_routes() -> Evidence:
    first, second = examples()
    whole = 16 * kl_divergence(first, second)
    errors = []
    for name in ("avg", "max"):
        exact = [
            kl_quadrature(*(pooled_law(law(q, 1.0, theta), 16, name) for q, theta in pair))
            for pair in EXAMPLES
        ]
        errors.append(
            absolute_error(information_efficiency(first, second, 16, name), np.concatenate(exact) / whole)
        )
    return Evidence(max(errors), 2e-3, "three pairs of classes, 16 positions")


@equation("T11.6", "GeM: its cells against simulation, and its limits p = 1 and p large", chapter=_CHAPTER)
def _generalised_mean() -> Evidence:
    rng = np.random.default_rng(1106)
    first, _ = examples()
    both = ZeroInflatedGamma(*(v[:, None] for v in (first.active, first.shape, first.scale)))
    masses = pooled_masses(both, 16, "gem", 3.0)[:, 0]
    activations = first.sample(rng, (40_000, 16, 3))
    silent = np.mean(np.all(activations == 0, axis=1), axis=0)
    error = np.sqrt(masses[:, 0] * (1 - masses[:, 0]) / len(activations))
    far_off = violation(np.abs(masses[:, 0] - silent), 4 * error + 1e-9)
    a, b = examples()
    near = absolute_error(
        information_efficiency(a, b, 16, "gem", 1.001), information_efficiency(a, b, 16, "avg")
    )
    far = absolute_error(
        information_efficiency(a, b, 16, "gem", 40.0), information_efficiency(a, b, 16, "max")
    )
    detail = "16 positions; silence within 4 standard errors of simulation, eta at p = 1.001 and 40"
    return Evidence(max(far_off, near, far), 0.02, detail)


@equation(
    "T11.7",
    "normal averages with one correlation: KL = N_eff (difference of means)^2/(2 kappa_2)",
    chapter=_CHAPTER,
)
def _correlated() -> Evidence:
    errors = []
    for n, rho in ((9, 0.0), (49, 0.1), (49, 0.5)):
        covariance = 1.7 * ((1 - rho) * np.eye(n) + rho)
        got = 0.3**2 / (2 * covariance.mean())
        effective = n / (1 + (n - 1) * rho)
        errors.append(relative_error(effective * 0.3**2 / (2 * 1.7), got))
    return Evidence(
        max(errors), 1e-12, "9 and 49 positions, three correlations; the variance from the whole matrix"
    )


def limits() -> Array:
    """Limits of eta of the average for the three examples."""
    return average_limit(*examples())
