"""Common quadrature nodes for two laws: panels between all their special points, and densities on them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.affine import Affine
from aggdist.distributions.base import Distribution
from aggdist.distributions.mixture import Mixture
from aggdist.distributions.quadrature import Rule, edges
from aggdist.distributions.weighted_sum import WeightedGammaSum

Array = NDArray[np.float64]

_NATS = 37.0
_NEGLIGIBLE = 1e-10
"""Share of the integral that the outermost node may hold before the tail is looked at."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """Panels for functions of the log densities of two laws of one batch shape.

    Attributes
    ----------
    p, q : Distribution
    ends : array, shape (P, *batch)
        Ends of the panels, ascending; the outermost may be infinite.
    spread : array, shape batch
        Unit of the half-infinite panels.
    """

    p: Distribution
    q: Distribution
    ends: Array
    spread: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """Batch shape."""
        return self.ends.shape[1:]

    @property
    def somewhere(self) -> Array:
        """A finite point for each law, where one more cut does no harm."""
        middle = self.ends[len(self.ends) // 2]
        return np.where(
            np.isfinite(middle), middle, np.where(np.isfinite(self.ends[0]), self.ends[0], self.ends[-1])
        )

    def cut(self, points: Array) -> Nodes:
        """The same domain with more cuts, of shape (N, *batch)."""
        inner = np.clip(points, self.ends[0], self.ends[-1])
        return replace(self, ends=np.sort(np.concatenate([self.ends, inner]), axis=0))

    def integrate(self, integrand: Callable[[Array, Array], Array]) -> Array:
        """Integral of `integrand(log p, log q)`; infinite where it does not decay."""
        return self._sum([(x, w, integrand(log_p, log_q)) for x, w, log_p, log_q in self._panels])

    def integrate_at(self, integrand: Callable[[Array, Array], Array]) -> Array:
        """Integral of `integrand(x, log p)`."""
        return self._sum([(x, w, integrand(x, log_p)) for x, w, log_p, _ in self._panels])

    def evaluate(self, function: Callable[[Array, Array], Array]) -> tuple[Array, Array]:
        """Ascending nodes and `function(log p, log q)` there, each of shape (nodes, *batch)."""
        x = np.concatenate([part[0] for part in self._panels])
        value = np.concatenate([function(log_p, log_q) for _, _, log_p, log_q in self._panels])
        order = np.argsort(x, axis=0, kind="stable")
        return np.take_along_axis(x, order, axis=0), np.take_along_axis(value, order, axis=0)

    def _sum(self, parts: list[tuple[Array, Array, Array]]) -> Array:
        with np.errstate(invalid="ignore"):
            shares = [np.where(w > 0, value * w, 0.0) for _, w, value in parts]
        total = np.asarray(sum((np.sum(s, axis=0) for s in shares), np.zeros(self.shape)))
        for infinite, panel in ((np.isinf(self.ends[0]), 0), (np.isinf(self.ends[-1]), -1)):
            if np.any(infinite):
                total = np.where(infinite, _judge_tail(total, *parts[panel]), total)
        return total

    @cached_property
    def _panels(self) -> list[tuple[Array, Array, Array, Array]]:
        """Points, weights and both log densities of each panel that has a width."""
        rule = Rule(len(self.shape), 1)
        closest = np.broadcast_to(np.maximum(_closest(self.p), _closest(self.q)), self.shape)
        if np.any(closest > 0):
            rule = _economical(rule, 0.01 * float(np.min(closest)))
        closest = closest * self.spread
        out = []
        for k in range(len(self.ends) - 1):
            left, right = self.ends[k], self.ends[k + 1]
            if np.any(left < right):
                place = _Place(rule, left, right, self.spread, closest)
                log_p, log_q = place.log_density(self.p), place.log_density(self.q)
                # An infinite density is a pole that the node has reached by underflow: no mass is left there.
                pole = (log_p == np.inf) | (log_q == np.inf)
                out.append((place.x, np.where(pole, 0.0, place.weight), log_p, log_q))
        return out


class _Place:
    """Nodes and weights on the panels [left, right] of a batch; a panel without width has weight 0.

    Nodes closer than `closest` to an end have weight 0 and move to the middle.
    """

    def __init__(self, rule: Rule, left: Array, right: Array, spread: Array, closest: Array) -> None:
        self.left, self.right = left, right
        with np.errstate(invalid="ignore"):
            width = np.where(left < right, right - left, 0.0)
        finite = np.isfinite(width)
        wide = np.where(finite, width, 0.0)
        a, b = np.where(np.isfinite(left), left, 0.0), np.where(np.isfinite(right), right, 0.0)
        self.from_left, self.from_right = wide * rule.near, wide * rule.away
        x = np.where(rule.near <= 0.5, a + self.from_left, b - self.from_right)
        outward = np.where(np.isfinite(left), a + spread * rule.distance, b - spread * rule.distance)
        self.x = np.where(finite, x, outward)
        self.weight = np.where(finite, wide * rule.finite_weight, spread * rule.half_weight)
        self.from_left = np.where(finite, self.from_left, spread * rule.distance)
        self.from_right = np.where(finite, self.from_right, spread * rule.distance)
        near = np.minimum(self.from_left, self.from_right) < closest
        self.weight = np.where(near, 0.0, self.weight)
        self.x = np.where(near, np.where(finite, a + 0.5 * wide, a), self.x)

    def log_density(self, law: Distribution) -> Array:
        """Log density at the nodes; beside an end of the law's support from the distance to that end."""
        low, high = law.support()
        with np.errstate(all="ignore"):
            value = law.logpdf(self.x)
        for upper, end, edge, distance in (
            (False, low, self.left, self.from_left),
            (True, high, self.right, self.from_right),
        ):
            # At the end 0 the point is its own distance, and nothing is lost.
            touching = np.isfinite(end) & (end == edge) & (end != 0)
            if np.any(touching):
                with np.errstate(all="ignore"):
                    near = np.log(law._pdf_from_end(upper, np.where(touching, distance, 1.0)))
                value = np.where(touching & np.isfinite(near), near, value)
        return value


def _economical(rule: Rule, closest: float) -> Rule:
    """Every second node, and none closer to an end than a fraction of the panel: for densities that cost much."""
    use = np.flatnonzero(np.minimum(rule.near, rule.away).reshape(len(rule.near)) > closest)[::2]
    thin = copy(rule)
    for name in ("near", "away", "distance"):
        setattr(thin, name, getattr(rule, name)[use])
    for name in ("finite_weight", "half_weight"):
        setattr(thin, name, 2 * getattr(rule, name)[use])
    return thin


def joint_nodes(p: Distribution, q: Distribution, *, over: Literal["p", "both"]) -> Nodes:
    """Panels over the support of p, or over the union of both supports."""
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    # A divergence does not change under a common shift, and beside 0 a distance keeps all its digits.
    if isinstance(p, Affine) and isinstance(q, Affine):
        q = Affine(q.law.expand(shape), q.loc - p.loc, q.factor)
        p = replace(p, loc=np.zeros(p.batch_shape))
    if isinstance(p, WeightedGammaSum) and isinstance(q, WeightedGammaSum):
        q = replace(q, offset=np.broadcast_to(q.offset - p.offset, shape))
        p = replace(p, offset=np.zeros(shape))
    p, q = _widened(p, shape), _widened(q, shape)
    inverted = _is_inverted(p) or _is_inverted(q)
    ranges = [_bulk(law) if inverted else law.support() for law in ((p,) if over == "p" else (p, q))]
    low = np.broadcast_to(np.min(np.stack(np.broadcast_arrays(*(r[0] for r in ranges))), axis=0), shape)
    high = np.broadcast_to(np.max(np.stack(np.broadcast_arrays(*(r[1] for r in ranges))), axis=0), shape)
    centre, spread = p._location_spread()
    cuts = [np.broadcast_to(e, shape) for law in (p, q) for e in edges(law)]
    # Points outside repeat a point inside: the outermost panels must be the ones that touch the ends.
    inside = np.broadcast_to(np.clip(centre, low, high), shape)
    inner = np.stack([np.where((c > low) & (c < high), c, inside) for c in cuts])
    ends = np.sort(np.concatenate([low[None], inner, high[None]]), axis=0)
    return Nodes(p, q, ends, np.broadcast_to(spread, shape))


def supports_within(p: Distribution, q: Distribution) -> NDArray[np.bool_]:
    """Whether the hull of p's continuous support lies in that of q, for each law of the broadcast batch."""
    low_p, high_p = p.support()
    low_q, high_q = q.support()
    # A law that is one atom has no continuous part to exceed anything.
    return np.asarray(((low_p >= low_q) & (high_p <= high_q)) | (low_p == high_p))


def atom_masses(p: Distribution, q: Distribution) -> list[tuple[Array, Array]]:
    """Masses that p and q have at each place where either has an atom, places of p first."""
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    found: list[tuple[Array, Array]] = []
    seen: list[Array] = []
    for atom in (*p.atoms(), *q.atoms()):
        place = np.broadcast_to(atom.location, shape)
        masses = [_mass_at(law, place) for law in (p, q)]
        # A place that has been counted for some elements of the batch counts for the others only.
        new = np.ones(shape, bool)
        for other in seen:
            new &= other != place
        seen.append(place)
        found.append((np.where(new, masses[0], 0.0), np.where(new, masses[1], 0.0)))
    return found


def _mass_at(law: Distribution, place: Array) -> Array:
    total = np.zeros(place.shape)
    for atom in law.atoms():
        total = total + np.where(atom.location == place, atom.mass, 0.0)
    return total


def _is_inverted(law: Distribution) -> bool:
    if isinstance(law, Mixture):
        return _is_inverted(law.components)
    return _is_inverted(law.law) if isinstance(law, Affine) else isinstance(law, WeightedGammaSum)


def _closest(law: Distribution) -> Array:
    """Distance to an end, in spreads, below which a law that is inverted numerically is not asked: 1e-20 of its
    mass may lie there if the density has a pole.
    """
    if isinstance(law, Mixture):
        return np.max(_closest(law.components), axis=-1) if _is_inverted(law) else np.zeros(law.batch_shape)
    if isinstance(law, Affine):
        return _closest(law.law)
    if not isinstance(law, WeightedGammaSum):
        return np.zeros(law.batch_shape)
    live = law._terms.b != 0
    least = np.min(np.where(live, law.shape, np.inf), axis=-1)
    total = np.sum(np.where(live, law.shape, 0.0), axis=-1)
    power = np.where(np.any(live & (law.active < 1), axis=-1), least, total)
    return np.asarray(np.exp(-46.0 / np.clip(power, 0.2, 1.0)))


def _bulk(law: Distribution) -> tuple[Array, Array]:
    if isinstance(law, Mixture):
        low, high = _bulk(law.components)
        counts = law.weights > 0
        low, high = np.where(counts, low, np.inf), np.where(counts, high, -np.inf)
        return np.min(low, axis=-1), np.max(high, axis=-1)
    return law.bulk(_NATS)


def _widened(law: Distribution, shape: tuple[int, ...]) -> Distribution:
    """The law with its batch spelled out: weighted sums pair points with laws by position."""
    if isinstance(law, WeightedGammaSum) and law.batch_shape != shape:
        return replace(law, offset=np.broadcast_to(law.offset, shape))
    return law


def _judge_tail(total: Array, x: Array, weight: Array, value: Array) -> Array:
    """Infinity where the shares of a half-infinite panel do not decay towards its far end."""
    with np.errstate(invalid="ignore"):
        share = np.abs(np.where(weight > 0, value * weight, 0.0))
    last = np.asarray(len(share) - 1 - np.argmax((share > 0)[::-1], axis=0))
    near = np.asarray(np.maximum(last - 4, 0))
    size = np.abs(x)
    pick = [np.take_along_axis(v, k[None], axis=0)[0] for v in (share, size) for k in (last, near)]
    with np.errstate(all="ignore"):
        slope = np.log(pick[0] / pick[1]) / np.log(pick[2] / pick[3])
    heavy = (pick[0] > _NEGLIGIBLE * np.abs(total)) & (pick[2] > 1e60)
    if np.any(heavy & (slope < -1e-3)):
        raise ArithmeticError(
            "got an integrand that decays too slowly to tell its integral from an infinite one, expected tails that "
            "are lighter or clearly heavier"
        )
    return np.where(heavy, np.inf, total)
