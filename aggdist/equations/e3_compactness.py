"""Checks of the chapter *What compact features cost*."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation
from aggdist.prediction import compactness

Array = NDArray[np.float64]
_CHAPTER = "compactness"


def averaging(blocks: int, size: int) -> Array:
    """The matrix of averages over blocks of equal size."""
    return np.kron(np.eye(blocks), np.full(size, 1.0 / size))


def two_classes(rng: np.random.Generator, features: int) -> tuple[Array, Array]:
    """A difference of means and a covariance."""
    root = rng.normal(size=(features, features))
    return rng.normal(size=features), root @ root.T + 0.5 * np.eye(features)


@equation(
    "E3.1",
    "merging features never separates classes better: delta^2 falls from step to step",
    chapter=_CHAPTER,
)
def _monotone() -> Evidence:
    rng = np.random.default_rng(3301)
    worst = []
    for _ in range(200):
        delta, sigma = two_classes(rng, 12)
        steps = [compactness.separation(delta, sigma)]
        for blocks in (6, 3, 1):
            steps.append(compactness.merged_separation(delta, sigma, averaging(blocks, 12 // blocks))[0])
        worst.append(violation(steps[1:], np.array(steps[:-1]) * (1 + 1e-10)))
    return Evidence(max(worst), 0.0, "200 pairs of classes with 12 features, averaged over 6, 3 and 1 blocks")


@equation(
    "E3.2",
    "delta^2 = delta^2 of what is merged + delta^2 of what is left when that is known",
    chapter=_CHAPTER,
)
def _loss() -> Evidence:
    rng = np.random.default_rng(3302)
    errors = []
    for blocks in (1, 2, 5):
        delta, sigma = two_classes(rng, 10)
        kept, lost = compactness.merged_separation(delta, sigma, averaging(blocks, 10 // blocks))
        errors.append(relative_error(kept + lost, compactness.separation(delta, sigma)))
    return Evidence(
        max(errors), 1e-9, "10 features, three mergings; against the inverse of the whole covariance"
    )


@equation("E3.3", "nothing is lost if and only if Delta lies in Sigma P'", chapter=_CHAPTER)
def _sufficient() -> Evidence:
    rng = np.random.default_rng(3303)
    merging = averaging(3, 4)
    _, sigma = two_classes(rng, 12)
    inside = sigma @ merging.T @ rng.normal(size=3)
    kept, lost = compactness.merged_separation(inside, sigma, merging)
    outside = compactness.merged_separation(inside + 0.1 * np.eye(12)[0], sigma, merging)[1]
    wrong = 0.0 if outside > 1e-4 else 1.0
    return Evidence(
        max(absolute_error(lost / kept, 0.0), wrong),
        1e-10,
        "12 features in 3 blocks; and a difference just outside",
    )


@equation(
    "E3.4",
    "exchangeable positions: the average keeps N_eff mean^2 of N_eff mean^2 + sum of squares/(1 - rho)",
    chapter=_CHAPTER,
)
def _exchangeable() -> Evidence:
    rng = np.random.default_rng(3304)
    rho, variance, n = np.array([0.0, 0.2, 0.8]), np.array([1.0, 0.3, 4.0]), 9
    means = rng.normal(size=(2, 3, n))
    got = compactness.kept_by_averaging(means, variance, rho)
    expected = []
    for c in range(3):
        sigma = variance[c] * ((1 - rho[c]) * np.eye(n) + rho[c])
        kept, lost = compactness.merged_separation(means[1, c] - means[0, c], sigma, averaging(1, n))
        expected.append(kept / (kept + lost))
    return Evidence(
        relative_error(got, expected), 1e-10, "3 channels of 9 positions; against the general formula"
    )
