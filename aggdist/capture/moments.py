"""Central sums of groups and how two groups' sums make those of their union (numpy only).

With n values of mean m, M_r = sum (x - m)^r. For groups a and b, d = m_b - m_a, n = n_a + n_b:
M_2 = M_2a + M_2b + d^2 n_a n_b / n, and M_3 = M_3a + M_3b + d^3 n_a n_b (n_a - n_b) / n^2
+ 3 d (n_a M_2b - n_b M_2a) / n. No large raw sums are ever subtracted.

References
----------
Chan, Golub, LeVeque, Algorithms for computing the sample variance, The American Statistician 37, 1983;
Pebay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
moments, Sandia report SAND2008-6212, 2008.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def weights(count_a: Floats, count_b: Floats) -> tuple[Floats, Floats]:
    """n_b / n and n_a n_b / n, both 0 where the union is empty."""
    total = count_a + count_b
    share = np.divide(count_b, total, out=np.zeros_like(total), where=total > 0)
    return share, count_a * share


def merged_third(
    third: tuple[Floats, Floats], second: tuple[Floats, Floats], delta: Floats, counts: tuple[Floats, Floats]
) -> Floats:
    """M_3 of the union, from those of the parts, their M_2, the difference of means and the counts."""
    count_a, count_b = counts
    share_b, product = weights(count_a, count_b)
    share_a, _ = weights(count_b, count_a)
    skew = delta**3 * product * (share_a - share_b)
    return third[0] + third[1] + skew + 3.0 * delta * (share_a * second[1] - share_b * second[0])


def one_hot(labels: NDArray[np.int64], n_classes: int) -> Floats:
    """(n_classes, n) with a 1 where image i has label j: a product with it sums per class."""
    member: Floats = (np.arange(n_classes)[:, None] == labels).astype(np.float64)
    return member


def class_means(sums: Floats, counts: Floats) -> Floats:
    """Sums (J, C) over counts (J,); 0 for an empty class."""
    return np.divide(sums, counts[:, None], out=np.zeros_like(sums), where=counts[:, None] > 0)


def checked_labels(labels: ArrayLike, n: int, n_classes: int) -> NDArray[np.int64]:
    """Labels as int64.

    Raises
    ------
    TypeError
        If they are no integers.
    ValueError
        If they are not one per image, or not in 0..n_classes-1.
    """
    given: NDArray[Any] = np.asarray(labels)
    if not np.issubdtype(given.dtype, np.integer):
        raise TypeError(f"labels of type {given.dtype}: expected integers 0 to {n_classes - 1}")
    if given.shape != (n,):
        raise ValueError(
            f"labels of shape {given.shape} for {n} images: expected one per image, shape ({n},)"
        )
    if n and (given.min() < 0 or given.max() >= n_classes):
        raise ValueError(
            f"labels run from {given.min()} to {given.max()}: expected 0 to {n_classes - 1}"
            f" for {n_classes} classes"
        )
    return given.astype(np.int64)


def require_images(counts: ArrayLike, minimum: int) -> None:
    """Stop when a class has too few images for what is asked.

    Raises
    ------
    ValueError
        Naming the classes.
    """
    few = [(j, int(n)) for j, n in enumerate(np.asarray(counts)) if n < minimum]
    if few:
        listed = ", ".join(f"class {j} has {n}" for j, n in few[:10])
        raise ValueError(
            f"too few images: {listed}; expected at least {minimum} per class; give more images or leave"
            " the class out"
        )
