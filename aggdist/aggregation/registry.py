"""The aggregations by name, and pooling of maps in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation import average, generalised_mean, log_sum_exp, lp_norm, maximum


@dataclass(frozen=True)
class Aggregation:
    """One way to reduce a map to one number per channel.

    Attributes
    ----------
    name
        The key used in run tables and records.
    title
        The name in figures and tables.
    formula
        The definition in LaTeX.
    has_power
        Whether it reads a power p.
    has_sharpness
        Whether it reads a sharpness r.
    """

    name: str
    title: str
    formula: str
    has_power: bool = False
    has_sharpness: bool = False


AGGREGATIONS: Mapping[str, Aggregation] = MappingProxyType(
    {
        "avg": Aggregation("avg", "average", r"Z = \frac1N \sum_s A_s"),
        "max": Aggregation("max", "max", r"Z = \max_s A_s"),
        "gem": Aggregation("gem", "GeM", r"Z = \bigl(\frac1N \sum_s A_s^p\bigr)^{1/p}", has_power=True),
        "lp": Aggregation("lp", "L_p norm", r"Z = \bigl(\sum_s A_s^p\bigr)^{1/p}", has_power=True),
        "lse": Aggregation(
            "lse", "log-sum-exp", r"Z = \frac1r \log\bigl(\frac1N \sum_s e^{r A_s}\bigr)", has_sharpness=True
        ),
    }
)
"""All poolings by name: their torch layer, their numpy function and their laws; read-only."""


def aggregation(name: str) -> Aggregation:
    """The entry of an aggregation.

    Raises
    ------
    ValueError
        For a name that is not known; the message lists those that are.
    """
    if name not in AGGREGATIONS:
        raise ValueError(f"unknown aggregation {name!r}: expected one of {', '.join(AGGREGATIONS)}")
    return AGGREGATIONS[name]


def check_power(p: float) -> float:
    """`p` itself, if it is a usable power of the generalised mean.

    Raises
    ------
    ValueError
        For a power that is not finite or lies below 1: the gradient at a zero activation would be infinite.
    """
    if not (np.isfinite(p) and p >= 1.0):
        raise ValueError(
            f"power p = {p}: expected a finite number >= 1 (1 is the average, large is near the maximum)"
        )
    return float(p)


def check_sharpness(r: float) -> float:
    """`r` itself, if it is a usable sharpness of the log-sum-exp.

    Raises
    ------
    ValueError
        For a sharpness that is not finite and positive.
    """
    if not (np.isfinite(r) and r > 0.0):
        raise ValueError(
            f"sharpness r = {r}: expected a finite number > 0 (small is near the average, large near the maximum)"
        )
    return float(r)


def pool(
    maps: ArrayLike, name: str, p: float = 3.0, axis: int | Sequence[int] | None = None, *, r: float = 1.0
) -> NDArray[Any]:
    """Aggregate maps over their positions, with the same result as the torch layer.

    Parameters
    ----------
    maps
        Activations (n, C, *positions), finite and >= 0.
    name
        A key of `AGGREGATIONS`.
    p
        Power of the generalised mean and of the L_p norm, p >= 1; the others do not read it.
    axis
        The axes of the positions; by default all after the second.
    r
        Sharpness of the log-sum-exp, r > 0, in the inverse unit of the activations; the others do not read it.

    Returns
    -------
    The pooled features: `maps` without those axes, in its floating type (integers become float64).

    Raises
    ------
    ValueError
        For an unknown name, a power below 1, a sharpness that is not positive, maps without positions, NaN,
        infinite or negative activations.
    """
    aggregation(name)
    values = _checked(maps, axis)
    axes = tuple(range(2, values.ndim)) if axis is None else _axes(values.ndim, axis)
    if name == "avg":
        return average.pool(values, axes)
    if name == "max":
        return maximum.pool(values, axes)
    if name == "lse":
        return log_sum_exp.pool(values, axes, check_sharpness(r))
    power = check_power(p)
    return (lp_norm if name == "lp" else generalised_mean).pool(values, axes, power)


def _axes(ndim: int, axis: int | Sequence[int]) -> tuple[int, ...]:
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(int(a) % ndim for a in given)


def _checked(maps: ArrayLike, axis: object) -> NDArray[Any]:
    values = np.asarray(maps)
    if not np.issubdtype(values.dtype, np.floating):
        values = values.astype(np.float64)
    if axis is None and values.ndim < 3:
        raise ValueError(
            f"maps of shape {values.shape}: expected (images, channels, *positions); or give axis="
        )
    if values.size == 0:
        raise ValueError(f"maps of shape {values.shape} are empty: expected at least one activation")
    smallest = float(np.min(values))
    if not (np.isfinite(smallest) and np.isfinite(np.max(values))):
        raise ValueError(
            "maps hold NaN or infinite activations: expected finite values; check the network's input"
        )
    if smallest < 0.0:
        raise ValueError(
            f"maps hold negative activations (smallest {smallest:g}): expected values >= 0, as a ReLU gives"
        )
    return values
