"""From pooled features of held-out images to everything that a record says about them.

The test images are halved at random, one half for fitting the feature models, the other for judging them, again and
again. Models are fitted on all images of the first half (up to a number for each class), and on few of them. Medians
over nodes are taken within a split, means over splits. Curves and examples are those of the first split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aggdist.analysis.nodes import Fitted, Split, node_summary, reference_model
from aggdist.analysis.pooled import distances, examples, pooled_summary
from aggdist.halves import few_of_each, split_in_halves
from aggdist.prediction import (
    COSTLY_MODELS,
    DEFAULT_MODEL,
    FEATURE_MODELS,
    Comparison,
    FeatureModel,
    FittingImages,
    NodeLaws,
    ProjectedModel,
    compare,
    counted,
    observe,
    relative_error,
)
from aggdist.prediction.node_samples import NodeSampler

Array = NDArray[np.float64]
Labels = NDArray[np.integer]

FEW = (50, 200)
"""Fitting images of each class besides as many as there are; where a class's half has no more, they are left out."""
COSTLY_SPLITS = 2
"""Splits in which the models that take seconds, and the laws of single features, are judged."""
ATTAINABLE_SPLITS = 5
"""Splits in which it is simulated what the reference model would attain if it were the truth."""
CURVE_POINTS = 81
HISTOGRAM_BINS = 40
SHOWN_MODELS = ("zero_inflated_gamma", "normal", DEFAULT_MODEL)
"""Models whose curves a record holds."""

FitModels = Callable[[Array, Labels, int, Sequence[str]], dict[str, FeatureModel]]
"""From features (n, C), labels (n,), the number of labels and names to fitted models by name."""


def fit_all(features: Array, labels: Labels, n_classes: int, names: Sequence[str]) -> dict[str, FeatureModel]:
    """The named feature models."""
    images = FittingImages(features, labels, n_classes)
    return {name: FEATURE_MODELS[name].fit_images(images) for name in names}


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
        is saturated, and errors; the same from fewer images.
    curves : dict
        Densities of every node in class and out of class, observed and predicted.
    """

    protocol: dict[str, Any]
    pooled: dict[str, Any]
    nodes: dict[str, Any]
    curves: dict[str, Any]


@dataclass(frozen=True)
class _Head:
    """The linear head, and how models are fitted and judged."""

    weights: Array
    bias: Array
    draws: int
    fit_models: FitModels
    rng: np.random.Generator


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
    models: Sequence[str] = tuple(FEATURE_MODELS),
    progress: bool = True,
    fit_models: FitModels = fit_all,
) -> Analysis:
    """Fit the feature models on one half of the images and judge their predictions on the other half.

    Parameters
    ----------
    features : array, shape (n, C)
        Pooled features of held-out images.
    labels : array of int, shape (n,)
    weights, bias : arrays, shapes (K, C) and (K,)
        The linear head.
    fit_per_class : int
        Fitting images of each class, capped at half of the class; as many are judged, or all that are left
        where the cap is reached.
    splits, draws : int
        Random halvings, and simulated samples for each of them.
    seed : int
    models : names
        Of the feature models that are judged; the default one, or else the last, decides which nodes are saturated.
    fit_models : function, optional
        Fits them; `fit_all` unless given.
    """
    head = _Head(weights, bias, draws, fit_models, np.random.default_rng([seed, 20240401]))
    features = np.asarray(features, np.float64)
    sizes = fitting_sizes(labels, fit_per_class)
    results: list[Split] = []
    for number in tqdm(range(splits), desc="analysing", unit="split", disable=None if progress else True):
        results.append(_one_split(features, labels, head, sizes, models, number))
    return Analysis(
        protocol=_protocol(labels, sizes, splits, draws),
        pooled=pooled_summary([r.distances for r in results if r.distances is not None])
        | {"examples": examples(results[0])},
        nodes=node_summary(results),
        curves=_curves(results[0], weights, bias),
    )


def fitting_sizes(labels: Labels, fit_per_class: int) -> tuple[int, ...]:
    """Numbers of fitting images of each class: those of `FEW` that the smallest half exceeds, and the most."""
    smallest = int(np.bincount(labels).min()) // 2
    return (*(n for n in FEW if n < min(smallest, fit_per_class)), fit_per_class)


def _one_split(
    features: Array, labels: Labels, head: _Head, sizes: tuple[int, ...], models: Sequence[str], number: int
) -> Split:
    in_full = number < COSTLY_SPLITS
    names = [name for name in models if in_full or name not in COSTLY_MODELS] or list(models)
    fit, judge = split_in_halves(labels, sizes[-1], head.rng)
    judged, judged_labels = features[judge], labels[judge]
    by_size: dict[int, Fitted] = {}
    for size in sizes:
        chosen = fit[few_of_each(labels[fit], size, head.rng)]
        by_size[size] = _fitted(
            features[chosen], labels[chosen], judged_labels, head, names, number < ATTAINABLE_SPLITS
        )
    most = by_size[sizes[-1]]
    return Split(
        observed=observe(judged @ head.weights.T + head.bias, judged_labels, head.rng),
        by_size=by_size,
        distances=distances(most.models, features[fit], labels[fit], judged, judged_labels)
        if in_full
        else None,
        judged=judged if number == 0 else None,
        labels=judged_labels,
    ).lightened(keep=number == 0)


def _fitted(
    features: Array, labels: Labels, judged: Labels, head: _Head, names: Sequence[str], attain: bool
) -> Fitted:
    models = head.fit_models(features, labels, len(head.bias), names)
    priors = np.bincount(judged, minlength=len(head.bias)).astype(float)
    laws = {name: model.node_laws(head.weights, head.bias, priors) for name, model in models.items()}
    comparisons = {name: compare(law, judged, draws=head.draws, rng=head.rng) for name, law in laws.items()}
    reference = reference_model(models)
    return Fitted(
        models=models,
        comparisons=comparisons,
        counted=counted(features @ head.weights.T + head.bias, labels, head.rng),
        attainable=_attainable(
            models[reference], laws[reference], comparisons[reference], labels, judged, head
        )
        if attain
        else None,
    )


def _attainable(
    model: FeatureModel, laws: NodeLaws, comparison: Comparison, labels: Labels, judged: Labels, head: _Head
) -> Array | None:
    """Errors of the model where it is the truth, shape (D, K): what remains is that it was fitted on few images.

    A sample of the same size is drawn from the predicted laws and the model fitted on it; each draw of judging images
    from the predicted laws is then compared with it as the images are.
    """
    if not isinstance(model, ProjectedModel):
        return None
    again = model.refitted(NodeSampler(laws).by_label(np.bincount(labels), head.rng))
    fitted = compare(NodeLaws(again.law, laws.priors), judged, draws=head.draws, rng=head.rng)
    return relative_error(fitted.matched, comparison.draws)


def _protocol(labels: Labels, sizes: tuple[int, ...], splits: int, draws: int) -> dict[str, Any]:
    counts, fit_per_class = np.bincount(labels), sizes[-1]
    fit = np.minimum(fit_per_class, counts // 2)
    return {
        "fit": fit,
        "few": list(sizes[:-1]),
        "judge": np.minimum(np.maximum(fit_per_class, counts // 2), counts - fit),
        "splits": splits,
        "costly_splits": min(COSTLY_SPLITS, splits),
        "draws": draws,
        "raw_k": 1,
        "matched_k": 5,
    }


def _curves(split: Split, weights: Array, bias: Array) -> dict[str, Any]:
    """Densities of every node on one grid each: observed histograms and predicted curves, shapes (K, points)."""
    assert split.judged is not None
    outputs = split.judged @ weights.T + bias
    low, high = np.quantile(outputs, [0.0005, 0.9995], axis=0)
    margin = 0.05 * (high - low)
    grid = np.linspace(low - margin, high + margin, CURVE_POINTS)
    edges = np.linspace(low - margin, high + margin, HISTOGRAM_BINS + 1)
    observed = [_histograms(outputs[:, k], split.labels == k, edges[:, k]) for k in range(len(bias))]
    predicted = {}
    for name, model in split.most.models.items():
        if name in SHOWN_MODELS:
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
