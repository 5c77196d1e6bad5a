"""One pass over a person's data: what the head reads for every image, and mergeable statistics of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from aggdist.capture.tap import evaluating
from aggdist.own_network.batches import Inputs, Unpack, batches, call, home, placed, rows
from aggdist.own_network.classes import Classes, Names, announce, choose_classes
from aggdist.own_network.find import HeadPath, Pool, find_path
from aggdist.own_network.models import covariance_kind
from aggdist.own_network.statistics import HeadStatistics

Array = NDArray[np.float64]
Features = NDArray[np.floating]

MEMORY_BUDGET = 2 * 2**30
PROBED = 8  # images on which the path is verified
# Bytes of work per byte of features: themselves in double precision, both halves, each of them by class, the first
# split's again, and one class at a time beside its laws. Measured 9 to 13.
_WORK = 12


@dataclass(frozen=True)
class FeatureCapture:
    """What the linear head read for n images, and the head itself.

    Attributes
    ----------
    features
        Pooled features Z (n, C).
    labels
        (n,), 0..J-1 in the order of `class_names`.
    statistics
        The accumulators of the same images, in double precision.
    weights, bias
        Rows of the head for the chosen classes: (J, C) and (J,).
    class_names
        (J,).
    path
        Where the network aggregates, see `HeadPath.about`.
    notes
        Announcements made on the way.
    """

    features: Features
    labels: NDArray[np.int64]
    statistics: HeadStatistics
    weights: Array
    bias: Array
    class_names: tuple[str, ...]
    path: dict[str, Any]
    notes: tuple[str, ...] = ()

    def counts(self) -> NDArray[np.int64]:
        """Images of each class (J,)."""
        return np.bincount(self.labels, minlength=len(self.class_names))

    def nodes(self) -> Array:
        """Output nodes (n, J) in double precision."""
        return np.asarray(self.features, np.float64) @ self.weights.T + self.bias

    def merged(self, other: FeatureCapture) -> FeatureCapture:
        """Both parts as one capture; the statistics are those of the whole to about 1e-12 relative.

        Raises
        ------
        ValueError
            If the parts come from other heads or classes.
        """
        same = (
            self.class_names == other.class_names
            and np.array_equal(self.weights, other.weights)
            and np.array_equal(self.bias, other.bias)
        )
        if not same:
            raise ValueError("cannot merge captures of two networks or other classes: expected the same head")
        arrays = {name: array.copy() for name, array in self.statistics.arrays().items()}
        statistics = HeadStatistics(**arrays)
        statistics.merge(other.statistics)
        return replace(
            self,
            features=np.concatenate([self.features, other.features]),
            labels=np.concatenate([self.labels, other.labels]),
            statistics=statistics,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
        )


def capture_features(
    model: nn.Module,
    data: Any,
    *,
    classes: Sequence[int | str] | None = None,
    class_names: Names | None = None,
    maps: str | None = None,
    head: str | None = None,
    aggregation: str | Pool | None = None,
    unpack: Unpack | None = None,
    batch_size: int = 64,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    memory_budget: int = MEMORY_BUDGET,
    progress: bool = True,
) -> FeatureCapture:
    """Find the path on the first images, then run over all of them; see `analyse` for the parameters.

    Raises
    ------
    PathError, ValueError, TypeError
        See `find_path`, `batches` and `analyse`.
    """
    with _on(model, device):
        feed = iter(batches(data, batch_size, unpack))
        first = next(feed, None)
        if first is None or not len(first[1]):
            raise ValueError("data: got no images, expected at least one batch")
        few = placed(rows(first[0], slice(PROBED), len(first[1])), model)
        path = find_path(model, few, maps=maps, head=head, aggregation=aggregation)
        chosen = choose_classes(classes, class_names, path.head.out_features, data)
        kind, note = covariance_kind(
            len(chosen.numbers), len(chosen.numbers), path.head.in_features, memory_budget
        )
        notes = () if note is None else (announce(note),)
        limit = memory_budget // _WORK
        bar = tqdm(chain([first], feed), desc="capture", unit="batch", disable=None if progress else True)
        features, labels = _run(model, path, bar, chosen, dtype, limit)
    picked = list(chosen.numbers)
    weights, bias = path.weights()[picked], path.bias()[picked]
    statistics = HeadStatistics.of_features(features, labels, len(picked), weights, kind)
    return FeatureCapture(features, labels, statistics, weights, bias, chosen.names, path.about(), notes)


@contextmanager
def _on(model: nn.Module, device: str | torch.device | None) -> Iterator[None]:
    """The model on another device inside the block."""
    before = home(model)[0]
    if device is None or torch.device(device) == before:
        yield
        return
    model.to(device)
    try:
        yield
    finally:
        model.to(before)


def _run(
    model: nn.Module,
    path: HeadPath,
    feed: Any,
    chosen: Classes,
    dtype: torch.dtype | None,
    limit: int,
) -> tuple[Features, NDArray[np.int64]]:
    read: list[torch.Tensor] = []
    handle = path.head.register_forward_pre_hook(lambda _layer, inputs: read.append(inputs[0].detach()))
    blocks, kept = [np.empty((0, path.head.in_features), np.float32)], [np.empty(0, np.int64)]
    held = 0
    try:
        with evaluating(model), _precision(model, dtype):
            for inputs, labels in feed:
                mask, own = chosen.keep(labels)
                if not len(own):
                    continue
                call(model, placed(_chosen(inputs, mask), model))
                blocks.append(_block(read, path, len(own)))
                kept.append(own)
                held += blocks[-1].nbytes
                _check_room(held, limit)
    finally:
        handle.remove()
    return np.concatenate(blocks), np.concatenate(kept)


def _chosen(inputs: Inputs, mask: NDArray[np.bool_]) -> Inputs:
    return inputs if mask.all() else rows(inputs, np.flatnonzero(mask), len(mask))


def _precision(model: nn.Module, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    """Half precision as autocast does it: the weights are not touched."""
    device, own = home(model)
    if dtype is None or dtype == own:
        return nullcontext()
    if dtype not in (torch.float16, torch.bfloat16):
        raise ValueError(
            f"dtype: got {dtype}, expected torch.float16, torch.bfloat16, or None for the model's own"
        )
    return torch.autocast(device.type, dtype)


def _block(read: list[torch.Tensor], path: HeadPath, images: int) -> Features:
    """What the head read in the last pass; NumPy knows no bfloat16, and float32 holds it exactly."""
    last = read[-1]
    read.clear()
    if last.shape != (images, path.head.in_features):
        raise ValueError(
            f"the head {path.head_name!r} read {tuple(last.shape)} for {images} images: expected "
            f"({images}, {path.head.in_features}) in every batch, as on the first images"
        )
    values = last if last.dtype == torch.float64 else last.float()
    array: Features = values.cpu().numpy()
    if not np.isfinite(array).all():
        raise ValueError(
            "features hold NaN or infinity: expected finite values; check the network's input, and in half precision "
            "whether activations overflow (bfloat16 has the range of float32)"
        )
    return array


def _check_room(held: int, limit: int) -> None:
    if held > limit:
        raise ValueError(
            f"the features take more than {held / 1e6:.3g} MB, and {_WORK} times that with the work on them, more than "
            "the budget; give fewer images (a few hundred per class are enough), restrict classes=, or raise "
            "memory_budget (bytes)"
        )
