"""What averaging over blocks of a map keeps of the separation of two classes (chapter *compactness*)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def separation(difference: ArrayLike, covariance: ArrayLike) -> float:
    """delta^2 = Delta' Sigma^-1 Delta of two normal classes of one covariance; KL between them is half of it.

    Parameters
    ----------
    difference : array, shape (d,)
        Of the class means.
    covariance : array, shape (d, d)
        Within a class, positive definite.
    """
    delta = np.asarray(difference, float)
    return float(delta @ np.linalg.solve(np.asarray(covariance, float), delta))


def merged_separation(
    difference: ArrayLike, covariance: ArrayLike, merging: ArrayLike
) -> tuple[float, float]:
    """delta^2 of the merged features P x, and what merging loses; together they are delta^2 of x.

    The loss is the separation of what is left of the features when P x is known: with rows Q that complete P, the
    difference and the covariance of Q x, less their regressions on P x.

    Parameters
    ----------
    difference, covariance
        As for `separation`.
    merging : array, shape (m, d)
        P, of full rank m < d, such as averages over blocks.

    Raises
    ------
    ValueError
        For matrices of other shapes, or rows of P that depend on each other.
    """
    delta, sigma, rows = (np.asarray(v, float) for v in (difference, covariance, merging))
    if rows.ndim != 2 or rows.shape[1] != delta.size or sigma.shape != (delta.size, delta.size):
        raise ValueError(
            f"got a difference {delta.shape}, a covariance {sigma.shape} and P {rows.shape}, expected (d,), (d, d) and "
            "(m, d)"
        )
    rank = np.linalg.matrix_rank(rows)
    if rank < len(rows) or len(rows) >= delta.size:
        raise ValueError(
            f"P has {len(rows)} rows of rank {rank}, expected independent rows, fewer than {delta.size}"
        )
    rest = np.linalg.svd(rows)[2][len(rows) :]
    inner = rows @ sigma @ rows.T
    regression = np.linalg.solve(inner, rows @ sigma @ rest.T).T
    left = rest @ delta - regression @ (rows @ delta)
    schur = rest @ sigma @ rest.T - regression @ (rows @ sigma @ rest.T)
    return separation(rows @ delta, inner), separation(left, schur)


def block_means(maps: ArrayLike, blocks: int) -> Array:
    """Averages over blocks of maps: each axis of the positions is cut into so many parts, as equal as they can be.

    Parameters
    ----------
    maps : array, shape (n, C, *positions)
    blocks : int
        Parts of each axis; an axis that is shorter is cut into single positions.

    Returns
    -------
    array, shape (n, C B): 1 is average pooling, as many as there are positions flattens.

    Raises
    ------
    ValueError
        For maps without positions, or less than one block.
    """
    values = np.asarray(maps, float)
    if values.ndim < 3 or blocks < 1:
        raise ValueError(
            f"got maps of shape {values.shape} and {blocks} blocks, expected (n, C, *positions) and >= 1"
        )
    for axis in range(2, values.ndim):
        size = values.shape[axis]
        starts = np.arange(min(blocks, size)) * size // min(blocks, size)
        lengths = np.diff(np.append(starts, size)).reshape(
            [-1 if a == axis else 1 for a in range(values.ndim)]
        )
        values = np.add.reduceat(values, starts, axis=axis) / lengths
    return values.reshape(len(values), -1)


def kept_by_averaging(means: ArrayLike, variance: ArrayLike, rho: ArrayLike) -> Array:
    """Share of a channel's separation that its average keeps, for exchangeable positions (T13.4), by channel.

    Parameters
    ----------
    means : array, shape (2, C, N)
        Mean activation of two classes at each position.
    variance, rho : arrays, shape (C,)
        Of an activation within a class, and the correlation of two positions.

    Returns
    -------
    array, shape (C,): between 0 and 1; NaN where the classes do not differ at all.
    """
    delta = np.diff(np.asarray(means, float), axis=0)[0]
    positions = delta.shape[1]
    correlation = np.asarray(rho, float)
    averaged = positions * delta.mean(axis=1) ** 2 / (1 + (positions - 1) * correlation)
    within = positions * delta.var(axis=1) / (1 - correlation)
    total = (averaged + within) / np.asarray(variance, float)
    return np.divide(
        averaged / np.asarray(variance, float), total, out=np.full(len(total), np.nan), where=total > 0
    )
