"""Generalised-mean (GeM) pooling: Z = ((1/N) sum_s A_s^p)^(1/p).

p = 1 is the average, p -> inf the maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pool(maps: NDArray[Any], axis: tuple[int, ...], p: float = 3.0) -> NDArray[Any]:
    """The generalised mean of power p over the positions, exactly 0 where every activation is 0.

    The power is taken of activations divided by their largest, which changes nothing (Z is homogeneous of
    degree 1) and keeps A^p from overflow and underflow.
    """
    values = maps.astype(np.float64, copy=False)
    largest = np.max(values, axis=axis, keepdims=True)
    unit = np.where(largest > 0.0, largest, 1.0)
    inner = np.mean((values / unit) ** p, axis=axis)
    pooled: NDArray[Any] = (np.squeeze(unit, axis=axis) * inner ** (1.0 / p)).astype(maps.dtype)
    return pooled
