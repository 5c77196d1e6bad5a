"""Domain checks shared by the families: each message says what was got and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def real_array(name: str, value: ArrayLike) -> Array:
    """`value` as float64.

    Raises
    ------
    TypeError
        If it is not an array of real numbers.
    """
    raw = np.asarray(value)
    if raw.dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: got values of type {raw.dtype}, expected real numbers; convert them to float64"
        )
    return raw.astype(np.float64, copy=False)


def require(name: str, value: Array, good: NDArray[np.bool_] | np.bool_ | bool, expected: str) -> None:
    """Raise ValueError naming the first offending value unless all are `good`."""
    good = np.broadcast_to(np.asarray(good), value.shape)
    if not np.all(good):
        raise ValueError(f"{name}: got {value[~good].flat[0]}, expected {expected}")


def finite(name: str, value: ArrayLike) -> Array:
    """Finite real numbers."""
    array = real_array(name, value)
    require(name, array, np.isfinite(array), "a finite number")
    return array


def positive(name: str, value: ArrayLike) -> Array:
    """Positive finite real numbers."""
    array = real_array(name, value)
    require(name, array, (array > 0) & np.isfinite(array), "a positive finite number")
    return array


def gamma_shape(name: str, value: ArrayLike) -> Array:
    """Positive shapes below 1e15, where the incomplete gamma function still has digits."""
    array = real_array(name, value)
    require(
        name,
        array,
        (array > 0) & (array < 1e15),
        "a positive number below 1e15; use Normal for larger shapes",
    )
    return array


def probability(name: str, value: ArrayLike) -> Array:
    """Numbers in [0, 1]."""
    array = real_array(name, value)
    require(name, array, (array >= 0) & (array <= 1), "a probability between 0 and 1")
    return array


def sample_along(x: ArrayLike, axis: int, least: int = 2) -> Array:
    """A finite sample with `axis` moved to the front.

    Raises
    ------
    ValueError
        For fewer than `least` observations, NaN or infinite values.
    """
    array = real_array("x", x)
    if array.ndim == 0:
        raise ValueError("x: got a single number, expected an array with the observations along `axis`")
    array = np.moveaxis(array, axis, 0)
    if array.shape[0] < least:
        raise ValueError(f"x: got {array.shape[0]} observations along axis {axis}, expected at least {least}")
    # One pass: a NaN or an infinity anywhere survives in the sum.
    with np.errstate(invalid="ignore", over="ignore"):
        suspicious = not np.isfinite(np.sum(array))
    if suspicious and not np.all(np.isfinite(array)):
        raise ValueError(
            "x: got NaN or infinite observations, expected finite numbers; remove or replace them"
        )
    return array


def whole_number(name: str, value: Any, least: int) -> int:
    """An integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: got {value!r}, expected a whole number")
    if value < least:
        raise ValueError(f"{name}: got {value}, expected a whole number of at least {least}")
    return int(value)
