"""The prediction ladder: the same divergences predicted from ever more of what is known about the features.

It begins upstream of pooling, with statistics of activations, and ends with what the network's features are in fact.
Each rung drops one assumption, so its gain is what that assumption costs. All rungs are fitted on the same half of the
images and judged on the other half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.statistics import PooledStatistics
from aggdist.prediction import (
    DEFAULT_MODEL,
    FEATURE_MODELS,
    FeatureModel,
    FittingImages,
    activation_models,
    compare,
    observe,
    relative_error,
)

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

DOWNSTREAM = ("zero_inflated_gamma", "normal", DEFAULT_MODEL)
"""Rungs that are fitted on pooled features, after those that are fitted on activations."""


def analyse_ladder(
    activations: ActivationStatistics,
    pooled: PooledStatistics,
    fitting: tuple[Array, Labels],
    judging: tuple[Array, Labels],
    head: tuple[Array, Array],
    aggregation: str,
    *,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Predict on every rung, judge, and put together for the record.

    Parameters
    ----------
    activations, pooled
        Statistics of the fitting images, of activations and of pooled features.
    fitting, judging
        Pooled features (n, C) and labels (n,) of the fitting and of the judging images.
    head
        Weights (K, C) and biases (K,).
    aggregation : str
        "avg", "max" or "gem" (of power 3).

    Returns
    -------
    dict
        `observed` (matched estimates, shape (K,)), `fit` and `judge` (images of each class), and `rungs`: by model, in
        order, kl, matched and saturated of every node, and medians of the errors over all nodes, for this one split.
    """
    rng = np.random.default_rng([seed, 20240403])
    weights, bias = head
    features, labels = judging
    observed = observe(features @ weights.T + bias, labels, rng)
    priors = np.bincount(labels, minlength=len(bias)).astype(float)
    rungs: dict[str, FeatureModel] = activation_models(activations, pooled, aggregation)
    images = FittingImages(*fitting, len(bias))
    rungs |= {name: FEATURE_MODELS[name].fit_images(images) for name in DOWNSTREAM}
    found: dict[str, Mapping[str, Any]] = {}
    for name, model in rungs.items():
        comparison = compare(model.node_laws(weights, bias, priors), labels, draws=draws, rng=rng)
        raw = relative_error(comparison.predicted.kl, observed.raw_values)
        matched = relative_error(comparison.matched, observed.matched)
        found[name] = {
            "title": model.title,
            "kl": comparison.predicted.kl,
            "matched": comparison.matched,
            "saturated": comparison.saturated,
            "all_nodes_raw_error": float(np.median(raw)),
            "all_nodes_matched_error": float(np.median(matched)),
            "all_nodes_floor": float(np.mean(np.median(comparison.floor(), axis=1))),
            "auc_error": float(np.mean(np.abs(comparison.predicted.auc - observed.auc))),
        }
    return {
        "observed": observed.matched,
        "fit": np.bincount(fitting[1]),
        "judge": np.bincount(labels),
        "rungs": found,
    }
