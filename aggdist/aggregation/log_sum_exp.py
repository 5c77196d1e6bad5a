"""Log-sum-exp pooling: Z = (1/r) log((1/N) sum_s exp(r A_s)), with sharpness r > 0.

r -> 0 is the average, r -> inf the maximum. With the mean inside (and not the sum) a map of zeros gives zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pool(maps: NDArray[Any], axis: tuple[int, ...], r: float = 1.0) -> NDArray[Any]:
    """The log-sum-exp over the positions, exactly 0 where every activation is 0.

    The largest activation is taken out of the sum, which keeps the exponentials from overflow.
    """
    values = maps.astype(np.float64, copy=False)
    largest = np.max(values, axis=axis, keepdims=True)
    inner = np.mean(np.expm1(r * (values - largest)), axis=axis)
    pooled: NDArray[Any] = (np.squeeze(largest, axis=axis) + np.log1p(inner) / r).astype(maps.dtype)
    return pooled
