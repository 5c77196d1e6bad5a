"""L_p-norm pooling: Z = (sum_s A_s^p)^(1/p), which is N^(1/p) times the generalised mean.

p = 1 is the sum, p -> inf the maximum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import generalised_mean


def pool(maps: NDArray[Any], axis: tuple[int, ...], p: float = 3.0) -> NDArray[Any]:
    """The L_p norm over the positions, exactly 0 where every activation is 0."""
    positions = math.prod(maps.shape[a] for a in axis)
    mean = generalised_mean.pool(maps.astype(np.float64, copy=False), axis, p)
    pooled: NDArray[Any] = (positions ** (1.0 / p) * mean).astype(maps.dtype)
    return pooled
