"""Assignment 2: verify by simulation; judged by exact laws, dense grids and the scatter of simulated estimates."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, stats

from aggdist.coursework.task import (
    Arguments,
    Assignment,
    Task,
    Verdict,
    as_numbers,
    close_to,
    compared,
    shown,
)
from aggdist.distributions import BinomialGamma, Gamma
from aggdist.divergence import ks_distance

_LEVEL = 3.0
"""Of sqrt(n) times the distance of a sample to its own law: more than that happens once in ten million times."""


def _law(arguments: Arguments) -> BinomialGamma:
    q, a, theta, positions = arguments
    return BinomialGamma(q, a, theta, positions)


def _parameters(rng: np.random.Generator) -> Arguments:
    """q, a, theta, positions."""
    q, a, theta = rng.uniform(0.1, 0.6), rng.uniform(0.5, 3), rng.uniform(0.3, 3)
    return float(q), float(a), float(theta), int(rng.integers(2, 20))


def _sample_cases(rng: np.random.Generator) -> list[Arguments]:
    return [(int(rng.integers(2**31)), 4000, *_parameters(rng)) for _ in range(3)]


def _judge_sample(arguments: Arguments, value: Any) -> Verdict:
    """By the distance to the exact law, which a right sample exceeds once in ten million times."""
    size, got = arguments[1], as_numbers(value)
    if got is None or got.shape != (size,) or not np.all(np.isfinite(got)):
        found = shown(value) if got is None else f"shape {got.shape}"
        return Verdict(False, found, f"{size} finite numbers, shape ({size},)")
    distance, most = float(ks_distance(got, _law(arguments[2:]))), _LEVEL / np.sqrt(size)
    return Verdict(
        bool(distance < most), f"{distance:.4f} from the exact law", f"a distance below {most:.4f}"
    )


def _ks_cases(rng: np.random.Generator) -> list[Arguments]:
    """Samples of a law with an atom, of another law than the one that they are compared with."""
    cases = []
    for size in (20, 100, 400):
        parameters = _parameters(rng)
        sample = _law(parameters).sample(rng, size) * rng.uniform(0.8, 1.25)
        atom = float(rng.uniform(0.05, 0.6))
        scale = float(np.mean(sample) / (1 - atom)) + 0.1
        cases.append((np.asarray(sample), _Inflated(atom, scale)))
    return cases


class _Inflated:
    """The distribution function of an exponential law with an atom at zero."""

    def __init__(self, atom: float, scale: float) -> None:
        self.atom, self.scale = atom, scale

    def __call__(self, x: Any) -> np.ndarray:
        """P(X <= x), for numbers and arrays."""
        tail = (1 - self.atom) * np.exp(-np.maximum(x, 0) / self.scale)
        return np.where(np.asarray(x) < 0, 0.0, 1 - tail)


def _ks_on_a_grid(sample: np.ndarray, cdf: _Inflated) -> float:
    """The largest gap between two step functions on a fine grid, with points just beside every jump."""
    jumps = np.unique([0.0, *sample])
    grid = np.concatenate([jumps, np.nextafter(jumps, -np.inf), np.linspace(-1, 2 * jumps[-1], 2001)])
    share = np.mean(sample[:, None] <= grid, axis=0)
    return float(np.abs(share - cdf(grid)).max())


def _ratio_cases(rng: np.random.Generator) -> list[Arguments]:
    cases = []
    for _ in range(2):
        shape = float(rng.uniform(1.0, 4.0))
        cases.append((rng.gamma(shape, 1.0, size=(200, 1000)), shape))
    return [(samples,) for samples, _ in cases]


def _judge_ratios(arguments: Arguments, value: Any) -> Verdict:
    """Estimates by the plain moments; errors by the scatter of all estimates, which needs no formula."""
    samples, got = arguments[0], as_numbers(value)
    if got is None or got.shape != (len(samples), 2):
        found = shown(value) if got is None else f"shape {got.shape}"
        return Verdict(False, found, f"{len(samples)} pairs (estimate, standard error)")
    moments = stats.skew(samples, axis=1), stats.variation(samples, axis=1)
    first = compared(got[:, 0], moments[0] / moments[1] / 2, 0.02)
    if not first.right:
        return Verdict(False, f"estimates {first.got}", first.expected)
    scatter, mean = float(np.std(got[:, 0], ddof=1)), float(np.mean(got[:, 1]))
    # The scatter of two hundred values is itself known to 5 %, and plug-in errors are 8 % too small on average:
    # of 600 drawn cases the solution had ratios between 0.753 and 1.096.
    right = 0.65 * scatter < mean < 1.35 * scatter
    return Verdict(right, f"mean standard error {mean:.4f}", f"{scatter:.4f}, 0.65 to 1.35 times")


def _matched_distance(q: float, a: float, theta: float, positions: int) -> float:
    """The largest gap of two distribution functions: a grid, then a search around its best points."""
    exact = _law((q, a, theta, positions))
    mean, variance = float(exact.mean()), float(exact.var())
    gamma = Gamma(np.asarray(mean**2 / variance), np.asarray(variance / mean))

    def gap(x: float) -> float:
        return -abs(float(exact.cdf(x)) - float(gamma.cdf(x)))

    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1, 400), np.linspace(1, 8, 400)]) * mean
    gaps = np.abs(exact.cdf(grid) - gamma.cdf(grid))
    best = int(np.argmax(gaps))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(gap, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return float(max(gaps[best], -found.fun))


def _rate_cases(rng: np.random.Generator) -> list[Arguments]:
    cases = []
    for _ in range(3):
        sizes = np.sort(rng.choice(np.arange(4, 400), size=8, replace=False))
        noise = np.exp(0.05 * rng.standard_normal(8))
        cases.append((sizes, rng.uniform(0.1, 2) * sizes ** -rng.uniform(0.3, 1.2) * noise))
    return cases


def _slope(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    fit = stats.linregress(np.log(sizes), np.log(values))
    return np.array([-fit.slope, fit.stderr])


VERIFY = Assignment(
    2,
    "2_verify",
    "Verify numerically",
    (
        Task("pooled_sample", 5, _sample_cases, _judge_sample),
        Task("ks_with_atom", 4, _ks_cases, close_to(_ks_on_a_grid, 1e-9, 1e-9)),
        Task("ratios_with_errors", 4, _ratio_cases, _judge_ratios, seconds=20),
        Task(
            "matched_distance",
            4,
            lambda rng: [_parameters(rng) for _ in range(4)],
            close_to(_matched_distance, 5e-3, 1e-5),
        ),
        Task("rate", 3, _rate_cases, close_to(_slope, 1e-6)),
    ),
)
