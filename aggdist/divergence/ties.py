"""Samples with equal values: rounding, repeated values, atoms. Estimators of densities fail on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.divergence.samples import checked_sample

Array = NDArray[np.float64]


def break_ties(
    x: ArrayLike, y: ArrayLike, *, rng: np.random.Generator, scale: float = 1e-6
) -> tuple[Array, Array]:
    """Both samples with the same tiny uniform noise, `scale` times their common standard deviation.

    For a few values that are equal because an image occurs twice. The same noise on both sides keeps an atom
    common to both comparable (its share is then estimated too). Where *all* values were rounded, `dither`
    is right: noise much finer than the rounding leaves the copies far too close to each other.
    """
    first, second = np.asarray(x, float), np.asarray(y, float)
    width = scale * float(np.std(np.concatenate([first, second])))
    if not width > 0:
        raise ValueError("got samples without any spread, expected at least two different values")
    return first + rng.uniform(-width, width, first.shape), second + rng.uniform(-width, width, second.shape)


def dither(values: ArrayLike, *, rng: np.random.Generator, dtype: Any = np.float16) -> Array:
    """Values that were rounded to `dtype`, spread evenly over the interval that rounds to each of them.

    Parameters
    ----------
    values : array_like
        Values of any shape, exactly representable in `dtype`.
    dtype
        The floating point type in which they were stored.

    Raises
    ------
    ValueError
        If a value is not finite in `dtype`, or not one of its numbers.
    """
    array = np.asarray(values, float)
    with np.errstate(over="ignore"):
        stored = array.astype(dtype)
    if not np.all(np.isfinite(stored)) or not np.array_equal(stored.astype(float), array):
        raise ValueError(
            f"values: got some that {np.dtype(dtype).name} cannot hold, expected values rounded to that type"
        )
    return array + rng.uniform(-0.5, 0.5, array.shape) * np.abs(np.spacing(stored)).astype(float)


def kl_with_atom(
    x: ArrayLike, y: ArrayLike, estimator: Callable[[Array, Array], float], *, at: float = 0.0
) -> float:
    """Estimate KL(p || q) of two laws that share an atom: the atom by counting, the rest by `estimator`.

    By the chain rule, with p0 and q0 the shares of the atom and p+ and q+ the laws of the rest,

        KL(p || q) = p0 log(p0/q0) + (1-p0) log((1-p0)/(1-q0)) + (1-p0) KL(p+ || q+).

    Parameters
    ----------
    x, y : array_like, shapes (n,) and (m,)
        Samples from p and from q.
    estimator : callable
        Estimates KL(p+ || q+) from the values off the atom, for example `knn_kl`.
    at : float
        Where the atom is.

    Returns
    -------
    float
        Infinite where `x` has the atom (or a rest) and `y` has none. With one neighbour or few values the
        counted shares have errors of their own; see `half_sample_interval`.
    """
    first, second = checked_sample(x, "x", 1), checked_sample(y, "y", 1)
    p0, q0 = float(np.mean(first == at)), float(np.mean(second == at))
    if (p0 > 0 and q0 == 0) or (p0 < 1 and q0 == 1):
        return float("inf")
    shares = sum(p * float(np.log(p / q)) for p, q in ((p0, q0), (1 - p0, 1 - q0)) if p > 0)
    return shares + (0.0 if p0 == 1 else (1 - p0) * estimator(first[first != at], second[second != at]))
