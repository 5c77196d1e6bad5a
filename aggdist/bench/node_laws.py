"""Density and cdf of a thousand output nodes that share 512 features, and of nodes with zero-inflated features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aggdist.bench import peers
from aggdist.bench.figure import Figure
from aggdist.bench.timing import least_ms, once_ms
from aggdist.distributions import WeightedGammaSum
from aggdist.distributions.gamma_terms import GammaTerms

Array = NDArray[np.float64]

NODES, CHANNELS, POINTS = 1000, 512, 512
INFLATED_NODES = 50
JUDGED = 12  # nodes whose error is measured
_QUAD_POINTS = 4


def plain_problem() -> WeightedGammaSum:
    """Shapes U(0.3, 30), means exp(N(-1, 0.6^2)), weights N(0.01, 0.05^2)."""
    rng = np.random.default_rng(CHANNELS)
    shape, mean = rng.uniform(0.3, 30, CHANNELS), rng.lognormal(-1, 0.6, CHANNELS)
    return WeightedGammaSum(rng.normal(0.01, 0.05, (NODES, CHANNELS)), shape, mean / shape)


def inflated_problem() -> WeightedGammaSum:
    """The first nodes of `plain_problem` with features that are positive with probability U(0.2, 1)."""
    law = plain_problem()[np.arange(INFLATED_NODES)]
    active = np.random.default_rng(CHANNELS + 1).uniform(0.2, 1, CHANNELS)
    return WeightedGammaSum(law.weights, law.shape, law.scale, active)


def terms_of(law: WeightedGammaSum, node: int) -> GammaTerms:
    """Terms of one node, shape (C,)."""
    return GammaTerms(law.weights[node] * law.scale[node], law.shape[node], law.active[node])


def errors(law: WeightedGammaSum, points: int = POINTS) -> tuple[float, float]:
    """Largest errors of tabulated densities (times the standard deviation) and cdfs, over some of the nodes."""
    table, std, worst = law.tabulate(points), law.std(), np.zeros(2)
    for node in np.linspace(0, len(std) - 1, JUDGED).astype(int):
        pdf, cdf = peers.plain_sums(terms_of(law, node), table.x[:, node])
        found = np.abs(table.pdf[:, node] - pdf).max() * std[node], np.abs(table.cdf[:, node] - cdf).max()
        worst = np.maximum(worst, found)
    return float(worst[0]), float(worst[1])


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Everything about this problem; `say` gets a line for each thing that takes long."""
    law, inflated = plain_problem(), inflated_problem()
    group, other = f"{NODES} nodes, {CHANNELS} features, {POINTS} points", "Zero-inflated features"
    plain_error, inflated_error = errors(law), errors(inflated)
    total = least_ms(law.tabulate, 4.0)
    each = least_ms(inflated.tabulate, 4.0) / INFLATED_NODES
    return [
        Figure(group, "error of pdf (times std)", plain_error[0], 1e-13, "error"),
        Figure(group, "error of cdf", plain_error[1], 1e-13, "error"),
        Figure(group, "pdf and cdf together", total, 100.0, "time", "ms"),
        *_ratios(law, group, total / NODES, say),
        Figure(other, "error of pdf (times std)", inflated_error[0], 1e-13, "error"),
        Figure(other, "error of cdf", inflated_error[1], 1e-13, "error"),
        Figure(other, "pdf and cdf of a node", each, 3.0, "time", "ms"),
    ]


def _ratios(law: WeightedGammaSum, group: str, own: float, say: Callable[[str], None]) -> list[Figure]:
    """How many times faster than other means, a node with all its points."""
    x, terms = law[np.array([0])].tabulate(POINTS).x[:, 0], terms_of(law, 0)
    some = x[:: POINTS // _QUAD_POINTS]
    say(f"  scipy's quad at {some.size} points of one node ...")
    quad = once_ms(lambda: peers.quad_sums(terms, some)) * POINTS / some.size
    found = [Figure(group, "faster than quad at 1e-10, a node", quad / own, 50.0, "ratio", "times")]
    if not peers.has_openturns():
        say("  OpenTURNS is not installed, so it is left out: pip install -c constraints.txt openturns")
        return found
    say("  OpenTURNS at all points of one node ...")
    fine = peers.plain_sums(terms, x)
    pdf, cdf = peers.openturns_sums(terms, x)
    error = max(np.abs(pdf - fine[0]).max() * float(law.std()[0]), np.abs(cdf - fine[1]).max())
    theirs = least_ms(lambda: peers.openturns_sums(terms, x), 1.0)
    return [
        Figure(group, "faster than OpenTURNS, a node", theirs / own, 1000.0, "ratio", "times"),
        Figure(group, "error of OpenTURNS so tuned", float(error), None, "error"),
        *found,
    ]
