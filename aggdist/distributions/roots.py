"""Safeguarded root finding for many equations at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def bracketed_root(
    equation: Callable[[Array], Array],
    low: ArrayLike,
    high: ArrayLike,
    shape: tuple[int, ...],
    steps: int = 100,
) -> Array:
    """Root of an equation that is negative at `low` and positive at `high`, elementwise, to rounding.

    Secant steps kept inside the bracket by the Illinois rule, with a bisection every third step.
    """
    a, b = (np.array(np.broadcast_to(np.asarray(v, float), shape)) for v in (low, high))
    fa, fb = equation(a), equation(b)
    for turn in range(steps):
        width = b - a
        if np.all(width <= 4e-16 * np.maximum(1.0, np.abs(a))):
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            c = a - fa * width / (fb - fa)
        fine = np.isfinite(c) & (c > a) & (c < b) & (turn % 3 != 2)
        c = np.where(fine, c, (a + b) / 2)
        fc = equation(c)
        up = fc < 0
        # Illinois: halve the value kept at the end that stays, so that the bracket closes from both sides.
        fb = np.where(up, fb / 2, fc)
        fa = np.where(up, fc, fa / 2)
        a, b = np.where(up, c, a), np.where(up, b, c)
        done = fc == 0
        a, b = np.where(done, c, a), np.where(done, c, b)
    return np.asarray((a + b) / 2)
