"""From the laws of output nodes to the errors of the classifier (chapter *performance*).

For each aggregation of a network: what the default model, fitted on one half of the test images, says of its nodes and
of the error of the argmax, and what the other half shows; means over halvings. Keys of a record, arrays over K nodes or
labels: `splits`, `priors`, and for each aggregation in `heads`:

- `accuracy`, `recall` (K,), `confusion` (K, K): counts of label by prediction on all test images;
- `observed_error`: of the judging halves; `predicted`: for each of `MODELS` the predicted error of the argmax,
  `recall` (K,) and `splits` (S,), the differences predicted less observed in each halving; `few`: the same numbers
  from 50 fitting images of each class, where there are so many;
- `kl`, `auc`, `bounded` (K,): predicted; `observed_auc`, `observed_bounded` (K,); `saturated` (K,);
- `chain`: for pairs of labels, KL along the node's own direction, the best direction and the best single channel,
  directions found on the fitting half and judged on the other (nearest neighbours, k = 5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist import capture, datasets, networks
from aggdist.divergence.nearest_neighbour import knn_kl
from aggdist.divergence.ties import break_ties
from aggdist.halves import few_of_each, split_in_halves
from aggdist.prediction import DEFAULT_MODEL, NodeLaws, feature_model, node_divergences, observe
from aggdist.prediction.argmax_error import (
    ArgmaxAccuracy,
    copula_accuracy,
    independent_accuracy,
    node_correlations,
)
from aggdist.prediction.comparison import compare
from aggdist.prediction.feature_model import FittingImages
from aggdist.studies.heads import AGGREGATING, trained_head
from aggdist.studies.registry import StudyRun

SPLITS, FEW, DRAWS, PAIRS = 5, 50, 20_000, 6
MATCHED_DRAWS = 3
MODELS = ("independent", "copula", "normal")
Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Predict the errors of all aggregating heads, and compare; keys in the module's docstring."""
    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    heads = {}
    for head in AGGREGATING:
        checkpoint = trained_head(data, run, head, prepared=prepared, progress=progress)
        captured = capture.captured_in_halves(
            checkpoint, prepared.x_test, prepared.y_test, seed=run.seed, progress=progress
        )
        linear = checkpoint.network.head
        weights, bias = (part.detach().numpy().astype(np.float64) for part in (linear.weight, linear.bias))
        heads[head] = _judged(
            np.asarray(captured.pooled, np.float64), prepared.y_test, weights, bias, run.seed
        )
    counts = np.bincount(prepared.y_test)
    return {"splits": SPLITS, "priors": counts / counts.sum(), "heads": heads}


def _judged(pooled: Array, labels: Labels, weights: Array, bias: Array, seed: int) -> dict[str, Any]:
    """Everything about one head, means over halvings."""
    outputs = pooled @ weights.T + bias
    classes = len(bias)
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (labels, outputs.argmax(axis=1)), 1)
    rng = np.random.default_rng([seed, 20240409])
    splits = [_split(pooled, outputs, labels, weights, bias, rng, first=s == 0) for s in range(SPLITS)]
    result: dict[str, Any] = {
        "accuracy": np.trace(confusion) / confusion.sum(),
        "recall": np.diag(confusion) / confusion.sum(axis=1),
        "confusion": confusion,
        "observed_error": np.mean([s["error"] for s in splits]),
        "predicted": {name: _over_splits(splits, "predicted", name) for name in MODELS},
        "few": {name: _over_splits(splits, "few", name) for name in MODELS} if splits[0]["few"] else {},
    }
    for key in ("kl", "auc", "bounded", "observed_auc", "observed_bounded"):
        result[key] = np.mean([s[key] for s in splits], axis=0)
    return result | {"saturated": splits[0]["saturated"], "chain": splits[0]["chain"]}


def _over_splits(splits: list[dict[str, Any]], part: str, name: str) -> dict[str, Any]:
    found: list[ArgmaxAccuracy] = [s[part][name] for s in splits]
    return {
        "error": np.mean([f.error for f in found]),
        "recall": np.mean([f.recall for f in found], axis=0),
        "splits": [f.error - s["error"] for f, s in zip(found, splits, strict=True)],
    }


def _split(
    pooled: Array,
    outputs: Array,
    labels: Labels,
    weights: Array,
    bias: Array,
    rng: np.random.Generator,
    *,
    first: bool,
) -> dict[str, Any]:
    """One halving: fitted on the first half, judged on the other."""
    fit, judge = split_in_halves(labels, len(labels), rng)
    priors = np.bincount(labels[judge]) / len(judge)
    laws = _laws(DEFAULT_MODEL, pooled[fit], labels[fit], weights, bias, priors)
    observed, divergences = observe(outputs[judge], labels[judge], rng), node_divergences(laws)
    result: dict[str, Any] = {
        "error": np.mean(outputs[judge].argmax(axis=1) != labels[judge]),
        "predicted": _predictions(pooled[fit], outputs[fit], labels[fit], weights, bias, priors, rng),
        "few": {},
        "kl": divergences.kl,
        "auc": divergences.auc,
        "bounded": divergences.bounded,
        "observed_auc": observed.auc,
        "observed_bounded": observed.bounded,
    }
    if np.bincount(labels[fit]).min() >= 2 * FEW:
        small = fit[few_of_each(labels[fit], FEW, rng)]
        result["few"] = _predictions(pooled[small], outputs[small], labels[small], weights, bias, priors, rng)
    if first:
        result["saturated"] = compare(laws, labels[judge], draws=MATCHED_DRAWS, rng=rng).saturated
        result["chain"] = _chain(pooled, labels, weights, fit, judge, rng)
    return result


def _laws(model: str, pooled: Array, labels: Labels, weights: Array, bias: Array, priors: Array) -> NodeLaws:
    images = FittingImages(pooled, labels, len(bias))
    return feature_model(model).fit_images(images).node_laws(weights, bias, priors)


def _predictions(
    pooled: Array,
    outputs: Array,
    labels: Labels,
    weights: Array,
    bias: Array,
    priors: Array,
    rng: np.random.Generator,
) -> dict[str, ArgmaxAccuracy]:
    """The error of the argmax by each model of the joint law."""
    laws = _laws(DEFAULT_MODEL, pooled, labels, weights, bias, priors)
    normals = _laws("normal", pooled, labels, weights, bias, priors)
    correlation = node_correlations(outputs, labels, len(bias))
    return {
        "independent": independent_accuracy(laws),
        "copula": copula_accuracy(laws, correlation, draws=DRAWS, rng=rng),
        "normal": copula_accuracy(normals, correlation, draws=DRAWS, rng=rng),
    }


def _chain(
    pooled: Array,
    labels: Labels,
    weights: Array,
    fit: NDArray[np.intp],
    judge: NDArray[np.intp],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """KL of one label from another along directions of the pooled features."""
    classes = len(weights)
    pairs = [(j, k) for j in range(classes) for k in range(classes) if j != k]
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:PAIRS]]
    rows = []
    for j, k in chosen:
        x, y = (pooled[fit[labels[fit] == c]] for c in (j, k))
        best, channel = _best_directions(x, y)
        first, second = (pooled[judge[labels[judge] == c]] for c in (j, k))
        directions = (channel, weights[j], weights[j] - weights[k], best)
        rows.append([_kl_along(first, second, w, rng) for w in directions])
    channel_, node, difference, best_ = np.array(rows).T
    return {"pairs": chosen, "channel": channel_, "node": node, "difference": difference, "best": best_}


def _best_directions(x: Array, y: Array) -> tuple[Array, Array]:
    """The direction of the largest separation with a shrunk covariance, and the best single channel."""
    difference = x.mean(axis=0) - y.mean(axis=0)
    covariance = (np.cov(x, rowvar=False) + np.cov(y, rowvar=False)) / 2
    variance = np.diag(covariance)
    alive = variance > 0
    ridge = np.diag(np.where(alive, 0.1 * variance, 1.0))  # a tenth of each variance keeps it regular
    best = np.linalg.solve(0.9 * covariance + ridge, difference)
    single = np.argmax(np.where(alive, difference**2 / np.where(alive, variance, 1.0), 0.0))
    return best, np.eye(len(difference))[single]


def _kl_along(x: Array, y: Array, direction: Array, rng: np.random.Generator) -> float:
    return float(knn_kl(*break_ties(x @ direction, y @ direction, rng=rng), 5))
