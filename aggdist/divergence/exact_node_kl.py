"""Exact Kullback-Leibler divergences of many output nodes at once.

`p log p` needs p where p is large, and plain inversion gives that. `p log q` needs log q in the tail of q,
where plain inversion is noise: there q is tilted towards the mean of p, `log q(y) = log q_c(y) + K(c) - c y`, and
inverted around its new mode. The integral is the trapezium rule over the bulk of p, which converges
geometrically for such smooth laws. Points that the one tilt cannot serve get a tilt of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions import contour
from aggdist.distributions.gamma_terms import GammaTerms
from aggdist.distributions.lattice import LatticeInverter, atom_mass
from aggdist.distributions.mixture import Mixture
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.divergence.batches import flat_terms, log_weights_of
from aggdist.divergence.quadrature import kl_quadrature
from aggdist.divergence.tilting import solve_tilt

Array = NDArray[np.float64]

POINTS = (64, 96, 144, 216, 324, 486, 730, 1096, 1644)
"""Sizes of the lattices that are tried in turn, until half the points give nearly the same."""
_AGREE = 1e-4
"""Accepted difference to half the points, relative. Its square is the error of the whole lattice."""
_NATS = 32.0  # densities are inverted to exp(-32) = 1e-14 over the standard deviation
_LEAST = 1e-11
"""Where p is below this over the standard deviation, its share of the divergence is left out."""
_RESOLVED = 3e-13
"""Densities of q below this over the standard deviation have lost their digits to rounding."""
_SHARES = np.array([0.0, 0.5, 0.8, 1.0])[:, None]
_DEPTHS = (12.0, 26.0)
"""Nats below its mode to which a tilted density is used: at the mean of p, and at the ends of its bulk."""
_ROUNDS = 12
_LAWS = 2000  # laws held at once


@dataclass(frozen=True)
class _Pairs:
    """K nodes against J components: terms of p (K, C) and of q (K J, C), offsets of q minus that of p, log pi."""

    p: GammaTerms
    q: GammaTerms
    shift: Array
    log_weights: Array

    def take(self, nodes: NDArray[np.intp]) -> _Pairs:
        components = self.shift.shape[1]
        index = (nodes[:, None] * components + np.arange(components)).reshape(-1)
        return _Pairs(self.p.take(nodes), self.q.take(index), self.shift[nodes], self.log_weights[nodes])


def exact_node_kl(p: WeightedGammaSum, q: WeightedGammaSum, weights: ArrayLike | None = None) -> Array:
    """KL(p || q), or KL(p || sum_j pi_j q_j), of output nodes in nats.

    Parameters
    ----------
    p : WeightedGammaSum
        Laws in class, batch shape (*,).
    q : WeightedGammaSum
        Laws out of class: batch shape (*,), or (*, J) if `weights` are given. Batches broadcast.
    weights : array_like, shape (*, J), optional
        Frequencies pi of the components of a mixture, normalised here.

    Returns
    -------
    array of the batch's shape. Infinite where the support of p exceeds that of q, or p has an atom and q has
    none there. Relative errors are near 1e-10 for hundreds of plain channels. Nodes dominated by very few
    channels, whose characteristic function decays slowly, are done one by one by `kl_quadrature`.
    """
    pairs, shape = _pairs(p, q, weights)
    out = np.full(len(pairs.shift), np.inf)
    possible = np.flatnonzero(_absolutely_continuous(pairs))
    step = max(1, _LAWS // pairs.shift.shape[1])
    for start in range(0, len(possible), step):
        rows = possible[start : start + step]
        out[rows] = _adaptive(pairs.take(rows))
    return np.asarray(np.maximum(out, 0.0).reshape(shape))


def _pairs(
    p: WeightedGammaSum, q: WeightedGammaSum, weights: ArrayLike | None
) -> tuple[_Pairs, tuple[int, ...]]:
    """Everything flattened to nodes by components, and the shape of the result."""
    terms, offset = q._terms, q.offset
    if weights is None:
        # One component of weight 1.
        terms = GammaTerms(*(v[..., None, :] for v in (terms.b, terms.shape, terms.active)))
        offset, weights = offset[..., None], np.ones(1)
    log_pi = log_weights_of(weights, offset.shape)
    full = np.broadcast_shapes((*p.batch_shape, 1), log_pi.shape)
    shift = np.broadcast_to(offset - p.offset[..., None], full).reshape(-1, full[-1])
    pi = np.broadcast_to(log_pi, full).reshape(shift.shape)
    return _Pairs(flat_terms(p._terms, full[:-1]), flat_terms(terms, full), shift, pi), full[:-1]


def _absolutely_continuous(pairs: _Pairs) -> NDArray[np.bool_]:
    """Whether q puts mass everywhere p does: supports, and the joint atom of p (at 0 in its own place)."""
    counts = np.isfinite(pairs.log_weights)
    low, high = (np.isfinite(v).reshape(pairs.shift.shape) for v in pairs.q.domain())
    # A component with a negative (positive) term reaches to minus (plus) infinity.
    starts = np.min(np.where(counts & high, np.where(low, -np.inf, pairs.shift), np.inf), axis=-1)
    stops = np.max(np.where(counts & low, np.where(high, np.inf, pairs.shift), -np.inf), axis=-1)
    down, up = (np.isfinite(v) for v in pairs.p.domain())
    covers = np.where(down & up, False, np.where(up, starts <= 0, stops >= 0)) | (stops >= starts)
    atom_q = atom_mass(pairs.q).reshape(pairs.shift.shape)
    atom_there = np.any(counts & (pairs.shift == 0) & (atom_q > 0), axis=-1)
    return np.asarray(covers & (atom_there | (atom_mass(pairs.p) == 0)))


def _adaptive(pairs: _Pairs) -> Array:
    """Divergences of nodes on the smallest lattice that suffices; those that none suffices for by quadrature."""
    out = np.full(len(pairs.shift), np.nan)
    inverter = LatticeInverter(pairs.p, _NATS)
    span = inverter.high - inverter.low
    with np.errstate(invalid="ignore"):
        least = 1.1 * inverter.last * span / (2 * np.pi)
    for count in POINTS:
        rows = np.flatnonzero(np.isnan(out) & (least <= count))
        if rows.size:
            part = pairs.take(rows)
            own = inverter if rows.size == len(out) else inverter.take(rows)
            value, half = _on_lattice(part, own, count)
            good = np.abs(half - value) <= _AGREE * np.maximum(np.abs(value), 1e-2)
            out[rows] = np.where(good, value, np.nan)
    for node in np.flatnonzero(np.isnan(out)):
        out[node] = _one_by_one(pairs.take(np.array([node])))
    return out


def _on_lattice(pairs: _Pairs, inverter: LatticeInverter, count: int) -> tuple[Array, Array]:
    """Trapezium sums on `count` points and on half of them, NaN where a law could not be inverted."""
    step = (inverter.high - inverter.low) / count
    first = inverter.low + 0.5 * step
    p, _ = inverter.density(first, step, count)
    x = first + np.arange(count)[:, None] * step
    counts = p * inverter.std > _LEAST
    log_p = np.log(np.where(counts, p, 1.0))
    log_q = _log_density_of_mixture(pairs, first, step, x, np.where(counts, p, 0.0))
    with np.errstate(invalid="ignore"):
        share = np.where(counts, p * (log_p - log_q), 0.0) * step
    atom = _atom_part(pairs)
    return share.sum(axis=0) + atom, 2 * share[::2].sum(axis=0) + atom


def _atom_part(pairs: _Pairs) -> Array:
    """The share of the joint atom of p."""
    atoms = atom_mass(pairs.q).reshape(pairs.shift.shape) * np.exp(pairs.log_weights)
    other = np.sum(np.where(pairs.shift == 0, atoms, 0.0), axis=-1)
    return np.asarray(special.rel_entr(atom_mass(pairs.p), other))


def _log_density_of_mixture(pairs: _Pairs, first: Array, step: Array, x: Array, p: Array) -> Array:
    components = pairs.shift.shape[1]
    wide = [np.repeat(v, components, axis=-1) for v in (first, step, x, p)]
    shift = pairs.shift.reshape(-1)
    log_q = _tail_log_density(pairs.q, wide[0] - shift, wide[1], wide[2] - shift, wide[3])
    if components == 1:
        return log_q
    return np.asarray(special.logsumexp(log_q.reshape(len(x), -1, components) + pairs.log_weights, axis=-1))


def _tail_log_density(terms: GammaTerms, first: Array, step: Array, x: Array, p: Array) -> Array:
    """Log densities of sums on their lattices `x` (G, L), resolved wherever the weights `p` are positive."""
    low, high = terms.domain()
    todo = ((x > 0) | np.isfinite(low)) & ((x < 0) | np.isfinite(high)) & (p > 0)
    out = np.full(x.shape, -np.inf)
    # One tilt to the mean of p serves most laws; then one at a time to the heaviest point that is left.
    weight = np.where(todo, p, 0.0)
    centre = np.sum(weight * x, axis=0) / np.maximum(np.sum(weight, axis=0), 1e-300)
    laws = np.flatnonzero(todo.any(axis=0))
    for _ in range(_ROUNDS):
        if not laws.size:
            break
        part = terms.take(laws)
        tilt = _smallest_tilt(part, centre[laws], x[:, laws], todo[:, laws])
        value, resolved = _tilted(part, tilt, first[laws], step[laws], x[:, laws])
        use = todo[:, laws] & resolved
        out[:, laws] = np.where(use, value, out[:, laws])
        todo[:, laws] &= ~resolved
        laws = laws[use.any(axis=0) & todo[:, laws].any(axis=0)]
        heaviest = np.argmax(np.where(todo, p, 0.0), axis=0)
        centre = np.take_along_axis(x, heaviest[None], axis=0)[0]
    point, law = np.nonzero(todo)
    if point.size:
        out[point, law] = contour.contour_log_density(terms.take(law), x[point, law])
    return out


def _smallest_tilt(terms: GammaTerms, centre: Array, x: Array, todo: NDArray[np.bool_]) -> Array:
    """The smallest tilt, among shares of that to the mean `centre`, that resolves all points of `todo`.

    The tilt to `centre` itself may bring one term close to its pole: a long tail, hence many frequencies. A
    smaller one is enough where Cramer's rate of the tilted law, `I(x) - c x + K(c)`, stays moderate.
    """
    found = solve_tilt(terms, centre)
    tilt = _SHARES * found.tilt
    cgf = terms.log_mgf(tilt)
    enough = found.rate - tilt * centre + cgf <= _DEPTHS[0]
    # The end of the bulk that lies farther from the mean of q; the other one is nearer to that of the tilted law.
    row = np.where(found.tilt > 0, len(x) - 1 - np.argmax(todo[::-1], axis=0), np.argmax(todo, axis=0))
    end = np.take_along_axis(x, row[None], axis=0)[0]
    enough &= solve_tilt(terms, end).rate - tilt * end + cgf <= _DEPTHS[1]
    enough[-1] = True
    return np.take_along_axis(tilt, np.argmax(enough, axis=0)[None], axis=0)[0]


def _tilted(
    terms: GammaTerms, tilt: Array, first: Array, step: Array, x: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Log densities by inversion of the tilted laws, and where they are more than rounding."""
    inverter = LatticeInverter(terms.tilt(tilt), _NATS)
    density, failed = inverter.density(first, step, len(x))
    resolved = (density * inverter.std > _RESOLVED) & ~failed
    return terms.log_mgf(tilt) - tilt * x + np.log(np.where(resolved, density, 1.0)), resolved


def _one_by_one(pairs: _Pairs) -> float:
    """A single node by general quadrature."""
    unit = np.ones(1)
    p = WeightedGammaSum(pairs.p.b[0], pairs.p.shape[0], unit, pairs.p.active[0])
    components = WeightedGammaSum(pairs.q.b, pairs.q.shape, unit, pairs.q.active, pairs.shift[0])
    if pairs.shift.shape[1] == 1:
        return float(kl_quadrature(p, components[0]))
    return float(kl_quadrature(p, Mixture(components, np.exp(pairs.log_weights[0]))))
