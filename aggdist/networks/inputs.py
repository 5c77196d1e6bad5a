"""A dataset as the arrays a network reads, with the constants that normalise them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aggdist.networks.sentences import Vocabulary
from aggdist.networks.spectrogram import log_mel, split


class DatasetLike(Protocol):
    """What `prepare` reads of a dataset (`aggdist.datasets.load` gives one)."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def task(self) -> str: ...  # noqa: D102
    @property
    def x_train(self) -> Any: ...  # noqa: D102
    @property
    def y_train(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def x_test(self) -> Any: ...  # noqa: D102
    @property
    def y_test(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def n_classes(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class InputSpec:
    """What a network must know of its inputs; stored with a checkpoint.

    Attributes
    ----------
    task
        "image", "audio" or "text".
    shape
        Of one input: (channels, rows, columns), or (words,) for text.
    n_classes
        Number of output nodes.
    mean, std
        Per channel over the training set, in the inputs' own units; empty for text.
    vocabulary
        Number of word numbers; 0 for images and audio.
    """

    task: str
    shape: tuple[int, ...]
    n_classes: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    vocabulary: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> InputSpec:
        """From JSON, where tuples are lists."""
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**given)


@dataclass(frozen=True)
class Inputs:
    """Model inputs: uint8 images, float32 log-mel spectrograms or int32 word numbers.

    Shapes (n, C, H, W), (n, 1, bands, frames) and (n, words). Images stay uint8 until a batch is
    made; the network's first layer normalises.
    """

    x_train: NDArray[Any]
    y_train: NDArray[np.int64]
    x_test: NDArray[Any]
    y_test: NDArray[np.int64]
    spec: InputSpec


def prepare(dataset: DatasetLike) -> Inputs:
    """The model inputs of a dataset; normalisation and vocabulary come from its training set alone.

    Raises
    ------
    ValueError
        For an unknown task, arrays of the wrong shape, no inputs, or as many labels as there are not inputs.
    """
    if dataset.task == "text":
        return _text(dataset)
    if dataset.task not in ("image", "audio"):
        raise ValueError(
            f"task {dataset.task!r} of dataset {dataset.name!r}: expected 'image', 'audio' or 'text'"
        )
    convert = _images if dataset.task == "image" else _recordings
    x_train, x_test = convert(dataset.x_train), convert(dataset.x_test)
    _check(dataset, x_train, x_test)
    mean, std = _constants(x_train)
    spec = InputSpec(dataset.task, x_train.shape[1:], dataset.n_classes, mean, std)
    return Inputs(x_train, _labels(dataset.y_train), x_test, _labels(dataset.y_test), spec)


def _text(dataset: DatasetLike) -> Inputs:
    vocabulary = Vocabulary.of(dataset.x_train)
    x_train, x_test = vocabulary.encode(dataset.x_train), vocabulary.encode(dataset.x_test)
    _check(dataset, x_train, x_test)
    spec = InputSpec("text", x_train.shape[1:], dataset.n_classes, vocabulary=vocabulary.size)
    return Inputs(x_train, _labels(dataset.y_train), x_test, _labels(dataset.y_test), spec)


def _images(x: NDArray[Any]) -> NDArray[Any]:
    """(n, H, W) or (n, H, W, 3) uint8 -> (n, C, H, W)."""
    if x.dtype != np.uint8 or not (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)):
        raise ValueError(
            f"images of shape {x.shape}, {x.dtype}: expected uint8 of shape (n, H, W) or (n, H, W, 3)"
        )
    return x[:, None] if x.ndim == 3 else np.ascontiguousarray(np.moveaxis(x, 3, 1))


def _recordings(x: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[np.float32]:
    samples, lengths = x
    return log_mel(split(samples, lengths))[:, None]


def _labels(y: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(y).astype(np.int64)


def _check(dataset: DatasetLike, x_train: NDArray[Any], x_test: NDArray[Any]) -> None:
    pairs: Sequence[tuple[str, NDArray[Any], NDArray[Any]]] = (
        ("train", x_train, dataset.y_train),
        ("test", x_test, dataset.y_test),
    )
    for part, x, y in pairs:
        if len(x) == 0 or len(x) != len(y):
            raise ValueError(
                f"{part} part of {dataset.name!r}: got {len(x)} inputs and {len(y)} labels, expected"
                " equally many and at least one"
            )
        if np.min(y) < 0 or np.max(y) >= dataset.n_classes:
            raise ValueError(
                f"{part} labels of {dataset.name!r} run from {np.min(y)} to {np.max(y)}:"
                f" expected 0 to {dataset.n_classes - 1}"
            )


def _constants(x: NDArray[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel; a constant channel gets standard deviation 1."""
    per_image = x.reshape(len(x), x.shape[1], -1)
    # Image by image in double precision: a copy of 50,000 colour images in float64 would take 1.2 GB.
    mean = per_image.mean(axis=2, dtype=np.float64).mean(axis=0)
    variance = per_image.var(axis=2, dtype=np.float64).mean(axis=0) + per_image.mean(
        axis=2, dtype=np.float64
    ).var(axis=0)
    std = np.where(variance > 0.0, np.sqrt(variance), 1.0)
    return tuple(mean.tolist()), tuple(std.tolist())
