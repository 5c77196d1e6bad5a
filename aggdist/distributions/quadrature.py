"""Double-exponential quadrature of functions of a law, for a whole batch at once.

The support is cut at the law's break points. Each finite panel uses the tanh-sinh rule, each half-infinite
one the exp-sinh rule (Takahasi and Mori 1974): both crowd their nodes at the ends doubly exponentially, so
poles such as that of a gamma density of shape 0.05 and algebraic tails cost no accuracy. Distances from a
finite end point of the support are kept as such, because `end + distance` loses the digits of `distance`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from aggdist.distributions.base import Distribution

Array = NDArray[np.float64]

STEP = 1 / 18
REACH = 6.0
"""Nodes run over -REACH..REACH: relative distances down to exp(-pi sinh 6) = 1e-275."""
FAR = 5.4
"""Half-infinite panels end at exp(pi/2 sinh FAR) = 1e75 spreads, so that fourth powers do not overflow."""
FAR_END = 100.0
"""Spreads from the centre beyond which an end point of the support counts as infinite."""


class Rule:
    """Nodes and weights on the reference panels, shaped to broadcast against `ndim` trailing axes."""

    def __init__(self, ndim: int, fineness: int) -> None:
        step = STEP / fineness
        count = round(REACH / step)
        t = (step * np.arange(-count, count + 1)).reshape(-1, *(1,) * ndim)
        grown = np.pi * np.sinh(t)
        self.near = np.exp(-np.logaddexp(0.0, -grown))  # fraction of a finite panel left of the node
        self.away = np.exp(-np.logaddexp(0.0, grown))  # fraction right of it, with its own digits
        self.finite_weight = step * np.pi * np.cosh(t) * self.near * self.away
        self.distance = np.exp(np.minimum(grown, np.pi * np.sinh(FAR)) / 2)
        self.half_weight = np.where(t <= FAR, step * np.pi / 2 * np.cosh(t) * self.distance, 0.0)


def edges(law: Distribution) -> list[Array]:
    """Ends of the panels, ascending: the support's ends, break points and singular points between them."""
    low, high = law.support()
    centre, spread = law._location_spread()
    # An end point out of reach is as good as infinite, and one panel up to it would be too long for its
    # nodes.
    low = np.where(centre - low > FAR_END * spread, -np.inf, low)
    high = np.where(high - centre > FAR_END * spread, np.inf, high)
    inner = np.concatenate([law._breaks(), law._singular_points()])
    # Points outside repeat the centre: the outermost panels must be the ones that touch the end points.
    inner = np.sort(np.where((inner > low) & (inner < high), inner, centre), axis=0)
    return [low, *inner, high]


def integrate(
    law: Distribution,
    integrand: Callable[[Array, Array], Any],
    lower: Array | None = None,
    upper: Array | None = None,
    fineness: int = 1,
    lead: int = 0,
) -> Any:
    """Integral of `integrand(x, density(x))` over the support cut to [lower, upper].

    Parameters
    ----------
    integrand : callable
        Gets points of shape (nodes, *lead axes, *batch) and the density there; may return more axes between.
    lower, upper : arrays, shape (*points, *batch), optional
        Limits; the result then has the shape of the points.
    fineness : int
        Divides the step; needed where the integrand oscillates.
    lead : int
        Number of axes of length one that the integrand wants between nodes and batch.
    """
    ends = edges(law)
    low, high = ends[0], ends[-1]
    lower = low if lower is None else np.maximum(lower, low)
    upper = high if upper is None else np.minimum(upper, high)
    panels = _Panels(law, integrand, Rule(lead + max(lower.ndim, upper.ndim), fineness), lead)
    total: Any = 0.0
    last = len(ends) - 2
    for k, (left, right) in enumerate(pairwise(ends)):
        a, b = np.clip(lower, left, right), np.clip(upper, left, right)
        first, final = k == 0, k == last
        # A pole just outside a panel spoils the rule: reach to the end point, and take the rest off again.
        start = np.where(np.isfinite(low), low, a) if first else a
        stop = np.where(np.isfinite(high), high, b) if final else b
        total = total + panels(start, stop, first, final)
        total = total - panels(start, a, True, False) - panels(b, stop, False, True)
    return total


class _Panels:
    """Integral over one panel [left, right] of every law."""

    def __init__(
        self, law: Distribution, integrand: Callable[[Array, Array], Any], rule: Rule, lead: int
    ) -> None:
        self.law, self.integrand, self.rule, self.lead = law, integrand, rule, lead
        self.spread = law._location_spread()[1]

    def __call__(self, left: Array, right: Array, first: bool, last: bool) -> Any:
        left, right = np.broadcast_arrays(left, right)
        left, right = (np.reshape(e, (*(1,) * self.lead, *e.shape)) for e in (left, right))
        if not np.any(left < right):
            return 0.0
        x, weight = _nodes(self.rule, left, right, self.spread)
        density = _density(self.law, self.rule, x, left, right, first, last)
        live = np.isfinite(density)
        density = np.where(live, density, 0.0)
        value = self.integrand(np.where(live, x, np.where(np.isfinite(left), left, right)), density) * weight
        return np.sum(np.where(density > 0, value, 0.0), axis=0)


def _nodes(rule: Rule, left: Array, right: Array, spread: Array) -> tuple[Array, Array]:
    """Nodes and weights on [left, right], either of which may be infinite."""
    width = right - left
    finite = np.isfinite(width)
    wide = np.where(finite, width, 0.0)
    a, b = np.where(np.isfinite(left), left, 0.0), np.where(np.isfinite(right), right, 0.0)
    x = np.where(rule.near <= 0.5, a + wide * rule.near, b - wide * rule.away)
    weight = wide * rule.finite_weight
    if not np.all(finite):
        outward = np.where(np.isfinite(left), a + spread * rule.distance, b - spread * rule.distance)
        x = np.where(finite, x, outward)
        weight = np.where(finite, weight, spread * rule.half_weight)
    return x, weight


def _density(
    law: Distribution, rule: Rule, x: Array, left: Array, right: Array, first: bool, last: bool
) -> Array:
    """Density at the nodes; beside a finite end point of the support from the distance to it."""
    low, high = law.support()
    at_end = np.isfinite(low) if first else np.isfinite(high) if last else np.zeros(low.shape, bool)
    at_end = at_end & np.isfinite(right - left)
    if not np.any(at_end):
        return law.pdf(x)
    half = len(x) // 2
    near = slice(None, half) if first else slice(half, None)
    width = np.where(np.isfinite(right - left), right - left, 0.0)
    with np.errstate(invalid="ignore"):
        distance = (
            (left - low) + width * rule.near[near] if first else (high - right) + width * rule.away[near]
        )
        beside = law._pdf_from_end(not first, np.where(at_end, distance, 1.0))
    beside = beside if np.all(at_end) else np.where(at_end, beside, law.pdf(x[near]))
    away = law.pdf(x[half:] if first else x[:half])
    return np.concatenate([beside, away] if first else [away, beside])
