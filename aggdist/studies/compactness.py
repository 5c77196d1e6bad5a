"""What N C numbers keep that C numbers lose (claim C1).

The maps of a trained trunk are averaged over blocks: one block is average pooling, as many blocks as positions flatten
the map. On each of these features a ridge head is fitted with training images and judged on test images, and for pairs
of classes the separation along the difference of the class means is predicted from training images and measured on test
images. Keys of a record: `positions`, `blocks` (B): blocks of the whole map; and for each of `TRUNKS` in `trunks`:

- `features`, `accuracy`, `bounded`, `kl` (B): number of features; of the ridge head on test images accuracy, bounded
  divergence (mean over nodes) and KL of normals of one variance (median over nodes);
- `pairs`: `predicted`, `measured` (P, B), KL along the mean difference;
- `kept`: share of a channel's separation that its average keeps, from position means, variance and correlation, mean
  over pairs and channels weighted with the separation.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist import datasets, networks
from aggdist.capture import ActivationStatistics
from aggdist.divergence.bounded import bounded_kl
from aggdist.divergence.ties import break_ties
from aggdist.networks import FLATTEN, Checkpoint, Inputs
from aggdist.prediction.compactness import block_means, kept_by_averaging
from aggdist.prediction.head_overfitting import difference_moments, held_out_separation, kl_of, sample_kl
from aggdist.studies.heads import maps, trained_head
from aggdist.studies.registry import StudyRun

TRUNKS = ("avg", "max", FLATTEN)
PARTS = (1, 2, 4, 1000)
"""Parts of each axis; 1000 stands for single positions."""
FITTED, JUDGED, PAIRS = 1500, 1500, 6
PENALTIES = tuple(10.0**k for k in range(-3, 4))
Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Average the maps of each trunk over blocks; keys in the module's docstring."""
    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    rng = np.random.default_rng([run.seed, 20240411])
    chosen = [
        np.sort(rng.permutation(len(y))[:n])
        for y, n in ((prepared.y_train, FITTED), (prepared.y_test, JUDGED))
    ]
    pairs = list(combinations(range(data.n_classes), 2))
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[:PAIRS]]
    found = {
        trunk: _trunk(
            trained_head(data, run, trunk, prepared=prepared, progress=progress), prepared, chosen, pairs, rng
        )
        for trunk in TRUNKS
    }
    positions = found[TRUNKS[0]].pop("positions")
    blocks = [f // found["avg"]["features"][0] for f in found["avg"]["features"]]
    for trunk in TRUNKS[1:]:
        found[trunk].pop("positions")
    return {"positions": positions, "blocks": blocks, "pairs": pairs, "trunks": found}


def _trunk(
    checkpoint: Checkpoint,
    prepared: Inputs,
    chosen: list[NDArray[np.intp]],
    pairs: list[tuple[int, int]],
    rng: np.random.Generator,
) -> dict[str, Any]:
    grids = [
        _grid_maps(checkpoint, x[part])
        for x, part in zip((prepared.x_train, prepared.x_test), chosen, strict=True)
    ]
    labels = prepared.y_train[chosen[0]], prepared.y_test[chosen[1]]
    rows, predicted, measured = [], [], []
    for parts in _different(grids[0].shape[2:]):
        train, test = (block_means(grid, parts) for grid in grids)
        rows.append(_head(train, labels[0], test, labels[1], rng))
        along = [_along(train, labels[0], test, labels[1], pair) for pair in pairs]
        predicted.append([a[0] for a in along])
        measured.append([a[1] for a in along])
    return {
        "positions": int(np.prod(grids[0].shape[2:])),
        **{key: [row[key] for row in rows] for key in rows[0]},
        "pairs": {"predicted": np.transpose(predicted), "measured": np.transpose(measured)},
        "kept": _kept(grids[0].reshape(*grids[0].shape[:2], -1), labels[0], pairs),
    }


def _different(shape: tuple[int, ...]) -> list[int]:
    """Those of `PARTS` that cut a map of this shape differently."""
    cuts = {tuple(min(parts, size) for size in shape): parts for parts in reversed(PARTS)}
    return sorted(cuts.values())


def _grid_maps(checkpoint: Checkpoint, x: NDArray[Any]) -> NDArray[np.float32]:
    """Maps (n, C, *positions)."""
    import torch

    from aggdist.capture.tap import evaluating

    flat = maps(checkpoint, x)
    with evaluating(checkpoint.network):
        shape = checkpoint.network.maps(torch.from_numpy(np.array(x[:1]))).shape[2:]
    return flat.reshape(*flat.shape[:2], *shape)


def _head(
    train: Array, y_train: Labels, test: Array, y_test: Labels, rng: np.random.Generator
) -> dict[str, float]:
    """A ridge head, its penalty chosen by leaving training images out, judged on test images."""
    from sklearn.linear_model import RidgeClassifierCV

    deviation = train.std(axis=0)
    alive = deviation > 0
    x, z = (v[:, alive] / deviation[alive] for v in (train, test))
    head = RidgeClassifierCV(alphas=[p * x.shape[1] for p in PENALTIES]).fit(x, y_train)
    nodes = head.decision_function(z)
    if nodes.ndim == 1:  # two classes have one score
        nodes = np.stack([-nodes, nodes], axis=1)
    samples = [(nodes[y_test == k, k], nodes[y_test != k, k]) for k in range(nodes.shape[1])]
    return {
        "features": train.shape[1],
        "accuracy": float(np.mean(nodes.argmax(axis=1) == y_test)),
        "bounded": float(np.mean([bounded_kl(*break_ties(a, b, rng=rng)) for a, b in samples])),
        "kl": float(np.median([sample_kl(a, b) for a, b in samples])),
    }


def _along(
    train: Array, y_train: Labels, test: Array, y_test: Labels, pair: tuple[int, int]
) -> tuple[float, float]:
    """KL along the mean difference of two classes: predicted from training images, measured on test images."""
    x, y = (train[y_train == j] for j in pair)
    predicted = kl_of(held_out_separation(difference_moments(x, y), 2 / (1 / len(x) + 1 / len(y))))
    head = x.mean(axis=0) - y.mean(axis=0)
    first, second = (test[y_test == j] @ head for j in pair)
    return float(predicted), sample_kl(first, second)


def _kept(activations: NDArray[np.float32], labels: Labels, pairs: list[tuple[int, int]]) -> float:
    """Weighted mean over pairs and channels of the share that an average keeps."""
    found, weights = [], []
    for j, k in pairs:
        both = np.isin(labels, (j, k))
        member = (labels[both] == k).astype(np.int64)
        statistics = ActivationStatistics.of(activations[both].astype(np.float64), member, 2)
        means = np.array([activations[labels == c].mean(axis=0) for c in (j, k)], float)
        variance = np.maximum(statistics.variance().mean(axis=0), 1e-12)
        rho = np.clip(np.nan_to_num(statistics.correlation().mean(axis=0)), 0.0, 0.99)
        share = kept_by_averaging(means, variance, rho)
        size = np.mean(np.diff(means, axis=0)[0] ** 2, axis=1) / variance
        good = np.isfinite(share)
        found.append(share[good])
        weights.append(size[good])
    return float(np.average(np.concatenate(found), weights=np.concatenate(weights)))
