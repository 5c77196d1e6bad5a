"""Extreme value laws for the maximum of N independent activations (theory item T7).

Both are centred at the *tail quantile* b, where P(A > b) = 1/N, and scaled by the *reciprocal hazard*
`r(b) = P(A > b)/f(b)` there. They need the law of one activation and N, and are approximations: the law
itself is `MaximumLaw`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from aggdist.aggregation.average_laws import whole_positions
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, require
from aggdist.distributions.generalised_extreme_value import GeneralisedExtremeValue
from aggdist.distributions.gumbel import Gumbel

_STEP = 5e-3
"""Step of the numerical derivative of the log density, in units of the reciprocal hazard."""


class TailPoint(NamedTuple):
    """The 1/N tail quantile of a law and its reciprocal hazard there, each of the shape of the batch."""

    quantile: Array
    reciprocal_hazard: Array


def tail_point(activation: Distribution, positions: ArrayLike) -> TailPoint:
    """The point b with P(A > b) = 1/N, and `r(b) = P(A > b)/f(b)`.

    Parameters
    ----------
    activation : Distribution
        Law of one activation, with any batch.
    positions : array_like
        N >= 2, whole; broadcasts against the batch.

    Raises
    ------
    TypeError
        If `activation` is not a Distribution.
    ValueError
        Where no point has this tail because an atom is in its place: N P(A > 0) <= 1 for a rectified
        activation, or a ceiling that is hit with a probability above 1/N. Where the density there is 0 or
        infinite.
    """
    if not isinstance(activation, Distribution):
        raise TypeError(f"activation: got {type(activation).__name__}, expected a Distribution")
    n = whole_positions(positions)
    require("positions", n, n >= 2, "a whole number of at least 2")
    n = np.broadcast_to(n, np.broadcast_shapes(n.shape, activation.batch_shape))
    with np.errstate(all="ignore"):
        point = activation._upper_quantile(1 / n)
    tail, density = activation.sf(point), activation.pdf(point)
    require(
        "positions",
        n,
        np.abs(n * tail - 1) < 1e-6,
        "one whose 1/N tail quantile is no atom (for a rectified activation more than 1/P(A > 0)); "
        "use MaximumLaw, which has the atoms",
    )
    require("density at the tail quantile", density, (density > 0) & np.isfinite(density), "a positive one")
    return TailPoint(point, tail / density)


def maximum_gumbel(activation: Distribution, positions: ArrayLike) -> Gumbel:
    """The Gumbel law with the tail quantile as location and the reciprocal hazard as scale (T7.7).

    For zero-inflated exponentials location `theta ln(N q)` and scale `theta`. The law of the maximum tends to
    it where the derivative r' of the reciprocal hazard tends to 0 (von Mises); its error is about
    `0.24 |r'(b)|`, plus the mass `exp(-N q)` below 0. Clipped and quantised activations have no such limit.

    Parameters and errors as for `tail_point`.
    """
    point = tail_point(activation, positions)
    return Gumbel(point.quantile, point.reciprocal_hazard)


def maximum_extreme_value(activation: Distribution, positions: ArrayLike) -> GeneralisedExtremeValue:
    """The generalised extreme value law with the shape r'(b) besides (T7.8): Fisher and Tippett's penultimate.

    `r' = -1 - r (log f)'`, the derivative of the log density by a five-point formula. Shape 0 is the Gumbel
    law; negative for gamma tails of shape above 1 and for normal tails. Its error is o(r'(b)) + O(1/N).

    Parameters and errors as for `tail_point`.
    """
    point, scale = tail_point(activation, positions)
    h = _STEP * scale
    near, far = (activation.logpdf(point + k * h) - activation.logpdf(point - k * h) for k in (1, 2))
    return GeneralisedExtremeValue(point, scale, -1 - scale * (8 * near - far) / (12 * h))
