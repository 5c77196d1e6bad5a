"""Checks of the chapter *From divergence to performance*: the error of the argmax, and data processing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions import Gamma, Normal
from aggdist.divergence import kl_divergence
from aggdist.equations.registry import Evidence, equation, relative_error, violation
from aggdist.prediction import NodeLaws, argmax_error

Array = NDArray[np.float64]
_CHAPTER = "performance"


def normal_nodes(rng: np.random.Generator, nodes: int, lead: float) -> NodeLaws:
    """Normal nodes with random means and deviations; that of the label is ahead by `lead`."""
    mean = rng.normal(size=(nodes, nodes)) + lead * np.eye(nodes)
    return NodeLaws(Normal(mean, rng.uniform(0.5, 2.0, (nodes, nodes))), np.ones(nodes))


@equation("E2.1", "independent nodes: P(correct | j) = int f_jj prod F_kj", chapter=_CHAPTER)
def _independent() -> Evidence:
    rng = np.random.default_rng(2201)
    laws = normal_nodes(rng, 6, 2.0)
    mean, deviation = laws.law.mean(), np.sqrt(laws.law.var())
    x, weight = np.polynomial.hermite_e.hermegauss(160)
    own = np.diag(mean) + np.diag(deviation) * x[:, None]  # (G, J)
    below = special.ndtr((own[:, None, :] - mean) / deviation)
    np.einsum("gkk->gk", below)[...] = 1.0
    expected = weight @ np.prod(below, axis=1) / weight.sum()
    got = argmax_error.independent_accuracy(laws).recall
    return Evidence(
        relative_error(got, expected), 1e-8, "6 normal nodes; Gauss quadrature of the formula in closed form"
    )


@equation(
    "E2.2",
    "correlated normal nodes, two of them: P(correct | j) = Phi(m/sd) of their difference",
    chapter=_CHAPTER,
)
def _correlated() -> Evidence:
    rng = np.random.default_rng(2202)
    laws, draws = normal_nodes(rng, 2, 1.0), 400_000
    rho = np.array([0.7, -0.5])
    correlation = np.eye(2) + rho[:, None, None] * (1 - np.eye(2))
    mean, deviation = laws.law.mean(), np.sqrt(laws.law.var())
    difference = np.array([mean[0, 0] - mean[1, 0], mean[1, 1] - mean[0, 1]])
    variance = np.sum(deviation**2, axis=0) - 2 * rho * np.prod(deviation, axis=0)
    found = argmax_error.copula_accuracy(laws, correlation, draws=draws, rng=rng)
    distance = np.abs(found.recall - special.ndtr(difference / np.sqrt(variance))) / found.standard_error
    return Evidence(
        float(distance.max()), 4.0, "in standard errors of 400,000 simulated images of each label"
    )


@equation("E2.3", "max_k P(y_k > y_j | j) <= P(error | j) <= sum_k P(y_k > y_j | j)", chapter=_CHAPTER)
def _union() -> Evidence:
    rng = np.random.default_rng(2203)
    worst = []
    for lead in (0.0, 1.0, 3.0, 6.0):
        laws = normal_nodes(rng, 7, lead)
        pairs = argmax_error.pairwise_errors(laws)
        error = 1.0 - argmax_error.independent_accuracy(laws).recall
        worst += [violation(pairs.max(axis=1), error + 1e-10), violation(error, pairs.sum(axis=1) + 1e-10)]
    return Evidence(max(worst), 0.0, "7 normal nodes, four leads of the right one")


@equation(
    "E2.4",
    "normal laws of one covariance: along any direction KL <= delta^2/2, with equality along Sigma^-1 Delta",
    chapter=_CHAPTER,
)
def _directions() -> Evidence:
    rng = np.random.default_rng(2204)
    root = rng.normal(size=(8, 8))
    sigma, delta = root @ root.T + np.eye(8), rng.normal(size=8)
    best = np.linalg.solve(sigma, delta)
    heads = np.concatenate([rng.normal(size=(5000, 8)), np.eye(8), best[None]])
    along = (heads @ delta) ** 2 / (2 * np.einsum("hi,ij,hj->h", heads, sigma, heads))
    bound = delta @ best / 2
    return Evidence(
        max(violation(along, bound * (1 + 1e-12)), relative_error(along[-1], bound)),
        1e-10,
        "5,009 directions, 8 features",
    )


@equation("E2.5", "data processing, average of independent gammas: KL(Z) <= N KL(A)", chapter=_CHAPTER)
def _pooling_loses() -> Evidence:
    shapes = np.array([[1.0, 1.0], [2.0, 1.2], [0.7, 2.0]])
    scales = np.array([[1.0, 1.5], [1.0, 1.0], [2.0, 0.8]])
    worst = []
    for n in (4.0, 49.0):
        one, pooled = (
            kl_divergence(*(Gamma(factor * shapes[:, i], scales[:, i] / factor) for i in (0, 1)))
            for factor in (1.0, n)
        )
        # The first pair has one shape: the mean is sufficient for the scale, and nothing is lost.
        worst += [violation(pooled, n * one * (1 + 1e-12)), relative_error(pooled[0], n * one[0])]
    return Evidence(max(worst), 1e-10, "three pairs, 4 and 49 positions; equality for one shape")
