"""From pooled features of held-out images to everything that a record says about them.

The test images are halved at random, one half for fitting the feature models, the other for judging them, again and
again; medians over nodes are taken within a split, means over splits. Curves and examples are those of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggdist.capture.statistics import PooledStatistics
from aggdist.divergence import ks_distance, ks_two_sample
from aggdist.halves import split_in_halves
from aggdist.prediction import (
    FEATURE_MODELS,
    Comparison,
    FeatureModel,
    Observed,
    compare,
    observe,
    relative_error,
)

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

CURVE_POINTS = 81
HISTOGRAM_BINS = 40
EXAMPLES = 6

FitModels = Callable[[Array, Labels, int], dict[str, FeatureModel]]
"""From features (n, C), labels (n,) and the number of labels to fitted models by name."""


def fit_all(features: Array, labels: Labels, n_classes: int) -> dict[str, FeatureModel]:
    """Every feature model, fitted on non-negative features."""
    statistics = PooledStatistics.of(features, labels, n_classes)
    return {name: model.fit(statistics) for name, model in FEATURE_MODELS.items()}


@dataclass(frozen=True)
class Analysis:
    """What one run found; dictionaries hold arrays and numbers only, see the record.

    Attributes
    ----------
    protocol : dict
        Sizes: fitting and judging images of each class, splits, draws, neighbours.
    pooled : dict
        Kolmogorov-Smirnov distances of the fitted laws of pooled features by model, the two-sample floor,
        and a few examples with their histograms and densities.
    nodes : dict
        For each output node the empirical divergences with intervals, the predicted ones by model, whether it
        is saturated, and errors.
    curves : dict
        Densities of every node in class and out of class, observed and predicted.
    """

    protocol: dict[str, Any]
    pooled: dict[str, Any]
    nodes: dict[str, Any]
    curves: dict[str, Any]


@dataclass(frozen=True)
class _Split:
    """One halving of the images, and what came of it."""

    models: dict[str, FeatureModel]
    observed: Observed
    comparisons: dict[str, Comparison]
    distances: dict[str, Array]
    judged: Array
    labels: Labels


def analyse_features(
    features: Array,
    labels: Labels,
    weights: Array,
    bias: Array,
    *,
    fit_per_class: int,
    splits: int,
    draws: int,
    seed: int,
    progress: bool = True,
    fit_models: FitModels = fit_all,
) -> Analysis:
    """Fit the feature models on one half of the images and judge their predictions on the other half.

    Parameters
    ----------
    features : array, shape (n, C)
        Non-negative pooled features of held-out images.
    labels : array of int, shape (n,)
    weights, bias : arrays, shapes (K, C) and (K,)
        The linear head.
    fit_per_class : int
        Fitting images of each class, capped at half of the class; as many are judged, or all that are left
        where the cap is reached.
    splits, draws : int
        Random halvings, and simulated samples for each of them.
    seed : int
    fit_models : function, optional
        Fits the models that are judged; all of `FEATURE_MODELS` unless given.
    """
    rng = np.random.default_rng([seed, 20240401])
    features = np.asarray(features, np.float64)
    results = []
    for _ in tqdm(range(splits), desc="analysing", unit="split", disable=None if progress else True):
        fit, judge = split_in_halves(labels, fit_per_class, rng)
        results.append(_one_split(features, labels, weights, bias, fit, judge, draws, rng, fit_models))
    first = results[0]
    return Analysis(
        protocol=_protocol(labels, fit_per_class, splits, draws),
        pooled=_pooled_summary(results) | {"examples": _examples(first)},
        nodes=_node_summary(results),
        curves=_curves(first, weights, bias),
    )


def _one_split(
    features: Array,
    labels: Labels,
    weights: Array,
    bias: Array,
    fit: NDArray[np.intp],
    judge: NDArray[np.intp],
    draws: int,
    rng: np.random.Generator,
    fit_models: FitModels,
) -> _Split:
    models = fit_models(features[fit], labels[fit], len(bias))
    judged, judged_labels = features[judge], labels[judge]
    comparisons = {
        name: compare(model, weights, bias, judged_labels, draws=draws, rng=rng)
        for name, model in models.items()
    }
    return _Split(
        models,
        observe(judged @ weights.T + bias, judged_labels, rng),
        comparisons,
        _distances(models, features[fit], labels[fit], judged, judged_labels),
        judged,
        judged_labels,
    )


def _distances(
    models: dict[str, FeatureModel],
    fitted: Array,
    fitted_labels: Labels,
    judged: Array,
    judged_labels: Labels,
) -> dict[str, Array]:
    """Kolmogorov-Smirnov distances (J, C) by model, and between the two halves ("floor")."""
    names = range(int(judged_labels.max()) + 1)
    # Classes have different numbers of images, so they are compared one by one.
    samples = [judged[judged_labels == j] for j in names]
    by_model = {
        name: np.stack([ks_distance(sample, model.pooled_law()[j]) for j, sample in enumerate(samples)])
        for name, model in models.items()
    }
    floor = np.stack([ks_two_sample(fitted[fitted_labels == j], samples[j]) for j in names])
    return by_model | {"floor": floor}


def _protocol(labels: Labels, fit_per_class: int, splits: int, draws: int) -> dict[str, Any]:
    counts = np.bincount(labels)
    fit = np.minimum(fit_per_class, counts // 2)
    return {
        "fit": fit,
        "judge": np.minimum(np.maximum(fit_per_class, counts // 2), counts - fit),
        "splits": splits,
        "draws": draws,
        "raw_k": 1,
        "matched_k": 5,
    }


def _pooled_summary(results: list[_Split]) -> dict[str, Any]:
    names = list(results[0].distances)
    mean = {name: float(np.mean([r.distances[name].mean() for r in results])) for name in names}
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = {name: np.quantile(results[0].distances[name], levels) for name in names}
    return {"mean_ks": mean, "ks_quantiles": quantiles, "quantile_levels": levels}


def _examples(split: _Split) -> list[dict[str, Any]]:
    """A few pooled features, from the best described to the worst: by the zero-inflated gamma, else the last model."""
    ranking = "zero_inflated_gamma" if "zero_inflated_gamma" in split.models else list(split.models)[-1]
    distance = split.distances[ranking]
    active = split.models[ranking].pooled_law().mean() != 0
    ranked = [i for i in np.argsort(np.where(active, distance, np.inf), axis=None) if active.flat[i]]
    chosen = [ranked[round(level * (len(ranked) - 1))] for level in np.linspace(0.02, 0.98, EXAMPLES)]
    return [_example(split, *divmod(int(i), distance.shape[1])) for i in chosen]


def _example(split: _Split, label: int, channel: int) -> dict[str, Any]:
    values = split.judged[split.labels == label, channel]
    low = min(0.0, float(np.quantile(values, 0.005)))  # 0 unless features may be negative
    top = max(0.0, float(np.quantile(values, 0.995)) or float(values.max()))
    edges = np.linspace(low, top, 25)
    grid = np.linspace(low, top, CURVE_POINTS)[1:]
    laws = {name: model.pooled_law()[label, channel] for name, model in split.models.items()}
    return {
        "label": label,
        "channel": channel,
        "zeros": float(np.mean(values == 0)),
        "edges": edges,
        # Density of the values that are not 0; the zeros are told apart.
        "density": np.histogram(values[values != 0], edges)[0] / (values.size * np.diff(edges)),
        "grid": grid,
        "laws": {name: law.pdf(grid) for name, law in laws.items()},
        "ks": {name: float(split.distances[name][label, channel]) for name in split.distances},
        "predicted_zeros": {name: float(sum(a.mass for a in law.atoms())) for name, law in laws.items()},
    }


def _node_summary(results: list[_Split]) -> dict[str, Any]:
    return {
        "observed": {
            "raw": np.mean([[e.value for e in r.observed.raw] for r in results], axis=0),
            "raw_low": np.mean([[e.low for e in r.observed.raw] for r in results], axis=0),
            "raw_high": np.mean([[e.high for e in r.observed.raw] for r in results], axis=0),
            "matched": np.mean([r.observed.matched for r in results], axis=0),
            "auc": np.mean([r.observed.auc for r in results], axis=0),
            "ties": sum(r.observed.ties for r in results),
        },
        "models": {name: _model_summary(name, results) for name in results[0].comparisons},
    }


def _model_summary(name: str, results: list[_Split]) -> dict[str, Any]:
    pairs = [(r.comparisons[name], r.observed) for r in results]
    raw = np.array([relative_error(c.predicted.kl, _raw(o)) for c, o in pairs])
    matched = np.array([relative_error(c.matched, o.matched) for c, o in pairs])
    saturated = np.mean([c.saturated for c, _ in pairs], axis=0) > 0.5
    # What a perfect prediction would show: each draw in the place of the images, against the other draws.
    floor = np.concatenate([c.floor() for c, _ in pairs])
    errors = {"raw_error": raw, "matched_error": matched, "floor": floor}
    medians = {
        # Over the nodes that the estimator can still tell apart; a run may have none.
        key: float(np.mean(np.median(values[:, ~saturated], axis=1))) if not saturated.all() else None
        for key, values in errors.items()
    }
    over_all = {
        f"all_nodes_{key}": float(np.mean(np.median(values, axis=1))) for key, values in errors.items()
    }
    return {
        "kl": np.mean([c.predicted.kl for c, _ in pairs], axis=0),
        "matched": np.mean([c.matched for c, _ in pairs], axis=0),
        "auc": np.mean([c.predicted.auc for c, _ in pairs], axis=0),
        "saturated": saturated,
        "quadrature_error": float(np.max([c.predicted.kl_error for c, _ in pairs])),
        "auc_error": float(np.mean([np.abs(c.predicted.auc - o.auc).mean() for c, o in pairs])),
        **over_all,
        **medians,
    }


def _raw(observed: Observed) -> Array:
    return np.array([e.value for e in observed.raw])


def _curves(split: _Split, weights: Array, bias: Array) -> dict[str, Any]:
    """Densities of every node on one grid each: observed histograms and predicted curves, shapes (K, points)."""
    outputs = split.judged @ weights.T + bias
    low, high = np.quantile(outputs, [0.0005, 0.9995], axis=0)
    margin = 0.05 * (high - low)
    grid = np.linspace(low - margin, high + margin, CURVE_POINTS)
    edges = np.linspace(low - margin, high + margin, HISTOGRAM_BINS + 1)
    observed = [_histograms(outputs[:, k], split.labels == k, edges[:, k]) for k in range(len(bias))]
    predicted = {}
    for name, model in split.models.items():
        laws = model.node_laws(weights, bias, np.bincount(split.labels).astype(float))
        log_in, log_out = laws.split(laws.logpdf(grid))
        predicted[name] = {"in": np.exp(log_in).T, "out": np.exp(log_out).T}
    return {
        "grid": grid.T,
        "edges": edges.T,
        "observed": {"in": np.stack([h[0] for h in observed]), "out": np.stack([h[1] for h in observed])},
        "predicted": predicted,
    }


def _histograms(values: Array, inside: NDArray[np.bool_], edges: Array) -> tuple[Array, Array]:
    width = np.diff(edges)
    return tuple(
        np.histogram(values[mask], edges)[0] / (np.count_nonzero(mask) * width) for mask in (inside, ~inside)
    )  # type: ignore[return-value]
