"""Predicted divergences of output nodes against held-out outputs, estimated the same way on both sides.

Two comparisons, because the nearest-neighbour estimate has a bias of its own:

- *raw*: the estimate with k = 1 on held-out outputs against the predicted value;
- *matched*: the estimate with k = 5 on held-out outputs against the same estimate, with the same sample sizes, on
  draws from the predicted laws, so that the bias is on both sides.

A node is *saturated* where those draws average more than 10 % below the predicted law's own divergence: there the
estimator cannot see how far apart the laws are. The bounded divergence KL(in || all) can be estimated at every
separation (chapter E1), so it is what saturated nodes are compared by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.divergence.bounded import bounded_kl
from aggdist.divergence.intervals import Interval, half_sample_interval
from aggdist.divergence.matched import floor_errors
from aggdist.divergence.matched import relative_error as relative_error
from aggdist.divergence.nearest_neighbour import knn_kl
from aggdist.divergence.ties import break_ties
from aggdist.prediction.divergences import NodeDivergences, node_divergences
from aggdist.prediction.node_laws import NodeLaws
from aggdist.prediction.node_samples import NodeSampler

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

RAW_K, MATCHED_K = 1, 5
SATURATED_BELOW = 0.9
_HALVES = 40  # the standard error is then known within 11 %, and it is averaged over splits


@dataclass(frozen=True)
class Observed:
    """What held-out outputs say of each of K nodes; arrays of shape (K,)."""

    raw: list[Interval]
    matched: Array
    auc: Array
    bounded: Array
    ties: int

    @property
    def raw_values(self) -> Array:
        """The raw estimates without their intervals."""
        return np.array([estimate.value for estimate in self.raw])


@dataclass(frozen=True)
class Comparison:
    """Predicted laws against held-out outputs; arrays of shape (K,), those of draws (D, K)."""

    predicted: NodeDivergences
    draws: Array
    auc_draws: Array
    saturated: NDArray[np.bool_]

    @property
    def matched(self) -> Array:
        """Mean estimate on draws from the predicted laws."""
        return np.asarray(self.draws.mean(axis=0))

    def floor(self) -> Array:
        """Error of each draw against the mean of the others, shape (D, K): what a perfect prediction still shows."""
        return floor_errors(self.draws)

    def auc_floor(self) -> Array:
        """Absolute error of each draw's area under the curve against the predicted one, shape (D, K)."""
        return np.abs(self.auc_draws - self.predicted.auc)


def observe(outputs: Array, labels: Labels, rng: np.random.Generator) -> Observed:
    """Estimate the divergences of K output nodes from held-out outputs.

    Parameters
    ----------
    outputs : array, shape (n, K)
        Output nodes in float64 (rounding to float32 makes ties).
    labels : array of int, shape (n,)
    rng
        For the intervals from halves of the samples, and to break ties where there are any.
    """
    samples, ties = _samples(outputs, labels, rng)
    return Observed(
        raw=[half_sample_interval(knn_kl, x, y, rng=rng, draws=_HALVES) for x, y in samples],
        matched=np.array([knn_kl(x, y, MATCHED_K) for x, y in samples]),
        auc=np.array([_auc(x, y) for x, y in samples]),
        bounded=np.array([bounded_kl(x, y) for x, y in samples]),
        ties=ties,
    )


def counted(outputs: Array, labels: Labels, rng: np.random.Generator) -> Array:
    """The matched estimate (k = 5) of every node from these outputs alone, shape (K,): prediction by counting."""
    samples, _ = _samples(outputs, labels, rng)
    return np.array([knn_kl(x, y, MATCHED_K) for x, y in samples])


def compare(laws: NodeLaws, labels: Labels, *, draws: int, rng: np.random.Generator) -> Comparison:
    """Predict the divergences of nodes and estimate them on draws of the held-out sample's sizes.

    Parameters
    ----------
    laws : NodeLaws
        Predicted from other images than those that `labels` belong to, with the frequencies of `labels`.
    labels : array of int, shape (n,)
        Labels of the held-out images: they set the sample sizes.
    draws : int
        Number of simulated samples, at least 2.
    """
    counts = np.bincount(labels, minlength=laws.nodes)
    predicted = node_divergences(laws)
    sampler = NodeSampler(laws)
    estimates, areas = [], []
    # In class and out of class have their own sizes for every node, so there is no common array to work on.
    for node in range(laws.nodes):
        pairs = list(zip(*sampler.in_and_out(node, counts, draws, rng), strict=True))
        estimates.append([knn_kl(*_apart(x, y, rng), MATCHED_K) for x, y in pairs])
        areas.append([_auc(x, y) for x, y in pairs])
    simulated = np.array(estimates).T
    saturated = simulated.mean(axis=0) < SATURATED_BELOW * predicted.kl
    return Comparison(predicted, simulated, np.array(areas).T, saturated)


def _samples(
    outputs: Array, labels: Labels, rng: np.random.Generator
) -> tuple[list[tuple[Array, Array]], int]:
    """Outputs in class and out of class of every node, ties broken, and how many ties there were."""
    pairs = [(outputs[labels == k, k], outputs[labels != k, k]) for k in range(outputs.shape[1])]
    # Only ties within what the estimator compares matter: two equal images, or a node at its joint atom.
    return [_apart(x, y, rng) for x, y in pairs], sum(_ties(x, y) for x, y in pairs)


def _ties(x: Array, y: Array) -> int:
    return int(y.size + x.size - np.unique(np.concatenate([x, y])).size)


def _apart(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    return break_ties(x, y, rng=rng) if _ties(x, y) else (x, y)


def _auc(x: Array, y: Array) -> float:
    """P(X > Y) + P(X = Y) / 2 from two samples, by counting."""
    s = np.sort(y)
    return float(np.mean(np.searchsorted(s, x, "left") + np.searchsorted(s, x, "right")) / (2 * s.size))
