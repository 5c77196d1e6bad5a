"""The pass: one forward run over (images, labels) leaves statistics, pooled features and output nodes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from tqdm import tqdm

from aggdist.capture.activations import ActivationStatistics
from aggdist.capture.images import ImageSums, check_maps_shape, image_sums
from aggdist.capture.moments import checked_labels, require_images
from aggdist.capture.statistics import PooledStatistics
from aggdist.capture.stored import Captured, load_captured, write_summary
from aggdist.capture.tap import activation_bytes, evaluating, tapped
from aggdist.networks.training import cpu_threads
from aggdist.paths import atomic_folder

MEMORY_BUDGET = 256 * 2**20
LARGEST_BATCH = 512  # beyond this a larger batch is not faster
_WORK = 4 * 2**20  # bytes of work on maps at a time: small enough to stay in the processor's cache
_FOLDED = 256  # images whose sums are folded into the statistics together: each folding costs J C numbers, however few
_COPIES = 12  # bytes of work per byte of a float32 map: about six double-precision arrays of its size


def capture(
    network: nn.Module,
    inputs: NDArray[Any],
    labels: ArrayLike,
    n_classes: int,
    *,
    memory_budget: int = MEMORY_BUDGET,
    folder: Path | None = None,
    threads: int | None = None,
    progress: bool = True,
    minimum_per_class: int = 2,
) -> Captured:
    """One pass over images with bounded memory; the network's weights, modes and hooks are left as they were.

    Parameters
    ----------
    network
        A torch module with an `aggregation` layer (maps to pooled features), giving output nodes (B, K).
    inputs
        What the network reads, one row per image (n, ...).
    labels
        (n,), integers 0..n_classes-1.
    n_classes
        Number of labels.
    memory_budget
        Bytes for the activations of one batch and the work on them; the batch size follows from it.
    folder
        Where to store the result, whole or not at all; None keeps it in memory.
    threads
        CPU threads of torch (None: as many as now).
    progress
        Show a bar on standard error, if that is a terminal.
    minimum_per_class
        Images that every class must have; 0 for a part that will be merged with others.

    Raises
    ------
    ValueError
        For NaN or negative activations, too few images in a class or none at all, labels outside
        0..n_classes-1.
    TypeError
        For labels that are no integers.
    """
    given = checked_labels(labels, len(inputs), n_classes)
    if len(inputs) == 0:
        raise ValueError("got no images: expected at least one")
    require_images(np.bincount(given, minlength=n_classes), minimum_per_class)
    place: AbstractContextManager[Path | None] = nullcontext() if folder is None else atomic_folder(folder)
    with cpu_threads(threads), place as part:
        captured = _pass(network, inputs, given, n_classes, memory_budget, part, progress)
        if part is not None:
            write_summary(
                part, captured.pooled_statistics, captured.activation_statistics, captured.batch_size
            )
    return captured if folder is None else load_captured(folder)


@dataclass
class _Sink:
    """Where a pass leaves its rows: arrays in memory, or memory maps in a folder."""

    pooled: NDArray[np.float32]
    nodes: NDArray[np.float32]

    @classmethod
    def make(cls, images: int, channels: int, nodes: int, part: Path | None) -> _Sink:
        if part is None:
            return cls(np.empty((images, channels), np.float32), np.empty((images, nodes), np.float32))
        memmap = np.lib.format.open_memmap
        return cls(
            memmap(part / "pooled.npy", mode="w+", dtype=np.float32, shape=(images, channels)),
            memmap(part / "nodes.npy", mode="w+", dtype=np.float32, shape=(images, nodes)),
        )

    def flush(self) -> None:
        for array in (self.pooled, self.nodes):
            if isinstance(array, np.memmap):
                array.flush()


def _pass(
    network: nn.Module,
    inputs: NDArray[Any],
    labels: NDArray[np.int64],
    n_classes: int,
    budget: int,
    part: Path | None,
    progress: bool,
) -> Captured:
    shape, n_nodes = _probe(network, inputs)
    batch_size = batch_for(network, inputs, budget)
    sink = _Sink.make(len(inputs), shape[1], n_nodes, part)
    activations = ActivationStatistics.empty(n_classes, shape[1], int(np.prod(shape[2:])))
    pending: list[ImageSums] = []
    folded = 0
    bar = tqdm(
        total=len(inputs), desc="capture", unit="image", disable=None if progress else True, leave=False
    )
    with bar, evaluating(network), tapped(_aggregation(network)) as tap:
        for start in range(0, len(inputs), batch_size):
            rows = slice(start, start + batch_size)
            sink.nodes[rows] = _nodes(network(_tensor(inputs[rows])))
            maps, pooled = tap.take()
            sink.pooled[rows] = pooled.float().numpy()
            pending += _sums(maps, budget // 2)
            bar.update(len(maps))
            del maps, pooled  # before the next forward pass needs the room
            done = min(start + batch_size, len(inputs))
            if done - folded >= _FOLDED or done == len(inputs):
                activations.update_images(ImageSums.joined(pending), labels[folded:done])
                pending, folded = [], done
    sink.flush()
    if part is not None:
        np.save(part / "labels.npy", labels)
    statistics = pooled_statistics(sink.pooled, labels, n_classes, budget)
    return Captured(sink.pooled, sink.nodes, labels, statistics, activations, batch_size)


def _aggregation(network: nn.Module) -> nn.Module:
    layer = getattr(network, "aggregation", None)
    if not isinstance(layer, nn.Module):
        raise TypeError(
            f"{type(network).__name__} has no aggregation layer: expected a network whose attribute"
            " `aggregation` turns maps into pooled features, as aggdist.networks.build makes"
        )
    return layer


def _probe(network: nn.Module, inputs: NDArray[Any]) -> tuple[tuple[int, ...], int]:
    """Shape of the maps of one image (1, C, *positions), and the number of output nodes."""
    with evaluating(network), tapped(_aggregation(network)) as tap:
        nodes = _nodes(network(_tensor(inputs[:1])))
        maps, _ = tap.take()
    return tuple(maps.shape), nodes.shape[1]


def batch_for(network: nn.Module, inputs: NDArray[Any], budget: int) -> int:
    """Images per batch so that all intermediate results of a forward pass fit half the budget; at least 1."""
    per_image = activation_bytes(network, _tensor(inputs[:1]))
    return int(min(LARGEST_BATCH, max(1, budget // 2 // per_image)))


def _tensor(rows: NDArray[Any]) -> Tensor:
    # A copy: torch warns about arrays that cannot be written, such as memory maps.
    return torch.from_numpy(np.array(rows))


def _nodes(output: Any) -> NDArray[np.float32]:
    if not isinstance(output, Tensor) or output.ndim != 2:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(f"the network's output is {found}: expected output nodes of shape (images, nodes)")
    rows: NDArray[np.float32] = output.float().numpy()
    return rows


def _sums(maps: Tensor, budget: int) -> list[ImageSums]:
    check_maps_shape(tuple(maps.shape))
    per_image = _COPIES * 4 * maps[0].numel()
    chunk = max(1, min(_WORK, budget) // per_image)
    return [image_sums(maps[start : start + chunk].numpy()) for start in range(0, len(maps), chunk)]


def pooled_statistics(
    pooled: NDArray[np.float32], labels: NDArray[np.int64], n_classes: int, budget: int = MEMORY_BUDGET
) -> PooledStatistics:
    """The accumulators of stored features (n, C), read in blocks that fit the budget."""
    statistics = PooledStatistics.empty(n_classes, pooled.shape[1])
    # Large blocks: each costs one update of every class's C by C comoment, however few its rows.
    block = max(1, min(4096, budget // (8 * 8 * pooled.shape[1])))
    for start in range(0, len(pooled), block):
        rows = slice(start, start + block)
        statistics.update(pooled[rows], labels[rows])
    return statistics


def apply_head(head: nn.Module, pooled: NDArray[np.float32], batch_size: int) -> NDArray[np.float32]:
    """Output nodes (n, K) of a head on pooled features (n, C), batch by batch."""
    with evaluating(head):
        blocks = [
            _nodes(head(_tensor(pooled[start : start + batch_size])))
            for start in range(0, len(pooled), batch_size)
        ]
    return np.concatenate(blocks)
