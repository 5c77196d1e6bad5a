"""scikit-learn's digits, which need no file and no connection, with a fixed split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggdist.datasets.cache import Arrays, DatasetError, DatasetMissing, difference
from aggdist.datasets.specification import DatasetSpec

#: Seed of the split.
SEED = 20260101


def stratified_split(
    labels: NDArray[np.integer], n_train: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices (train, test) that keep the proportion of the classes, each in one shuffled order.

    Class k of n_k examples out of n gives n_train * n_k / n of them to train, rounded so that the sum is
    n_train (largest remainders first, lower class first among equal ones).

    Parameters
    ----------
    labels
        Class of each example, (n,), integers 0, 1, ...
    n_train
        Number of examples to train on, 0 to n.
    seed
        Seed of `numpy.random.default_rng`.

    Returns
    -------
    The indices (n_train,) and (n - n_train,); together they are 0, ..., n - 1.

    Raises
    ------
    ValueError
        If n_train is not between 0 and n.
    """
    n = labels.size
    if not 0 <= n_train <= n:
        raise ValueError(f"n_train: got {n_train}, expected 0 to {n}, the number of examples")
    counts = np.bincount(labels)
    share, remainder = np.divmod(n_train * counts, n)
    largest_first = np.argsort(-remainder, kind="stable")
    share[largest_first[: n_train - share.sum()]] += 1
    # Sorting uniform keys, not rng.permutation: NumPy may change how it shuffles, hardly how it draws.
    order = np.argsort(np.random.default_rng(seed).random(n), kind="stable")
    shuffled = labels[order]
    of_class = shuffled[:, None] == np.arange(counts.size)
    rank = np.cumsum(of_class, axis=0)[np.arange(n), shuffled]
    to_train = rank <= share[shuffled]
    return order[to_train], order[~to_train]


def read_digits(spec: DatasetSpec) -> Arrays:
    """The arrays of digits, each of them verified and read-only: uint8 images of grey values 0 to 16.

    Raises
    ------
    DatasetMissing
        If scikit-learn is not installed.
    DatasetError
        If the installed scikit-learn carries other data.
    """
    try:
        import sklearn
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DatasetMissing(
            f"dataset {spec.name}: it comes with scikit-learn, which is not installed; "
            "run `pip install 'aggdist[torch]'` or `pip install scikit-learn`",
            reason="scikit-learn is not installed",
        ) from error
    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    train, test = stratified_split(labels, spec.n_train, SEED)
    arrays: Arrays = {
        "x_train": images[train],
        "y_train": labels[train],
        "x_test": images[test],
        "y_test": labels[test],
    }
    reason = difference(spec, arrays)
    if reason:
        raise DatasetError(
            f"dataset {spec.name}: scikit-learn {sklearn.__version__} with NumPy {np.__version__} gives "
            f"other data: {reason}; install the versions of this project's constraints file",
            reason=reason,
        )
    for array in arrays.values():
        array.setflags(write=False)
    return arrays
