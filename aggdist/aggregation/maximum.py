"""Max pooling: Z = max_s A_s."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pool(maps: NDArray[Any], axis: tuple[int, ...]) -> NDArray[Any]:
    """The largest activation over the positions."""
    largest: NDArray[Any] = np.max(maps, axis=axis)
    return largest
