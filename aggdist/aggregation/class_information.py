"""Mutual information of pooled features and the class: from laws, and counted in samples (theory item T11)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


def mutual_information(masses: Array, priors: ArrayLike) -> Array:
    """Information of a pooled feature about the class in nats, (R,), from masses (R, J, M) and frequencies (J,)."""
    prior = np.asarray(priors, float)[:, None]
    mixed = np.sum(prior * masses, axis=1, keepdims=True)
    ratio = np.divide(masses, mixed, out=np.ones_like(masses), where=(masses > 0) & (mixed > 0))
    return np.asarray(np.sum(prior * masses * np.log(ratio), axis=(1, 2)))


def counted_information(features: ArrayLike, labels: NDArray[np.integer], classes: int, bins: int) -> Array:
    """Mutual information of each feature and the label by counting in equiprobable bins, shape (C,), in nats.

    Ties stay together, so silence is a bin of its own where it fills one. The bias of counting is taken away to leading
    order (Miller 1955).

    Parameters
    ----------
    features : array, shape (n, C)
    labels : array of int, shape (n,)
    classes, bins : int
        K, and the number of bins, at least 2.

    Raises
    ------
    ValueError
        For features and labels of different numbers, or fewer than two bins.
    """
    z = np.asarray(features, float)
    if z.ndim != 2 or len(z) != len(labels) or bins < 2:
        raise ValueError(
            f"got features {z.shape}, {len(labels)} labels and {bins} bins, expected (n, C), n, at least 2"
        )
    n, channels = z.shape
    borders = np.quantile(z, np.arange(1, bins) / bins, axis=0, method="inverted_cdf")
    place = np.zeros(z.shape, np.int64)
    for border in borders:  # over bins, not over images or channels: bounded memory
        place += z > border
    cell = (np.arange(channels) * bins + place) * classes + np.asarray(labels)[:, None]
    counts = np.bincount(cell.ravel(), minlength=channels * bins * classes).reshape(channels, bins, classes)
    share = counts / n
    rows, columns = share.sum(axis=2, keepdims=True), share.sum(axis=1, keepdims=True)
    raw = np.sum(special.rel_entr(share, rows * columns), axis=(1, 2))
    held = [np.count_nonzero(v, axis=(1, 2)) for v in (counts, rows, columns)]
    return np.asarray(raw - (held[0] - held[1] - held[2] + 1) / (2 * n))
