"""Fitting and judging images: disjoint random halves of each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer]


def split_in_halves(
    labels: Labels, fit_per_class: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Disjoint random fitting and judging images.

    Of each class at most `fit_per_class` and at most half are for fitting; as many as remain, at most the
    larger of `fit_per_class` and that half, are for judging.

    Raises
    ------
    ValueError
        If a class has fewer than four images: two are needed on either side.
    """
    counts = np.bincount(labels)
    if counts.min() < 4:
        raise ValueError(
            f"class {int(counts.argmin())} has {int(counts.min())} images, expected at least four: two for fitting "
            "and two for judging"
        )
    order = rng.permutation(len(labels))
    # Rank of each image within its class, in random order.
    by_class = order[np.argsort(labels[order], kind="stable")]
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(labels), np.intp)
    rank[by_class] = np.arange(len(labels)) - np.repeat(start, counts)
    to_fit = np.minimum(fit_per_class, counts // 2)[labels]
    to_judge = np.maximum(fit_per_class, counts // 2)[labels]
    return np.flatnonzero(rank < to_fit), np.flatnonzero((rank >= to_fit) & (rank < to_fit + to_judge))


def few_of_each(labels: Labels, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Random images, `count` of each class (all of a class that has fewer), in the order in which they are."""
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(labels)) - np.repeat(start, counts)
    return np.sort(by_class[rank < count])
