"""Which feature models a network allows, how their covariance is kept, and fitting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from aggdist.analysis import POOLED_MODELS
from aggdist.distributions import Distribution, Normal
from aggdist.own_network.statistics import HeadStatistics, Kind
from aggdist.prediction import (
    DEFAULT_MODEL,
    FEATURE_MODELS,
    FeatureModel,
    FittingImages,
    IndependentGammas,
    IndependentZeroInflatedGammas,
    Normals,
    StatisticsModel,
    feature_model,
)

Array = NDArray[np.float64]

USUAL_MODELS = (IndependentZeroInflatedGammas.name, Normals.name, DEFAULT_MODEL)
"""What is fitted unless models are named: independent channels, their covariances, also the nodes' skewness."""
NON_NEGATIVE = (IndependentGammas.name, IndependentZeroInflatedGammas.name)
"""Models that describe features >= 0 only; the others look at features about their mean, and take any sign."""

_CONSTANT_WIDTH = 1e-6  # as in aggdist.prediction.Normals: of a channel that is the same for all images


@dataclass(frozen=True, eq=False)
class HeadNormals(FeatureModel):
    """Jointly normal features, of which only what one head reads is kept.

    Parameters
    ----------
    weights : array, shape (K, C)
        The head that `node_covariance` is for; any other is refused.
    mean, variance : arrays, shape (J, C)
    node_covariance : array, shape (J, K, K)
        Of W Z given each label.
    counts : array, shape (J,)
    """

    name = "normal"
    title = Normals.title

    weights: Array
    mean: Array
    variance: Array
    node_covariance: Array
    counts: Array

    @classmethod
    def fit_images(cls, images: FittingImages) -> NoReturn:
        """Not for this model, which needs a head: use `of_head`."""
        raise NotImplementedError(
            "HeadNormals belongs to one head: use HeadNormals.of_head(statistics, weights)"
        )

    @classmethod
    def of_head(cls, statistics: HeadStatistics, weights: Array) -> HeadNormals:
        """Fit by sample means, variances, and the covariance of the head's nodes."""
        nodes = statistics.node_covariance(weights)
        return cls(weights, statistics.mean, statistics.variance(), nodes, statistics.count)

    @property
    def channels(self) -> int:
        """Number of pooled features."""
        return self.mean.shape[1]

    def pooled_law(self) -> Distribution:
        """Law of each pooled feature given the label, batch shape (J, C)."""
        scale = np.maximum(np.abs(self.mean), np.abs(self.mean).max())
        return Normal(self.mean, np.sqrt(np.maximum(self.variance, (_CONSTANT_WIDTH * scale) ** 2)))

    def _sum_law(self, weights: Array, bias: Array) -> Distribution:
        if not np.array_equal(weights, self.weights):
            raise ValueError(
                "HeadNormals keeps what one head reads: expected that head's weights, got others"
            )
        variance = np.diagonal(self.node_covariance, axis1=1, axis2=2).T
        if np.any(variance <= 0):
            node, label = np.argwhere(variance <= 0)[0]
            raise ValueError(
                f"output node {node} has variance {variance[node, label]} given label {label}, expected a positive "
                "one: its weights are zero, or all its features are constant; leave it out with classes="
            )
        return Normal(bias[:, None] + weights @ self.mean.T, np.sqrt(variance))


def covariance_kind(labels: int, nodes: int, channels: int, budget: int) -> tuple[Kind, str | None]:
    """How to keep the covariance within the budget (bytes), and the announcement if it is not the full one.

    Raises
    ------
    ValueError
        If not even one covariance fits.
    """
    full, head, pooled = (8 * n for n in (labels * channels**2, labels * nodes**2, channels**2))
    start = (
        f"the covariances of {channels} channels for {labels} classes take {_size(full)}, more than the budget of "
        f"{_size(budget)}: "
    )
    if full <= budget:
        return "full", None
    if head <= budget and head < full:
        return "head", start + (
            f"kept is their low-rank part that the {nodes} output nodes read ({_size(head)}). Predictions for these "
            "nodes are as exact as with all of them"
        )
    if pooled <= budget:
        return "pooled", start + (
            f"kept is one covariance pooled over classes ({_size(pooled)}). Predictions of the normal model now assume "
            "that all classes vary alike; raise memory_budget or restrict classes= to be free of that"
        )
    raise ValueError(
        start + f"a single one takes {_size(pooled)} and does not fit either; raise memory_budget (bytes)"
    )


def _size(n: int) -> str:
    unit = next((u for u in ("B", "kB", "MB") if n < 1000 * _UNITS[u]), "GB")
    return f"{n / _UNITS[unit]:.3g} {unit}"


_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def allowed_models(
    asked: Sequence[str] | None, smallest: float, terms: int, budget: int
) -> tuple[tuple[str, ...], list[str]]:
    """Names of the feature models to use, and an announcement for each that is left out or added.

    Parameters
    ----------
    asked
        Names, or None for those of `USUAL_MODELS` that the features and the budget allow.
    smallest
        The smallest feature.
    terms
        Nodes times labels times channels: the independent gamma models hold an array of so many numbers.
    budget
        Bytes.

    Raises
    ------
    ValueError
        For unknown names, and for independent gamma models of negative features that were asked for by name.
    """
    names = USUAL_MODELS if asked is None else tuple(dict.fromkeys(feature_model(n).name for n in asked))
    if not names:
        raise ValueError(f"models: got none, expected one or more of {', '.join(FEATURE_MODELS)}")
    gammas = [n for n in names if n in NON_NEGATIVE]
    others = tuple(n for n in names if n not in NON_NEGATIVE)
    if gammas and smallest < 0:
        negative = (
            f"features are negative (smallest {smallest:.3g}), as after SiLU, GELU or Hardswish: independent gammas "
            f"({', '.join(gammas)}) describe features >= 0 only"
        )
        if asked is not None:
            either = ", ".join(n for n in FEATURE_MODELS if n not in NON_NEGATIVE)
            raise ValueError(f"{negative}; expected models among {either}, or none named")
        return others, [f"{negative} and are left out; {' and '.join(others)} remain"]
    if gammas and asked is None and 8 * terms > budget:
        return others, [
            f"independent gammas ({', '.join(gammas)}) need {terms:,} terms (nodes x classes x channels), "
            f"{_size(8 * terms)}, more than the budget of {_size(budget)}, and are left out; restrict classes= or "
            "raise memory_budget to have them"
        ]
    if not set(names) & set(POOLED_MODELS):
        added = f"{', '.join(names)}: no law of single features of its own to judge; {DEFAULT_MODEL} is added"
        return (*names, DEFAULT_MODEL), [added]
    return names, []


def fit_models(
    images: FittingImages, statistics: Callable[[], HeadStatistics], weights: Array, names: Sequence[str]
) -> dict[str, FeatureModel]:
    """The named feature models, fitted.

    Parameters
    ----------
    images
        Their features may be of either sign.
    statistics
        Gives the statistics of the same images; called if a model is fitted from them.
    weights
        The head (K, C).
    names
        As `allowed_models` gives them.
    """
    classes = [feature_model(name) for name in names]
    known = statistics() if any(issubclass(c, StatisticsModel) for c in classes) else None
    return {c.name: _fitted(c, images, known, weights) for c in classes}


def _fitted(
    kind: type[FeatureModel], images: FittingImages, statistics: HeadStatistics | None, weights: Array
) -> FeatureModel:
    if statistics is None or not issubclass(kind, StatisticsModel):
        return kind.fit_images(images)
    if kind is Normals and statistics.kind != "full":
        return HeadNormals.of_head(statistics, weights)
    return kind.fit(statistics)
