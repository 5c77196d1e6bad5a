"""Shifted inputs: how far output nodes and pooled features move, and what it costs (theory item T12).

Images are shifted by whole pixels along rows and columns in both directions, spectrograms along time in both
directions; the edge is repeated, as in training with shifts. Sentences are shifted by whole words to the right: padding
enters on the left, and words leave on the right if the sentence reaches so far. Shifts go up to half of the axis. Keys
of a record:

- `images`, `shifts` (S), `stride` (total stride along the last axis), `trained_shift`: the largest in training;
- `heads`: for each head `accuracy` (S); `changed` (S), the share of inputs whose prediction is another one than without
  a shift; `node_change` (S), root mean square change of a node over its standard deviation, mean over nodes; and
  `feature_change` (S), the same for pooled features;
- `bound`: for each aggregation, at shifts that are multiples of the stride: `shift` (M); `actual` and `bound` (M), mean
  change and mean bound over images and channels, in standard deviations of the feature; `within` (M), the share of
  changes within the bound, which would be 1 if the map were shifted exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist import datasets, networks
from aggdist.aggregation import pool
from aggdist.aggregation.shift_bounds import shift_bound
from aggdist.networks import Checkpoint
from aggdist.networks.sentences import PADDING
from aggdist.studies.heads import AGGREGATING, HEADS, maps, outputs, trained_head
from aggdist.studies.registry import StudyRun

SHIFTS = tuple(range(9))
IMAGES = 1000
BOUND_IMAGES = 200
Array = NDArray[np.float64]
Inputs = NDArray[Any]


def measure(run: StudyRun, *, progress: bool = True) -> dict[str, Any]:
    """Shift test inputs and look at every head; the keys are in the module's docstring."""
    data = datasets.load(run.dataset)
    prepared = networks.prepare(data)
    chosen = np.random.default_rng([run.seed, 20240406]).permutation(len(prepared.y_test))[:IMAGES]
    x, y = prepared.x_test[np.sort(chosen)], prepared.y_test[np.sort(chosen)]
    shifts = tuple(by for by in SHIFTS if by <= min(x.shape[axis] for axis, _ in directions(x)) // 2)
    heads, bounds, stride = {}, {}, 1
    for head in HEADS:
        checkpoint = trained_head(data, run, head, prepared=prepared, progress=progress)
        heads[head] = _moves(checkpoint, head, x, y, shifts)
        if head in AGGREGATING:
            stride, bounds[head] = _bounded(checkpoint, head, x[:BOUND_IMAGES], max(shifts))
    trained = networks.default(run.dataset).training.shift
    return {
        "images": len(y),
        "shifts": shifts,
        "stride": stride,
        "trained_shift": max(trained),
        "heads": heads,
        "bound": bounds,
    }


def directions(x: Inputs) -> tuple[tuple[int, int], ...]:
    """(axis, sign) of the shifts of such inputs: sentences (n, words), spectrograms or images (n, C, H, W)."""
    if x.ndim == 2:
        return ((1, 1),)
    if x.dtype != np.uint8:  # a spectrogram: along time
        return ((3, 1), (3, -1))
    return ((2, 1), (2, -1), (3, 1), (3, -1))


def shifted(x: Inputs, axis: int, by: int) -> Inputs:
    """Inputs moved by so many places along an axis; the edge is repeated, and sentences get padding.

    Raises
    ------
    ValueError
        For a shift as long as the axis, or longer.
    """
    size = x.shape[axis]
    if abs(by) >= size:
        raise ValueError(f"got a shift by {by} along an axis of {size}, expected less")
    source = np.arange(size) - by
    moved = np.take(x, np.clip(source, 0, size - 1), axis=axis)
    if x.ndim == 2:
        moved[:, (source < 0) | (source >= size)] = PADDING
    return moved


def _moves(
    checkpoint: Checkpoint, head: str, x: Inputs, y: NDArray[np.int64], shifts: tuple[int, ...]
) -> dict[str, Any]:
    """Accuracy and changes at every shift, means over directions."""
    still, features = _look(checkpoint, head, x)
    spread = still.std(axis=0)
    rows = []
    for by in shifts:
        found = [_look(checkpoint, head, shifted(x, axis, sign * by)) for axis, sign in directions(x)]
        rows.append(np.mean([_changes(still, features, spread, pair, y) for pair in found], axis=0))
    accuracy, changed, node_change, feature_change = np.array(rows).T
    result = {"accuracy": accuracy, "changed": changed, "node_change": node_change}
    return result if features is None else result | {"feature_change": feature_change}


def _look(checkpoint: Checkpoint, head: str, x: Inputs) -> tuple[Array, Array | None]:
    """Output nodes, and pooled features where the head aggregates."""
    if head not in AGGREGATING:
        return outputs(checkpoint, x), None
    features = pool(maps(checkpoint, x).astype(np.float64), head)
    linear = checkpoint.network.head
    return (
        features @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy(),
        features,
    )


def _changes(
    still: Array,
    features: Array | None,
    spread: Array,
    moved: tuple[Array, Array | None],
    y: NDArray[np.int64],
) -> tuple[float, float, float, float]:
    nodes, pooled = moved
    right, changed = (nodes.argmax(1) == y).mean(), (nodes.argmax(1) != still.argmax(1)).mean()
    change = np.mean(np.sqrt(np.mean((nodes - still) ** 2, axis=0)) / spread)
    if features is None or pooled is None:
        return right, changed, change, np.nan
    deviation = features.std(axis=0)
    alive = deviation > 0
    moves = np.sqrt(np.mean((pooled - features) ** 2, axis=0))[alive] / deviation[alive]
    return right, changed, change, float(moves.mean())


def _bounded(checkpoint: Checkpoint, head: str, x: Inputs, largest: int) -> tuple[int, dict[str, Any]]:
    """The total stride, and actual changes beside the bound where the map would be shifted exactly."""
    axis = x.ndim - 1
    grid = _grid(checkpoint, x)
    stride = x.shape[axis] // grid[-1]
    still = maps(checkpoint, x).reshape(len(x), -1, *grid).astype(np.float64)
    feature = pool(still, head)
    deviation = feature.std(axis=0)
    alive = deviation > 0
    steps = [m for m in range(1, grid[-1]) if m * stride <= largest]
    rows = []
    for m in steps:
        moved = maps(checkpoint, shifted(x, axis, m * stride)).reshape(still.shape).astype(np.float64)
        leaving, entering = (a.reshape(*a.shape[:2], -1) for a in (still[..., -m:], moved[..., :m]))
        bound = shift_bound(leaving, entering, int(np.prod(grid)), head)
        actual = np.abs(pool(moved, head) - feature)
        moves, bounds = (values[:, alive] / deviation[alive] for values in (actual, bound))
        rows.append([moves.mean(), bounds.mean(), np.mean(moves <= bounds + 1e-6)])
    actual_, bound_, within = np.array(rows).reshape(-1, 3).T
    return stride, {
        "shift": [m * stride for m in steps],
        "actual": actual_,
        "bound": bound_,
        "within": within,
    }


def _grid(checkpoint: Checkpoint, x: Inputs) -> tuple[int, ...]:
    """The shape of a map, without its channels."""
    import torch

    from aggdist.capture.tap import evaluating

    with evaluating(checkpoint.network):
        return tuple(checkpoint.network.maps(torch.from_numpy(np.array(x[:1]))).shape[2:])
