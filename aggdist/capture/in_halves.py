"""A capture that keeps the statistics of two disjoint halves of each class apart.

Activations are seen only while the images pass, so what is fitted on the statistics of one half of the images, to be
judged on the other, must be told apart in the pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.cached import captured
from aggdist.capture.statistics import PooledStatistics
from aggdist.halves import split_in_halves
from aggdist.networks.checkpoint import Checkpoint


@dataclass(frozen=True)
class CapturedHalves:
    """The result of one pass over n images, with the statistics of two halves.

    Attributes
    ----------
    pooled
        Pooled features Z (n, C), float32.
    nodes
        Output nodes y (n, K), float32.
    labels
        (n,), int64.
    first
        Which images belong to the first half, booleans (n,).
    activations
        The accumulators of the activations of the first and of the second half.
    features
        Those of the pooled features.
    """

    pooled: NDArray[np.float32]
    nodes: NDArray[np.float32]
    labels: NDArray[np.int64]
    first: NDArray[np.bool_]
    activations: tuple[ActivationStatistics, ActivationStatistics]
    features: tuple[PooledStatistics, PooledStatistics]

    def all_activations(self) -> ActivationStatistics:
        """The accumulators of all images."""
        whole = self.activations[0].of_labels(slice(None))
        whole.merge(self.activations[1])
        return whole

    def all_features(self) -> PooledStatistics:
        """The accumulators of the pooled features of all images."""
        whole = self.features[0].of_labels(slice(None))
        whole.merge(self.features[1])
        return whole


def captured_in_halves(
    checkpoint: Checkpoint,
    inputs: NDArray[Any],
    labels: NDArray[np.integer],
    *,
    seed: int,
    progress: bool = True,
) -> CapturedHalves:
    """The capture of these images in random halves, from the cache where it is there; raises as `captured` does."""
    classes = checkpoint.spec.n_classes
    chosen, _ = split_in_halves(labels, len(labels), np.random.default_rng([seed, 20240402]))
    first = np.zeros(len(labels), bool)
    first[chosen] = True
    # The second half of class j goes by the label j + classes.
    told_apart = np.asarray(labels, np.int64) + classes * ~first
    found = captured(checkpoint, inputs, told_apart, n_labels=2 * classes, progress=progress)
    halves = slice(None, classes), slice(classes, None)
    return CapturedHalves(
        found.pooled,
        found.nodes,
        np.asarray(labels, np.int64),
        first,
        tuple(found.activation_statistics.of_labels(half) for half in halves),  # type: ignore[arg-type]
        tuple(found.pooled_statistics.of_labels(half) for half in halves),  # type: ignore[arg-type]
    )
