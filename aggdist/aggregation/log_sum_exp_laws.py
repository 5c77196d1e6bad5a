"""From moments of exp(rA) to the cumulants of log-sum-exp pooling of independent positions (theory item T8).

Z = (1/r) log Y with the inner mean Y = (1/N) sum_s exp(r A_s).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from aggdist.aggregation.generalised_mean_laws import inner_shape_and_ratio
from aggdist.aggregation.registry import check_sharpness
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, require, whole_number
from aggdist.distributions.exponential import Exponential
from aggdist.distributions.gamma import Gamma
from aggdist.distributions.moments import cumulant_from_raw
from aggdist.distributions.rectified_normal import RectifiedNormal
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma


def _gamma_tail(active: ArrayLike, shape: ArrayLike, scale: Array, r: float, order: int) -> Array:
    """`1 - q + q (1 - order r theta)^(-a)`."""
    require(
        "r",
        r * scale,
        order * r * scale < 1,
        f"r * scale < 1/{order}: under a gamma tail E exp({order} r A) is infinite otherwise, and the delta "
        "method has nothing to start from; lower r, or use the exact moments, method='gamma'",
    )
    return np.asarray(1 + np.asarray(active) * np.expm1(-np.asarray(shape) * np.log1p(-order * r * scale)))


def _of_rectified_normal(a: RectifiedNormal, r: float, order: int) -> Array:
    s = order * r * a.scale
    return np.asarray(special.ndtr(-a.ratio) + np.exp(s * (a.ratio + s / 2) + special.log_ndtr(a.ratio + s)))


EXPONENTIAL_MOMENTS: Mapping[type[Distribution], Callable[[Any, float, int], Array]] = MappingProxyType(
    {
        Gamma: lambda a, r, order: _gamma_tail(1.0, a.shape, a.scale, r, order),
        Exponential: lambda a, r, order: _gamma_tail(1.0, 1.0, a.scale, r, order),
        ZeroInflatedGamma: lambda a, r, order: _gamma_tail(a.active, a.shape, a.scale, r, order),
        RectifiedNormal: _of_rectified_normal,
    }
)
"""Families with a closed form of E exp(order r A), by type, with their conditions."""


def exponential_cumulants(activation: Distribution, r: float, order: int = 2) -> Array:
    """Cumulants of `exp(rA)` of the orders 1 to `order` (T8.10).

    Under a gamma tail of scale theta they exist iff `order * r * theta < 1`; under a normal tail always.

    Parameters
    ----------
    activation : Distribution
        One of the families in `EXPONENTIAL_MOMENTS`, with any batch.
    r : float
        Sharpness, r > 0.
    order : int
        How many cumulants: 2 for the delta method's mean and variance, 3 for its third cumulant.

    Returns
    -------
    array of shape (order, *batch).

    Raises
    ------
    NotImplementedError
        For another family.
    ValueError
        For a sharpness that is not positive, or too large for the moment of that order.
    """
    sharpness, order = check_sharpness(r), whole_number("order", order, 1)
    if type(activation) not in EXPONENTIAL_MOMENTS:
        known = ", ".join(family.__name__ for family in EXPONENTIAL_MOMENTS)
        raise NotImplementedError(
            f"activation: got {type(activation).__name__}, expected one of {known}, whose exponential moments "
            "have a closed form; or use the exact moments, method='gamma'"
        )
    moment = EXPONENTIAL_MOMENTS[type(activation)]
    # The condition of the highest order implies the others, so that one is met first.
    raw = [moment(activation, sharpness, j) for j in range(order, 0, -1)][::-1]
    return np.stack([cumulant_from_raw(raw[:j]) for j in range(1, order + 1)])


def delta_log_sum_exp_cumulants(cumulants: ArrayLike, positions: ArrayLike, r: float) -> Array:
    """Cumulants of Z by the delta method (T8.10).

    With the inner shape `k = N kappa_1^2/kappa_2`: mean `(log kappa_1 - 1/(2k))/r`, variance `1/(r^2 k)`,
    third cumulant `(2 R - 3)/(r^3 k^2)`, R the ratio of `exp(rA)`.

    Parameters
    ----------
    cumulants : array_like, shape (2 or 3, *batch)
        Of `exp(rA)`; the third is needed for the third of Z only.
    positions : array_like
        N, or N_eff of `exp(rA)`: positive, not necessarily whole; broadcasts against the batch.
    r : float
        Sharpness, r > 0.

    Returns
    -------
    array of shape (2 or 3, *batch): as many cumulants of Z as were given.

    Raises
    ------
    ValueError
        For another number of cumulants, or where the mean would not be positive.
    """
    sharpness, (shape, ratio) = check_sharpness(r), inner_shape_and_ratio(cumulants, positions)
    mean = np.asarray((np.log(np.asarray(cumulants, float)[0]) - 0.5 / shape) / sharpness)
    require(
        "positions",
        shape,
        mean > 0,
        "an inner shape N (E e^(rA))^2/Var e^(rA) large enough for a positive mean by the delta method; use the "
        "exact moments, method='gamma'",
    )
    values = [mean, 1 / (sharpness**2 * shape)]
    if ratio is not None:
        values.append((2 * ratio - 3) / (sharpness**3 * shape**2))
    return np.stack(np.broadcast_arrays(*values))
