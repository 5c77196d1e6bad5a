"""From the law of one activation to the law of the pooled feature, for independent positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import average_gamma, average_law, average_normal, whole_positions
from aggdist.aggregation.maximum_law import MaximumLaw
from aggdist.aggregation.registry import aggregation
from aggdist.distributions.base import Distribution


def _gamma(activation: Distribution, positions: ArrayLike) -> Distribution:
    return average_gamma(activation.cumulant(1), activation.cumulant(2), whole_positions(positions))


def _normal(activation: Distribution, positions: ArrayLike) -> Distribution:
    return average_normal(activation.cumulant(1), activation.cumulant(2), whole_positions(positions))


def _maximum(activation: Distribution, positions: ArrayLike) -> Distribution:
    return MaximumLaw(activation, whole_positions(positions))


POOLED_LAWS: Mapping[tuple[str, str], Callable[[Distribution, ArrayLike], Distribution]] = MappingProxyType(
    {
        ("avg", "exact"): average_law,
        ("avg", "gamma"): _gamma,
        ("avg", "normal"): _normal,
        ("max", "exact"): _maximum,
    }
)
"""The routes that exist, by aggregation and method."""


def pooled_law(
    activation: Distribution, positions: ArrayLike, name: str = "avg", *, method: str = "exact"
) -> Distribution:
    """The law of the pooled feature of N independent positions whose activations have one law (T3, T7).

    Parameters
    ----------
    activation : Distribution
        Law of one activation, with any batch.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.
    name : str
        The aggregation, a key of `AGGREGATIONS`: "avg" or "max".
    method : str
        "exact"; for "avg" also "gamma" and "normal", the laws with the mean and the variance of Z. "exact"
        exists for the maximum of any law, and for the average of the families in `EXACT_AVERAGES`.

    Raises
    ------
    ValueError
        For an unknown aggregation, or a number of positions that is not whole.
    NotImplementedError
        For a combination that has no law here; there is no fallback to another method.
    """
    aggregation(name)
    if not isinstance(activation, Distribution):
        raise TypeError(f"activation: got {type(activation).__name__}, expected a Distribution")
    if (name, method) not in POOLED_LAWS:
        known = ", ".join(f"{n!r} with method={m!r}" for n, m in POOLED_LAWS)
        raise NotImplementedError(f"got aggregation {name!r} with method={method!r}, expected one of {known}")
    return POOLED_LAWS[name, method](activation, positions)
