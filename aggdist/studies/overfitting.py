"""Few training examples: heads that aggregate and a head that flattens (theory item T13).

Two experiments. *Trained*: whole networks with each head, from few training examples to all. *Frozen*: the trunk of the
network with average pooling stays as it is, and a head, the difference of two class means, is learnt from n of the test
examples, which the trunk has never seen, on pooled or on flattened features. Keys of a record:

- `channels`, `positions`, `head_parameters`: C, N, and weights and biases of each head;
- `sizes` (S): training examples in all; the last is all of them;
- `trained`: for each head of `TRAINED_HEADS` arrays (S): `train_accuracy`, `test_accuracy`, `train_entropy`,
  `test_entropy` (cross-entropy, nats), `train_bounded`, `test_bounded` (bounded divergence, mean over nodes) and
  `train_kl`, `test_kl` (of normals of one variance, median over nodes), from equally many training and test examples;
- `frozen`: `examples` (M) of each class; for `pooled` and `flattened`: `dimension`, `effective_dimension`, and arrays
  (P, M) over pairs of classes, `train`, `test` (measured KL, mean over draws) and `predicted_train`, `predicted_test`.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist import datasets, networks
from aggdist.divergence.bounded import bounded_kl
from aggdist.divergence.ties import break_ties
from aggdist.networks import FLATTEN, Checkpoint, Inputs
from aggdist.prediction.head_overfitting import (
    difference_moments,
    held_out_separation,
    kl_of,
    sample_kl,
    training_separation,
)
from aggdist.studies.heads import maps, outputs, trained_head
from aggdist.studies.registry import StudyRun

TRAINED_HEADS = ("avg", "max", FLATTEN)
SIZES: dict[str, tuple[int, ...]] = {
    "digits": (100, 300),
    "fsdd": (100, 300, 1000),
    "mr": (100, 1000),
    "fashionmnist": (100, 1000, 10_000),
}
"""Training examples besides all of them."""
SEEN = 10_000
"""With few examples a network is trained for so many epochs that it sees this many, augmented copies included."""
JUDGED = 1000
PAIRS, DRAWS = 6, 10
PAIR_IMAGES = 600
EXAMPLES = (3, 5, 10, 20, 40, 80, 160)
Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Train with fewer and fewer examples, and learn heads on a frozen trunk; keys in the module's docstring."""
    data = datasets.load(run.dataset)
    whole = networks.prepare(data)
    sizes = (*SIZES[run.dataset], data.n_train)
    rows: dict[str, list[dict[str, float]]] = {head: [] for head in TRAINED_HEADS}
    last: dict[str, Checkpoint] = {}
    for size in sizes:
        fewer = data if size == data.n_train else datasets.with_fewer_examples(data, size, run.seed)
        prepared = whole if fewer is data else networks.prepare(fewer)
        chosen = {} if fewer is data else training_for(run.dataset, size)
        for head in TRAINED_HEADS:
            last[head] = trained_head(fewer, run, head, prepared=prepared, progress=progress, **chosen)
            rows[head].append(_judged(last[head], prepared, run.seed))
    frozen = _frozen(last["avg"], whole, np.random.default_rng([run.seed, 20240407]))
    return {
        "channels": last["avg"].network.head.in_features,
        "positions": last[FLATTEN].network.head.in_features // last["avg"].network.head.in_features,
        "head_parameters": {h: sum(p.numel() for p in c.network.head.parameters()) for h, c in last.items()},
        "sizes": sizes,
        "trained": {
            head: {key: [row[key] for row in found] for key in found[0]} for head, found in rows.items()
        },
        "frozen": frozen,
    }


def training_for(dataset: str, size: int) -> dict[str, int]:
    """Training parameters for few examples: batches of at most a quarter of them, and epochs until `SEEN` are seen."""
    usual = networks.default(dataset).training
    return {"batch_size": min(usual.batch_size, size // 4), "epochs": max(usual.epochs, -(-SEEN // size))}


def _judged(checkpoint: Checkpoint, prepared: Inputs, seed: int) -> dict[str, float]:
    """Accuracy, cross-entropy and divergences on equally many training and test examples."""
    rng = np.random.default_rng([seed, 20240408])
    count = min(JUDGED, len(prepared.y_train), len(prepared.y_test))
    parts = {"train": (prepared.x_train, prepared.y_train), "test": (prepared.x_test, prepared.y_test)}
    found = {}
    for name, (x, y) in parts.items():
        chosen = np.sort(rng.permutation(len(y))[:count])
        nodes, labels = outputs(checkpoint, x[chosen]), y[chosen]
        found[f"{name}_accuracy"] = float(np.mean(nodes.argmax(axis=1) == labels))
        found[f"{name}_entropy"] = float(
            np.mean(special.logsumexp(nodes, axis=1) - nodes[np.arange(count), labels])
        )
        found[f"{name}_bounded"], found[f"{name}_kl"] = _divergences(nodes, labels, rng)
    return found


def _divergences(nodes: Array, labels: Labels, rng: np.random.Generator) -> tuple[float, float]:
    """Bounded divergence (mean over nodes) and KL of normals of one variance (median over nodes)."""
    pairs = [(nodes[labels == k, k], nodes[labels != k, k]) for k in range(nodes.shape[1])]
    bounded = [bounded_kl(*break_ties(x, y, rng=rng)) for x, y in pairs]
    return float(np.mean(bounded)), float(np.median([sample_kl(x, y) for x, y in pairs]))


def _frozen(checkpoint: Checkpoint, prepared: Inputs, rng: np.random.Generator) -> dict[str, Any]:
    """Heads learnt from few test examples, on pooled and on flattened features of one trunk."""
    counts = np.bincount(prepared.y_test)
    pairs = list(combinations(range(counts.size), 2))
    chosen = [pairs[i] for i in rng.permutation(len(pairs))[:PAIRS]]
    # As many remain for judging as are learnt from, at least.
    examples = [n for n in EXAMPLES if 2 * n <= counts.min()]
    found: dict[str, list[dict[str, Any]]] = {"pooled": [], "flattened": []}
    for pair in chosen:
        features = [_features(checkpoint, prepared, j, rng) for j in pair]
        for kind, place in (("pooled", 0), ("flattened", 1)):
            found[kind].append(_learnt(features[0][place], features[1][place], examples, rng))
    return {"pairs": chosen, "examples": examples} | {kind: _gathered(rows) for kind, rows in found.items()}


def _features(
    checkpoint: Checkpoint, prepared: Inputs, label: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Pooled (n, C) and flattened (n, C N) features of one class, in random order."""
    places = rng.permutation(np.flatnonzero(prepared.y_test == label))[:PAIR_IMAGES]
    activations = maps(checkpoint, prepared.x_test[places]).astype(np.float64)
    return activations.mean(axis=2), activations.reshape(len(activations), -1)


def _learnt(x: Array, y: Array, examples: list[int], rng: np.random.Generator) -> dict[str, Any]:
    """Measured and predicted KL along heads learnt from n examples of each class."""
    moments = difference_moments(x, y)
    measured = np.array([[_one_head(x, y, n, rng) for _ in range(DRAWS)] for n in examples]).mean(axis=1)
    n = np.array(examples)
    return {
        "dimension": x.shape[1],
        "effective_dimension": float(moments.effective_dimension()),
        "train": measured[:, 0],
        "test": measured[:, 1],
        "predicted_train": kl_of(training_separation(moments, n)),
        "predicted_test": kl_of(held_out_separation(moments, n)),
    }


def _one_head(x: Array, y: Array, n: int, rng: np.random.Generator) -> tuple[float, float]:
    """KL along the difference of the means of n examples of each class: on these, and on the others."""
    first, second = rng.permutation(len(x)), rng.permutation(len(y))
    head = x[first[:n]].mean(axis=0) - y[second[:n]].mean(axis=0)
    along = x @ head, y @ head
    train = along[0][first[:n]], along[1][second[:n]]
    test = along[0][first[n:]], along[1][second[n:]]
    # 1/variance from nu degrees of freedom is too large by nu/(nu - 2) on average.
    nu = 2 * n - 2
    return sample_kl(*train) * (nu - 2) / nu, sample_kl(*test)


def _gathered(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: [row[key] for row in rows] for key in rows[0]}
