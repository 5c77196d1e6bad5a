"""Saddlepoints of weighted sums, Chernoff bounds, and the Lugannani-Rice approximation.

References: Daniels (1954) for the density; Lugannani and Rice (1980) for the tail; Butler (2007),
*Saddlepoint Approximations with Applications*, for both. They serve as an independent check of the exact
routes, and the solver gives every exact route its tilt.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.gamma_terms import Array, GammaTerms


def solve_saddlepoint(terms: GammaTerms, x: Array, *, continuous: bool = False, steps: int = 100) -> Array:
    """The root `s` of `K'(s) = x` for sums with offset 0.

    Parameters
    ----------
    terms
        Terms of shape `(*batch, C)`.
    x : array
        Points, shape broadcasting with `batch`, strictly inside the convex hull of the support.
    continuous
        Solve for the continuous part alone, `K(s) = log(M(s) - p0)` with the joint atom p0 left out.

    Returns
    -------
    array of the broadcast shape. Newton steps, kept inside a bracket that shrinks by bisection, so the
    result is safe also where the third derivative is large.
    """
    x = np.asarray(x, float)
    shape = np.broadcast_shapes(x.shape, terms.batch_shape)
    moments = _continuous if continuous else _whole
    low, high = (np.broadcast_to(v, shape).copy() for v in _finite_bracket(terms, x, shape, moments))
    s = np.clip(np.zeros(shape), low, high)
    for _ in range(steps):
        mean, variance = moments(terms.tilt(s))
        gap = mean - x
        low, high = np.where(gap < 0, s, low), np.where(gap >= 0, s, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = s - gap / variance
        inside = (newton > low) & (newton < high)
        new = np.where(inside, newton, 0.5 * (low + high))
        if np.all(np.abs(new - s) <= 1e-13 * (1 + np.abs(s)) * np.minimum(1, high - low + np.abs(s))):
            return new
        s = new
    return s


def _whole(terms: GammaTerms) -> tuple[Array, Array]:
    return terms.cumulant(1), terms.cumulant(2)


def _continuous(terms: GammaTerms) -> tuple[Array, Array]:
    return terms.continuous_moments()


_Moments = Callable[[GammaTerms], tuple[Array, Array]]


def _finite_bracket(
    terms: GammaTerms, x: Array, shape: tuple[int, ...], moments: _Moments
) -> tuple[Array, Array]:
    """Finite ends between which `K'` passes `x`: doubled outward where the domain is unbounded."""
    edge_low, edge_high = (np.broadcast_to(v, shape) for v in terms.domain())
    unit = 1 / np.sqrt(np.broadcast_to(np.maximum(terms.cumulant(2), 1e-300), shape))
    ends = []
    for edge, sign in ((edge_low, -1.0), (edge_high, 1.0)):
        bounded = np.isfinite(edge)
        end = np.where(bounded, edge * (1 - 1e-15), sign * unit)
        for _ in range(200):
            short = ~bounded & (sign * (moments(terms.tilt(end))[0] - x) < 0)
            if not np.any(short):
                break
            end = np.where(short, 2 * end, end)
        else:
            raise ValueError(
                "got points on or outside the boundary of the support of a weighted sum, expected points "
                "strictly inside; evaluate there with pdf/cdf, which know the boundary"
            )
        ends.append(end)
    return ends[0], ends[1]


def chernoff_range(terms: GammaTerms, nats: float) -> tuple[Array, Array]:
    """Points outside of which each tail holds at most `exp(-nats)`, by Chernoff's bound.

    Returns lower and upper points of shape `batch` for sums with offset 0. Where a side has no term the
    support ends at 0 and so does the range.
    """
    ends = []
    for edge, sign in zip(terms.domain(), (-1.0, 1.0), strict=True):
        bounded = np.isfinite(edge)
        ladder = np.where(bounded, np.abs(edge), 1.0)
        low, high = np.full(edge.shape, -40.0), np.full(edge.shape, 40.0)
        # Sixteen halvings place the tilt within 0.1 %; the outer end is taken, so the bound holds.
        for _ in range(16):
            middle = 0.5 * (low + high)
            point, rate = _rate(terms, sign * _on_scale(ladder, bounded, middle))
            low, high = np.where(rate < nats, middle, low), np.where(rate >= nats, middle, high)
        point, _ = _rate(terms, sign * _on_scale(ladder, bounded, high))
        ends.append(np.where(bounded, point, 0.0))
    return ends[0], ends[1]


def _on_scale(ladder: Array, bounded: NDArray[np.bool_], place: Array) -> Array:
    """`edge * v / (1 + v)` with `v = exp(place)`: the domain on a logarithmic scale, 0 where it is unbounded."""
    return np.where(bounded, ladder * special.expit(place), 0.0)


def _rate(terms: GammaTerms, s: Array) -> tuple[Array, Array]:
    """`K'(s)` and Cramer's rate `s K'(s) - K(s)` there."""
    point = terms.tilt(s).cumulant(1)
    return point, s * point - terms.log_mgf(s)


def saddlepoint_log_density(terms: GammaTerms, x: Array) -> Array:
    """Second-order saddlepoint approximation of the log density (Daniels 1954) of a sum with offset 0."""
    s = solve_saddlepoint(terms, x)
    tilted = terms.tilt(s)
    k2, k3, k4 = (tilted.cumulant(r) for r in (2, 3, 4))
    correction = k4 / (8 * k2**2) - 5 * k3**2 / (24 * k2**3)
    first = terms.log_mgf(s) - s * x - 0.5 * np.log(2 * np.pi * k2)
    return first + np.log1p(np.maximum(correction, -0.9))


def lugannani_rice(terms: GammaTerms, x: Array) -> tuple[Array, Array]:
    """Lugannani-Rice approximation of the cdf and survival function of a sum with offset 0."""
    s = solve_saddlepoint(terms, x)
    tilted = terms.tilt(s)
    k2, k3 = tilted.cumulant(2), tilted.cumulant(3)
    w = np.sign(s) * np.sqrt(2 * np.maximum(s * x - terms.log_mgf(s), 0.0))
    u = s * np.sqrt(k2)
    near = np.abs(u) < 1e-4
    safe_w, safe_u = np.where(near, 1.0, w), np.where(near, 1.0, u)
    # At the mean both 1/w and 1/u diverge; their difference tends to skewness / 6.
    term = np.where(near, k3 / (6 * k2**1.5), 1 / safe_w - 1 / safe_u)
    density = np.exp(-0.5 * w * w) / np.sqrt(2 * np.pi)
    cdf: NDArray[np.float64] = special.ndtr(w) + density * term
    return np.clip(cdf, 0, 1), np.clip(special.ndtr(-w) - density * term, 0, 1)
