"""Predicted divergences of output nodes against held-out outputs, estimated the same way on both sides.

Two comparisons, because the nearest-neighbour estimate has a bias of its own:

- *raw*: the estimate with k = 1 on held-out outputs against the predicted value;
- *matched*: the estimate with k = 5 on held-out outputs against the same estimate, with the same sample sizes, on
  draws from the predicted laws, so that the bias is on both sides.

A node is *saturated* where those draws average more than 10 % below the predicted law's own divergence: there the
estimator cannot see how far apart the laws are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.divergence.matched import floor_errors
from aggdist.divergence.matched import relative_error as relative_error
from aggdist.divergence.nearest_neighbour import KLEstimate, knn_kl, knn_kl_interval
from aggdist.divergence.ties import break_ties
from aggdist.prediction.divergences import NodeDivergences, node_divergences
from aggdist.prediction.feature_models import FeatureModel

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

RAW_K, MATCHED_K = 1, 5
SATURATED_BELOW = 0.9


@dataclass(frozen=True)
class Observed:
    """What held-out outputs say of each of K nodes."""

    raw: list[KLEstimate]
    matched: Array
    auc: Array
    ties: int


@dataclass(frozen=True)
class Comparison:
    """One feature model against held-out outputs; arrays of shape (K,), draws of shape (D, K)."""

    predicted: NodeDivergences
    draws: Array
    saturated: NDArray[np.bool_]

    @property
    def matched(self) -> Array:
        """Mean estimate on draws from the predicted laws."""
        return np.asarray(self.draws.mean(axis=0))

    def floor(self) -> Array:
        """Error of each draw against the mean of the others, shape (D, K): what a perfect prediction still shows."""
        return floor_errors(self.draws)


def observe(outputs: Array, labels: Labels, rng: np.random.Generator) -> Observed:
    """Estimate the divergences of K output nodes from held-out outputs.

    Parameters
    ----------
    outputs : array, shape (n, K)
        Output nodes in float64 (rounding to float32 makes ties).
    labels : array of int, shape (n,)
    rng
        For the bootstrap intervals, and to break ties where there are any.
    """
    nodes = range(outputs.shape[1])
    samples = [_in_and_out(outputs, labels, k) for k in nodes]
    # Only ties within what the estimator compares matter: two equal images, or a node at its joint atom.
    ties = [int(y.size + x.size - np.unique(np.concatenate([x, y])).size) for x, y in samples]
    samples = [break_ties(x, y, rng=rng) if t else (x, y) for (x, y), t in zip(samples, ties, strict=True)]
    return Observed(
        raw=[knn_kl_interval(x, y, RAW_K, rng=rng) for x, y in samples],
        matched=np.array([knn_kl(x, y, MATCHED_K) for x, y in samples]),
        auc=np.array([_auc(x, y) for x, y in samples]),
        ties=sum(ties),
    )


def compare(
    model: FeatureModel, weights: Array, bias: Array, labels: Labels, *, draws: int, rng: np.random.Generator
) -> Comparison:
    """Predict the divergences of a head's nodes and estimate them on draws of the held-out sample's sizes.

    Parameters
    ----------
    model : FeatureModel
        Fitted on other images than those that `labels` belong to.
    weights, bias : arrays, shapes (K, C) and (K,)
    labels : array of int, shape (n,)
        Labels of the held-out images: they set the sample sizes and the frequencies out of class.
    draws : int
        Number of simulated samples, at least 2.
    """
    priors = np.bincount(labels, minlength=len(bias)).astype(float)
    predicted = node_divergences(model.node_laws(weights, bias, priors))
    simulated = np.stack(
        [
            _matched_estimates(model.sample_outputs(weights, bias, labels, rng), labels, rng)
            for _ in range(draws)
        ]
    )
    saturated = simulated.mean(axis=0) < SATURATED_BELOW * predicted.kl
    return Comparison(predicted, simulated, saturated)


def _matched_estimates(outputs: Array, labels: Labels, rng: np.random.Generator) -> Array:
    values = []
    # In class and out of class have their own sizes for every node, so there is no common array to work on.
    for k in range(outputs.shape[1]):
        x, y = _in_and_out(outputs, labels, k)
        if np.unique(np.concatenate([x, y])).size < x.size + y.size:
            x, y = break_ties(x, y, rng=rng)
        values.append(knn_kl(x, y, MATCHED_K))
    return np.array(values)


def _in_and_out(outputs: Array, labels: Labels, node: int) -> tuple[Array, Array]:
    inside = labels == node
    return outputs[inside, node], outputs[~inside, node]


def _auc(x: Array, y: Array) -> float:
    """P(X > Y) + P(X = Y) / 2 from two samples, by counting."""
    s = np.sort(y)
    return float(np.mean(np.searchsorted(s, x, "left") + np.searchsorted(s, x, "right")) / (2 * s.size))
