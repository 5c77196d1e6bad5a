"""How well the laws of pooled features fit: distances to held-out images, and examples for figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.analysis.nodes import Split, reference_model
from aggdist.distributions import Distribution
from aggdist.divergence import ks_distance, ks_two_sample
from aggdist.prediction import DEFAULT_MODEL, FeatureModel

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

CURVE_POINTS = 81
EXAMPLES = 6
# Several feature models share the law of single features; each law is judged once. The default model's is the
# zero-inflated generalised gamma.
POOLED_MODELS = ("gamma", "zero_inflated_gamma", "normal", DEFAULT_MODEL)
"""Feature models whose laws of single pooled features are compared with observed ones."""


def distances(
    models: dict[str, FeatureModel],
    fitted: Array,
    fitted_labels: Labels,
    judged: Array,
    judged_labels: Labels,
) -> dict[str, Array]:
    """Kolmogorov-Smirnov distances (J, C) by model, and between the two halves ("floor")."""
    labels = range(int(judged_labels.max()) + 1)
    # Classes have different numbers of images, so they are compared one by one.
    samples = [judged[judged_labels == j] for j in labels]
    names = [name for name in POOLED_MODELS if name in models] or [reference_model(models)]
    laws = {name: models[name].pooled_law() for name in names}
    by_model = {
        name: np.stack([ks_distance(sample, law[j]) for j, sample in enumerate(samples)])
        for name, law in laws.items()
    }
    floor = np.stack([ks_two_sample(fitted[fitted_labels == j], samples[j]) for j in labels])
    return by_model | {"floor": floor}


def pooled_summary(results: list[dict[str, Array]]) -> dict[str, Any]:
    """Mean distance by model over splits, labels and channels, and the quantiles of the first split."""
    mean = {name: float(np.mean([r[name].mean() for r in results])) for name in results[0]}
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = {name: np.quantile(values, levels) for name, values in results[0].items()}
    return {"mean_ks": mean, "ks_quantiles": quantiles, "quantile_levels": levels}


def examples(split: Split) -> list[dict[str, Any]]:
    """A few pooled features, from the best described to the worst: by the default model, else the last."""
    models = split.most.models
    distances_of = require_distances(split)
    judged = [name for name in distances_of if name in models]
    ranking = DEFAULT_MODEL if DEFAULT_MODEL in judged else judged[-1]
    distance = distances_of[ranking]
    laws = {name: models[name].pooled_law() for name in judged}
    active = laws[ranking].mean() != 0
    ranked = [i for i in np.argsort(np.where(active, distance, np.inf), axis=None) if active.flat[i]]
    chosen = [ranked[round(level * (len(ranked) - 1))] for level in np.linspace(0.02, 0.98, EXAMPLES)]
    return [_example(split, laws, *divmod(int(i), distance.shape[1])) for i in chosen]


def require_distances(split: Split) -> dict[str, Array]:
    """The distances of a split in which they were computed."""
    assert split.distances is not None
    return split.distances


def _example(split: Split, all_laws: dict[str, Distribution], label: int, channel: int) -> dict[str, Any]:
    assert split.judged is not None
    values = split.judged[split.labels == label, channel]
    low = min(0.0, float(np.quantile(values, 0.005)))  # 0 unless features may be negative
    top = max(0.0, float(np.quantile(values, 0.995)) or float(values.max()))
    if top == low:  # a channel that is silent on every judged image shows no scale of its own
        top = 1.0
    edges = np.linspace(low, top, 25)
    grid = np.linspace(low, top, CURVE_POINTS)[1:]
    laws = {name: law[label, channel] for name, law in all_laws.items()}
    return {
        "label": label,
        "channel": channel,
        "zeros": float(np.mean(values == 0)),
        "edges": edges,
        # Density of the values that are not 0; the zeros are told apart.
        "density": np.histogram(values[values != 0], edges)[0] / (values.size * np.diff(edges)),
        "grid": grid,
        "laws": {name: law.pdf(grid) for name, law in laws.items()},
        "ks": {name: float(values[label, channel]) for name, values in require_distances(split).items()},
        "predicted_zeros": {name: float(sum(a.mass for a in law.atoms())) for name, law in laws.items()},
    }
