"""From the law of one activation to the law of the pooled feature, for independent positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from numpy.typing import ArrayLike

from aggdist.aggregation import parametrised_laws
from aggdist.aggregation.average_laws import average_gamma, average_law, average_normal, whole_positions
from aggdist.aggregation.maximum_law import MaximumLaw
from aggdist.aggregation.maximum_limits import maximum_extreme_value, maximum_gumbel
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
        ("max", "gumbel"): maximum_gumbel,
        ("max", "extreme_value"): maximum_extreme_value,
    }
)
"""The routes without a parameter, by aggregation and method."""

PARAMETRISED_LAWS: Mapping[tuple[str, str], Callable[[Distribution, ArrayLike, float], Distribution]] = (
    MappingProxyType(
        {
            ("gem", "exact"): parametrised_laws.generalised_mean_exact,
            ("gem", "generalised_gamma"): parametrised_laws.generalised_mean_stacy,
            ("gem", "gamma"): parametrised_laws.generalised_mean_gamma,
            ("gem", "delta"): parametrised_laws.generalised_mean_delta,
            ("lp", "exact"): parametrised_laws.lp_norm_exact,
            ("lp", "generalised_gamma"): parametrised_laws.lp_norm_stacy,
            ("lp", "gamma"): parametrised_laws.lp_norm_gamma,
            ("lp", "delta"): parametrised_laws.lp_norm_delta,
            ("lse", "gamma"): parametrised_laws.log_sum_exp_gamma,
            ("lse", "delta"): parametrised_laws.log_sum_exp_delta,
        }
    )
)
"""The routes that read a power p or a sharpness r as their third argument."""


def pooled_law(
    activation: Distribution,
    positions: ArrayLike,
    name: str = "avg",
    *,
    method: str = "exact",
    p: float = 3.0,
    r: float = 1.0,
) -> Distribution:
    """The law of the pooled feature of N independent positions whose activations have one law (T3, T7, T8).

    Parameters
    ----------
    activation : Distribution
        Law of one activation, with any batch.
    positions : array_like
        N >= 1, whole; broadcasts against the batch.
    name : str
        The aggregation, a key of `AGGREGATIONS`.
    method : str
        "exact"; for "avg" also "gamma" and "normal", the laws with the mean and the variance of Z; for "max"
        also "gumbel" and "extreme_value", approximations for many positions; for "gem", "lp" and "lse" also
        "gamma", the gamma law with the exact mean and variance of Z, and "delta", with those of the delta
        method; for "gem" and "lp" also "generalised_gamma", for an inner mean taken as gamma. "exact" exists for
        the maximum of any law, for the average of the families in `EXACT_AVERAGES`, and for "gem" and "lp"
        with p = 1 or activations that are generalised gamma of power p.
    p : float
        Power of "gem" and "lp", p >= 1; the others do not read it.
    r : float
        Sharpness of "lse", r > 0, in the inverse unit of the activations; the others do not read it.

    Raises
    ------
    ValueError
        For an unknown aggregation, or a number of positions that is not whole; with "gumbel" and
        "extreme_value" also where the 1/N tail quantile of the activation is an atom; with "delta" also where
        the expansion has nothing to start from (few positions, a large p or r).
    NotImplementedError
        For a combination that has no law here; there is no fallback to another method.
    """
    entry = aggregation(name)
    if not isinstance(activation, Distribution):
        raise TypeError(f"activation: got {type(activation).__name__}, expected a Distribution")
    if (name, method) in PARAMETRISED_LAWS:
        return PARAMETRISED_LAWS[name, method](activation, positions, p if entry.has_power else r)
    if (name, method) not in POOLED_LAWS:
        known = ", ".join(f"{n!r} with method={m!r}" for n, m in (*POOLED_LAWS, *PARAMETRISED_LAWS))
        raise NotImplementedError(f"got aggregation {name!r} with method={method!r}, expected one of {known}")
    return POOLED_LAWS[name, method](activation, positions)
