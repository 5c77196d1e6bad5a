"""The ratio R that says whether a gamma or a normal fits a pooled feature better (theory item T4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import finite, gamma_shape, positive, probability
from aggdist.distributions.rectified_normal import RectifiedNormal
from aggdist.distributions.truncated_moments import moment_ratios, standard_cumulants
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma

Array = NDArray[np.float64]

_TAIL = -9.0
"""Below, P(X > 0) < 1e-18 and products of moments are lost beside the moments."""


def gamma_ratio(kappa1: ArrayLike, kappa2: ArrayLike, kappa3: ArrayLike) -> Array:
    """`R = kappa_3 kappa_1 / (2 kappa_2^2)`: the skewness divided by that of the gamma of equal mean and
    variance.

    R = 1 for a gamma, 0 for a symmetric law. For means of independent positions it does not depend on their
    number. The gamma approximation beats the normal one iff R > 1/2 (theory item T4).

    Raises
    ------
    ValueError
        For cumulants that are not finite, or a variance that is not positive.
    """
    first, second, third = finite("kappa1", kappa1), positive("kappa2", kappa2), finite("kappa3", kappa3)
    # In this order nothing under- or overflows for extreme scales.
    return np.asarray(third / second * (first / second) / 2)


def skewness_ratio(law: Distribution) -> Array:
    """R of a law, in closed form for the activation laws of T1 and T2, from three cumulants for others.

    Shape: that of the law's batch.
    """
    if isinstance(law, ZeroInflatedGamma):
        return zero_inflated_gamma_ratio(law.active, law.shape)
    if isinstance(law, RectifiedNormal):
        return rectified_normal_ratio(law.ratio)
    return gamma_ratio(law.cumulant(1), law.cumulant(2), law.cumulant(3))


def zero_inflated_gamma_ratio(active: ArrayLike, shape: ArrayLike) -> Array:
    """`R = 1 - (a + 1) x / (2 (1 + x)^2)`, x = a (1 - q), for the zero-inflated gamma (theory items T2, T4).

    R = 1 iff q = 1. For a <= 1 it falls to (a + 2)/(2 (a + 1)) as q -> 0, the value returned at q = 0; for a
    > 1 its minimum is (7 - a)/8 at q = 1 - 1/a.
    """
    q, a = probability("active", active), gamma_shape("shape", shape)
    x = a * (1 - q)
    return np.asarray(1 - (a + 1) * (x / (1 + x)) / (2 * (1 + x)))


def rectified_normal_ratio(d: ArrayLike) -> Array:
    """R of `max(U, 0)` for a normal U with mean/standard deviation d (theory items T1, T4).

    It falls from 3/4 (d -> -inf) to 0 (d -> inf), with relative accuracy throughout.
    """
    d = finite("d", d)
    near = np.maximum(d, _TAIL)
    first, second, third = standard_cumulants(near, 3)
    _, to_second, to_third = moment_ratios(np.maximum(-d, 1.0), 3)
    return np.where(d < _TAIL, to_third / (2 * to_second), third / second * (first / second) / 2)
