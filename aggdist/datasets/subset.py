"""A dataset with fewer examples to train on: what overfitting is studied with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aggdist.datasets.dataset import Dataset, Inputs, Recordings

_Array = TypeVar("_Array", bound=NDArray[Any])


def with_fewer_examples(data: Dataset, count: int, seed: int) -> Dataset:
    """The same dataset with `count` random training examples, of each class as many as of any other or one more.

    Its digest says which examples they are, so what is trained on them has a key of its own. All test examples stay.

    Parameters
    ----------
    data
        As `aggdist.datasets.load` gives it.
    count
        Between the number of classes and the number of training examples.
    seed
        Of the choice; the same seed and a larger count choose the same examples and more.

    Raises
    ------
    ValueError
        For another count, or when a class has too few examples for its share.
    """
    if not data.n_classes <= count <= data.n_train:
        raise ValueError(
            f"count: got {count}, expected between {data.n_classes} (one of each class) and {data.n_train} (all that "
            f"{data.name!r} has)"
        )
    chosen = _balanced(np.asarray(data.y_train, np.int64), data.n_classes, count, seed)
    digest = hashlib.sha256(chosen.tobytes()).hexdigest()
    return replace(
        data,
        x_train=_taken(data.x_train, chosen),
        y_train=_read_only(data.y_train[chosen]),
        checksums={**data.checksums, "training_examples": digest},
        extra={k: _read_only(v[chosen]) if k.endswith("_train") else v for k, v in data.extra.items()},
    )


def _balanced(labels: NDArray[np.int64], classes: int, count: int, seed: int) -> NDArray[np.int64]:
    """Places of the first examples of each class in a random order, in ascending order."""
    order = np.random.default_rng([seed, 20240405]).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels, minlength=classes)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Round after round, one example of each class that still has one; a round is in the order of the classes.
    rounds = np.lexsort((labels[by_class], rank))
    chosen = by_class[rounds[:count]]
    share = np.bincount(labels[chosen], minlength=classes)
    if share.max() - share.min() > 1:
        few = int(np.argmin(counts))
        raise ValueError(
            f"class {few} has {counts[few]} training examples, expected at least {count // classes} for a balanced "
            f"choice of {count}; choose fewer"
        )
    return np.sort(chosen).astype(np.int64)


def _taken(inputs: Inputs, chosen: NDArray[np.int64]) -> Inputs:
    if isinstance(inputs, Recordings):
        parts = inputs.split()
        samples = np.concatenate([parts[i] for i in chosen])
        return Recordings(_read_only(samples), _read_only(inputs.lengths[chosen]))
    return _read_only(inputs[chosen])


def _read_only(array: _Array) -> _Array:
    array.setflags(write=False)
    return array
