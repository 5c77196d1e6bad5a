"""Random output nodes with known laws: the problems on which predictions of their divergences are judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.weighted_sum import WeightedGammaSum

Array = NDArray[np.float64]


def random_nodes(
    rng: np.random.Generator, nodes: int, channels: int, separation: float, *, low_shapes: bool = False
) -> tuple[WeightedGammaSum, WeightedGammaSum]:
    """Laws in class and out of class of `nodes` output nodes that read the same gamma channels.

    Out of class: shapes U(0.5, 5) (`low_shapes`: U(0.3, 1.5)), means exp(N(-1, 0.6^2)). In class each mean is
    multiplied by `s = exp(0.12 separation clip(d, -2.5, 2.5))` and each shape by
    `exp(N(0, 0.15^2)) sqrt(max(s, 0.3))`, d ~ N(0, 1) for each channel. Weights `0.05 (0.8 N(0, 1) + 0.6 d)`: a
    head that has learned part of the difference.

    Parameters
    ----------
    rng : numpy Generator
    nodes, channels : int
    separation : float
        How far the labels are apart: with 512 channels 0.3 gives divergences near 0.2, 5 near 40.

    Returns
    -------
    p, q : WeightedGammaSum of batch shape (nodes,), in class and out of class.
    """
    shape, mean = _features(rng, channels, low_shapes)
    direction = rng.normal(size=channels)
    weights = 0.05 * (0.8 * rng.normal(size=(nodes, channels)) + 0.6 * direction)
    shape_in, mean_in = _moved(rng, shape, mean, direction, separation)
    return (
        WeightedGammaSum(weights, shape_in, mean_in / shape_in, np.ones(1)),
        WeightedGammaSum(weights, shape, mean / shape, np.ones(1)),
    )


def random_classifier(
    rng: np.random.Generator, labels: int, channels: int, separation: float, *, low_shapes: bool = False
) -> WeightedGammaSum:
    """Laws of all output nodes given all labels, batch shape (labels, labels): node k given label j.

    As `random_nodes`, with a direction of its own for each label, which the label's node reads.
    """
    shape, mean = _features(rng, channels, low_shapes)
    direction = rng.normal(size=(labels, channels))
    weights = 0.05 * (0.8 * rng.normal(size=(labels, channels)) + 0.6 * direction)
    shape_j, mean_j = _moved(rng, shape, mean, direction, separation)
    return WeightedGammaSum(weights[:, None, :], shape_j, mean_j / shape_j, np.ones(1))


def _features(rng: np.random.Generator, channels: int, low_shapes: bool) -> tuple[Array, Array]:
    shape = rng.uniform(0.3, 1.5, channels) if low_shapes else rng.uniform(0.5, 5.0, channels)
    return shape, rng.lognormal(-1.0, 0.6, channels)


def _moved(
    rng: np.random.Generator, shape: Array, mean: Array, direction: Array, separation: float
) -> tuple[Array, Array]:
    factor = np.exp(0.12 * separation * np.clip(direction, -2.5, 2.5))
    jitter = np.exp(rng.normal(0.0, 0.15, direction.shape))
    return shape * jitter * np.sqrt(np.maximum(factor, 0.3)), mean * factor
