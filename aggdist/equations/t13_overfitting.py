"""Checks of chapter T13: how training and test part when a head is learnt from few examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from aggdist.equations.registry import Evidence, equation, relative_error
from aggdist.prediction import head_overfitting as theory

Array = NDArray[np.float64]
_CHAPTER = "13_overfitting"


def simulated_separations(
    scales: Array, difference: Array, examples: int, repeats: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Training and test separation of learnt heads (repeats,); independent features of these standard deviations."""
    noise = rng.normal(size=(repeats, scales.size)) * scales * np.sqrt(2 / examples)
    head = difference + noise
    variance = head**2 @ scales**2
    return np.sum(head * head, axis=1) ** 2 / variance, (head @ difference) ** 2 / variance


@equation(
    "T13.1",
    "E |w|^2 = |Delta|^2 + 2 tr Sigma/n and E w'Sigma w = Delta'Sigma Delta + 2 tr Sigma^2/n",
    chapter=_CHAPTER,
)
def _moments() -> Evidence:
    rng = np.random.default_rng(1301)
    root = rng.normal(size=(6, 6))
    sigma, delta, n = root @ root.T, rng.normal(size=6), 7
    got = delta @ delta + 2 * np.trace(sigma) / n, delta @ sigma @ delta + 2 * np.trace(sigma @ sigma) / n
    # The other route: w = Delta + e with e of covariance 2 Sigma/n, by Gauss quadrature along its principal axes.
    values, axes = np.linalg.eigh(sigma)
    x, weight = np.polynomial.hermite_e.hermegauss(4)
    along = axes.T @ delta
    second = np.array(
        [
            (weight / weight.sum()) @ (a + np.sqrt(2 * v / n) * x) ** 2
            for a, v in zip(along, values, strict=True)
        ]
    )
    return Evidence(
        relative_error(got, [second.sum(), values @ second]), 1e-12, "6 correlated features, n = 7"
    )


@equation(
    "T13.2", "training and test separation tend to their limits as the dimension grows", chapter=_CHAPTER
)
def _separations() -> Evidence:
    rng = np.random.default_rng(1302)
    errors = []
    for d, n in ((4000, 20), (4000, 200)):
        scales = rng.uniform(0.5, 1.5, d)
        difference = rng.normal(size=d) * 4 / np.sqrt(d)
        along = difference**2 @ scales**2
        numbers = (difference @ difference, along, np.sum(scales**2), np.sum(scales**4))
        moments = theory.DifferenceMoments(*map(np.asarray, numbers))
        train, test = simulated_separations(scales, difference, n, 400, rng)
        errors += [
            relative_error(train.mean(), theory.training_separation(moments, n)),
            relative_error(test.mean(), theory.held_out_separation(moments, n)),
        ]
    return Evidence(
        max(errors), 0.02, "400 heads each on 4,000 features of different variances, n = 20 and 200"
    )


@equation(
    "T13.3",
    "unit covariance: KL of training delta^2/2 + d/n, of test (delta^2/2)/(1 + 2d/(n delta^2))",
    chapter=_CHAPTER,
)
def _unit() -> Evidence:
    delta2, d, n = np.array([4.0, 9.0, 30.0]), np.array([10.0, 400.0, 6000.0]), np.array([5.0, 50.0, 100.0])
    moments = theory.whitened(delta2, d)
    got = (
        theory.kl_of(theory.training_separation(moments, n)),
        theory.kl_of(theory.held_out_separation(moments, n)),
    )
    expected = delta2 / 2 + d / n, delta2 / 2 / (1 + 2 * d / (n * delta2))
    return Evidence(relative_error(got, expected), 1e-12, "the general formula against the special one")


@equation(
    "T13.4",
    "exchangeable positions: delta^2 of the map is that of the average and the variation between positions",
    chapter=_CHAPTER,
)
def _exchangeable() -> Evidence:
    rng = np.random.default_rng(1304)
    errors = []
    for rho in (-0.05, 0.0, 0.3, 0.9):
        covariance = 2.0 * ((1 - rho) * np.eye(12) + rho)
        for delta in (rng.normal(size=12), np.ones(12), np.eye(12)[0]):
            flat, averaged = theory.exchangeable_separation(delta, 2.0, rho)
            errors.append(relative_error(flat, delta @ np.linalg.solve(covariance, delta)))
            errors.append(relative_error(averaged, delta.mean() ** 2 / covariance.mean()))
    return Evidence(max(errors), 1e-11, "12 positions, four correlations; solved as linear equations")


@equation("T13.5", "averaging wins below n* = 2C(N a^2 - f^2)/(a f (f - a))", chapter=_CHAPTER)
def _break_even() -> Evidence:
    channels, positions, a, f = 32, 49, 9.0, 16.0

    def lead(n: float) -> float:
        pooled, flat = theory.whitened(a, channels), theory.whitened(f, channels * positions)
        return float(theory.held_out_separation(pooled, n) - theory.held_out_separation(flat, n))

    root = optimize.brentq(lead, 1.0, 1e6, xtol=1e-9)
    wrong = 0.0 if lead(root / 2) > 0 > lead(root * 2) else 1.0
    error = relative_error(theory.break_even(a, f, channels, positions), root)
    return Evidence(
        max(error, wrong), 1e-9, "delta^2 of 9 and 16, 32 channels, 49 positions; the root of the difference"
    )


@equation(
    "T13.6",
    "the moments are estimated without bias, also from fewer examples than features",
    chapter=_CHAPTER,
)
def _estimates() -> Evidence:
    rng = np.random.default_rng(1306)
    scales, difference = np.linspace(0.5, 1.5, 60), np.full(60, 0.2)
    found = []
    for _ in range(1500):
        x, y = (rng.normal(size=(12, 60)) * scales + shift for shift in (difference, 0.0))
        m = theory.difference_moments(x, y)
        found.append([m.signal, m.along, m.trace, m.trace_square])
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(len(found))
    truth = [difference @ difference, difference**2 @ scales**2, np.sum(scales**2), np.sum(scales**4)]
    return Evidence(
        float(np.max(np.abs(mean - truth) / error)),
        4.0,
        "in standard errors; 1,500 samples of 12 + 12 with 60 features",
    )
