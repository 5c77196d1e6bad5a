"""The one check of a sample that the estimators share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def checked_sample(values: ArrayLike, name: str, at_least: int) -> Array:
    """The sample as float64, shape (number of values,).

    Raises
    ------
    ValueError
        For wrong shapes, too few values, or values that are not finite.
    """
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise ValueError(f"{name}: got shape {array.shape}, expected one axis, (number of values,)")
    if array.size < at_least:
        raise ValueError(f"{name}: got {array.size} values, expected at least {at_least}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got NaN or infinite values, expected finite ones; remove them first")
    return array
