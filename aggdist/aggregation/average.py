"""Average pooling: Z = (1/N) sum_s A_s."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pool(maps: NDArray[Any], axis: tuple[int, ...]) -> NDArray[Any]:
    """The mean over the positions; the sum is taken in double precision."""
    mean: NDArray[Any] = np.mean(maps, axis=axis, dtype=np.float64).astype(maps.dtype)
    return mean
