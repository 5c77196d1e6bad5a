"""A dataset in memory: verified, read-only train and test arrays with their names and checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggdist.datasets.cache import Arrays, DatasetError, DatasetMissing, read
from aggdist.datasets.digits import read_digits
from aggdist.datasets.specification import DatasetSpec, Task, digest_of, specification


class Recordings(NamedTuple):
    """Recordings of different lengths: all samples end to end, and how many belong to each.

    Attributes
    ----------
    samples
        (sum of lengths,) int16, 8,000 a second.
    lengths
        (n,) int32, samples of each recording.
    """

    samples: NDArray[np.int16]
    lengths: NDArray[np.int32]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(n + 1,) int64: recording i is `samples[offsets[i] : offsets[i + 1]]`."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths, dtype=np.int64)])

    def split(self) -> list[NDArray[np.int16]]:
        """Each recording as a view of the samples; they can't be written to."""
        return np.split(self.samples, self.offsets[1:-1])


Inputs = NDArray[np.uint8] | NDArray[np.str_] | Recordings


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """One dataset, split into train and test; all arrays are verified and read-only.

    Attributes
    ----------
    name, task, class_names
        As in its specification; the task is "image", "audio" or "text".
    x_train, x_test
        Images: uint8 (n, H, W), or (n, H, W, 3) in colour. Audio: Recordings, the tuple (samples, lengths).
        Text: (n,) strings, one tokenised sentence each, tokens separated by blanks.
    y_train, y_test
        Labels 0, ..., n_classes - 1, uint8 (n,).
    checksums
        SHA-256 of each array, by its name.
    extra
        What else the dataset says of each example, by the array's name (audio: speaker_train, speaker_test).
    """

    name: str
    task: Task
    class_names: tuple[str, ...]
    x_train: Inputs
    y_train: NDArray[np.uint8]
    x_test: Inputs
    y_test: NDArray[np.uint8]
    checksums: Mapping[str, str]
    extra: Mapping[str, NDArray[Any]]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_train(self) -> int:
        """Number of examples to train on."""
        return self.y_train.size

    @property
    def n_test(self) -> int:
        """Number of examples held out."""
        return self.y_test.size

    def digest(self) -> str:
        """One SHA-256 (hex) of all the checksums: changes when any array does."""
        return digest_of(self.checksums)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name}: {self.task}, {self.n_classes} classes, "
            f"{self.n_train:,} to train, {self.n_test:,} to test)"
        )


def from_arrays(spec: DatasetSpec, arrays: Arrays) -> Dataset:
    """The dataset that verified arrays make up."""

    def inputs(part: str) -> Inputs:
        if spec.task == "audio":
            return Recordings(arrays[f"x_{part}"], arrays[f"lengths_{part}"])
        return arrays[f"x_{part}"]

    own = ("x_", "y_", "lengths_")
    return Dataset(
        name=spec.name,
        task=spec.task,
        class_names=spec.class_names,
        x_train=inputs("train"),
        y_train=arrays["y_train"],
        x_test=inputs("test"),
        y_test=arrays["y_test"],
        checksums=spec.checksums,
        extra={name: array for name, array in arrays.items() if not name.startswith(own)},
    )


def read_verified(spec: DatasetSpec) -> Arrays:
    """The verified arrays, from the cache or from the package that carries them."""
    return read_digits(spec) if spec.packaged else read(spec)


def load(name: str) -> Dataset:
    """The dataset called `name`, each array verified by its SHA-256 (2 s for cifar10, less for the others).

    Raises
    ------
    ValueError
        If there is no dataset of that name.
    DatasetMissing
        If it is not here.
    DatasetError
        If it is damaged or not the right one; the message names the file, the reason and the
        command that mends it.
    """
    spec = specification(name)
    return from_arrays(spec, read_verified(spec))


def status(name: str) -> str:
    """Whether `load` would succeed, found by trying: "yes", "no", or "damaged: " and the reason.

    Raises
    ------
    ValueError
        If there is no dataset of that name.
    """
    spec = specification(name)
    try:
        read_verified(spec)
    except DatasetMissing:
        return "no"
    except DatasetError as error:
        return f"damaged: {error.reason}"
    return "yes"


def is_available(name: str) -> bool:
    """Whether `load` would succeed, found by trying; see `status`."""
    return status(name) == "yes"
