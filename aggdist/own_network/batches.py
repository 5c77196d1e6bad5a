"""Data of any usual kind as batches (inputs, labels): loaders, datasets, arrays, tuples and dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.data import DataLoader, Dataset

Inputs = Tensor | tuple[Any, ...] | dict[str, Any]
Unpack = Callable[[Any], tuple[Any, Any]]
LABEL_KEYS = ("labels", "label", "targets", "target", "y")


def call(model: nn.Module, inputs: Inputs) -> Any:
    """Run a model: a tensor as its argument, a tuple as several, a dict by name."""
    if isinstance(inputs, Tensor):
        return model(inputs)
    return model(**inputs) if isinstance(inputs, Mapping) else model(*inputs)


def batches(
    data: Any, batch_size: int = 64, unpack: Unpack | None = None
) -> Iterator[tuple[Inputs, NDArray[np.int64]]]:
    """Batches (inputs, labels) of whatever was given.

    Parameters
    ----------
    data
        A DataLoader or any iterable of batches; a torch Dataset; or whole arrays, as (x, y), (x1, x2, y),
        ((x1, x2), y) or a dict. A batch is such a tuple or dict too: labels come last in a tuple, and under one of
        `LABEL_KEYS` in a dict. What is left of a dict goes to the model by name, or alone if it is one.
    batch_size
        For datasets and arrays; a loader has its own.
    unpack
        For batches of another kind: from a batch to (inputs, labels).

    Raises
    ------
    TypeError, ValueError
        For data of no such kind, labels that are no classes, and parts of different lengths.
    """
    split = unpack or _split
    for batch in _raw(data, batch_size):
        inputs, labels = split(batch)
        given = class_labels(labels)
        size = _length(inputs)
        if size != len(given):
            raise ValueError(
                f"a batch of {size} inputs with {len(given)} labels: expected one label per input"
            )
        yield _as_inputs(inputs), given


def _raw(data: Any, batch_size: int) -> Iterable[Any]:
    if _is_arrays(data):
        return _slices(dict(data) if isinstance(data, Mapping) else data, batch_size)
    if isinstance(data, Dataset) and hasattr(data, "__len__"):
        return DataLoader(data, batch_size=batch_size)
    if (
        isinstance(data, str | bytes)
        or not isinstance(data, Iterable)
        or isinstance(data, np.ndarray | Tensor)
    ):
        raise TypeError(
            f"data: got {type(data).__name__}, expected a DataLoader, a Dataset, an iterable of batches, or arrays "
            "with their labels such as (x, y)"
        )
    return data


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | Tensor)


def _is_arrays(data: Any) -> bool:
    if isinstance(data, Mapping):
        return True
    return isinstance(data, tuple | list) and len(data) > 1 and (
        _is_array(data[-1]) or (_is_array(data[0]) and isinstance(data[-1], list))
    )  # fmt: skip


def _slices(data: Any, batch_size: int) -> Iterator[Any]:
    whole = tree_map(lambda v: v if _is_array(v) else np.asarray(v), data, is_leaf=_is_leaf)
    lengths = {len(v) for v in tree_leaves(whole)}
    if len(lengths) != 1:
        raise ValueError(f"arrays of lengths {sorted(lengths)}: expected one row per image in each of them")
    for start in range(0, lengths.pop(), batch_size):
        rows = slice(start, start + batch_size)
        yield tree_map(lambda v, rows=rows: v[rows], whole)


def _is_leaf(value: Any) -> bool:
    """A list of numbers is one array, not many values."""
    return isinstance(value, list) and not any(map(_is_array, value))


def _split(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        key = next((k for k in LABEL_KEYS if k in batch), None)
        rest = {k: v for k, v in batch.items() if k != key}
        if key is None or not rest:
            raise ValueError(
                f"a batch with keys {', '.join(map(str, batch))}: expected inputs, and labels under one of "
                f"{', '.join(LABEL_KEYS)}; or pass unpack=, from a batch to (inputs, labels)"
            )
        return (next(iter(rest.values())) if len(rest) == 1 else rest), batch[key]
    if isinstance(batch, tuple | list) and len(batch) > 1:
        return (batch[0] if len(batch) == 2 else tuple(batch[:-1])), batch[-1]
    raise TypeError(
        f"a batch of type {type(batch).__name__}: expected (inputs, labels) or a dict; or pass unpack=, from a batch "
        "to (inputs, labels)"
    )


def class_labels(labels: Any) -> NDArray[np.int64]:
    """Labels (n,) as integers.

    Raises
    ------
    ValueError
        For fractional targets (a regression) and targets of two axes (several labels, or one-hot).
    """
    given = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if given.ndim > 1:
        raise ValueError(
            f"labels of shape {given.shape}: expected one class per image, shape ({len(given)},). One-hot labels: pass "
            "labels.argmax(1). Several labels per image (multi-label) have no out of class as the theory means it: "
            "analyse one label at a time, with a head of two nodes"
        )
    if given.ndim == 0 or not np.issubdtype(given.dtype, np.integer):
        raise ValueError(
            f"labels of type {given.dtype} and shape {given.shape}: expected integer classes; a regression has no "
            "classes to tell apart: pass integer labels of a classification (labels.astype(int) if these are such)"
        )
    return np.asarray(given, np.int64)


def _length(inputs: Any) -> int:
    leaves = [leaf for leaf in tree_leaves(inputs) if _is_array(leaf) and leaf.ndim]
    if not leaves:
        raise TypeError(
            f"inputs of type {type(inputs).__name__}: expected arrays or tensors; or pass unpack="
        )
    return len(leaves[0])


def _as_inputs(inputs: Any) -> Inputs:
    # Copies of arrays: torch warns about those that cannot be written, such as memory maps.
    made = tree_map(lambda v: torch.from_numpy(np.array(v)) if isinstance(v, np.ndarray) else v, inputs)
    return tuple(made) if isinstance(made, list) else made


def rows(inputs: Inputs, which: Any, size: int) -> Inputs:
    """Some of the images of a batch of that size."""
    index = torch.as_tensor(which) if isinstance(which, np.ndarray) else which
    return tree_map(
        lambda v: v[index] if isinstance(v, Tensor) and v.ndim and len(v) == size else v, inputs
    )  # fmt: skip


def home(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Device and floating type of a model: those of its first floating parameter."""
    for parameter in model.parameters():
        if parameter.is_floating_point():
            return parameter.device, parameter.dtype
    return torch.device("cpu"), torch.float32


def placed(inputs: Inputs, model: nn.Module) -> Inputs:
    """Inputs on the model's device, floating ones in its type.

    Raises
    ------
    ValueError
        For bytes: images must be scaled as they were in training.
    """
    device, dtype = home(model)

    def move(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if value.dtype == torch.uint8:
            raise ValueError(
                "inputs of type uint8: expected floats (scale the images as in training) or int64 tokens"
            )
        return value.to(device, dtype if value.is_floating_point() else value.dtype)

    return tree_map(move, inputs)
