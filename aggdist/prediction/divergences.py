"""Predicted divergences of output nodes, by quadrature of their laws.

All of them come from the same log densities on the same points, so they are consistent with one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions import WeightedGammaSum
from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]
Nodes = NDArray[np.intp]

_UNIFORM_POINTS = 256
_MANY_POINTS = (2048, 8192)
_GRADED_POINTS = 384
# Far below what any sample could show; the half-grid difference overstates the error of the full grid.
_ENOUGH = 1e-4
_MASS_ERROR = 1e-5


@dataclass(frozen=True)
class NodeDivergences:
    """Predicted relations between in class and out of class, one value for each of K nodes.

    Attributes
    ----------
    kl : array, shape (K,)
        KL(in || out) in nats; infinite where the support in class exceeds the one out of class.
    bounded : array, shape (K,)
        KL(in || all), all images with the frequencies of their labels: at most log(1/frequency of the class).
    auc : array, shape (K,)
        Area under the ROC curve, P(Y_in > Y_out) + P(Y_in = Y_out) / 2.
    kl_error : array, shape (K,)
        Difference to the quadrature on half the points: an estimate of the numerical error, most often too large.
    """

    kl: Array
    bounded: Array
    auc: Array
    kl_error: Array


def node_divergences(laws: NodeLaws) -> NodeDivergences:
    """Predict KL(in || out) and the area under the ROC curve of every node.

    Raises
    ------
    ArithmeticError
        If the density in class does not integrate to its mass within 1e-5 on the finest grid.
    """
    every = np.arange(laws.nodes)
    result, mass_error = _quadrature(laws, every, *_uniform_grid(laws, _UNIFORM_POINTS))
    rough = _is_rough(result, mass_error)
    for points, weight in _finer_grids(laws):
        if not np.any(rough):
            return result
        chosen = every[rough]
        finer, mass_error[chosen] = _quadrature(laws, chosen, points[:, chosen], weight[:, chosen])
        result = _replaced(result, chosen, finer)
        rough = rough & _is_rough(result, mass_error)
    if np.any(mass_error[rough] > _MASS_ERROR):
        node = int(np.argmax(np.where(rough, mass_error, 0)))
        raise ArithmeticError(
            f"the density in class of output node {node} integrates to 1 within {mass_error[node]:.1e} only, "
            f"expected {_MASS_ERROR}; its law is dominated by very few channels: judge it by its cdf instead"
        )
    return result


def _finer_grids(laws: NodeLaws) -> Iterator[tuple[Array, Array]]:
    """Points for laws that are not smooth; the second array holds the weights."""
    if isinstance(laws.law, WeightedGammaSum):
        # Densities with a singularity at the joint atom need points that crowd there.
        yield _graded_grid(laws)
        return
    # A law that ends somewhere, as a shifted gamma, has a bend there: many points, which are cheap for such laws.
    for points in _MANY_POINTS:
        yield _uniform_grid(laws, points)


def _is_rough(result: NodeDivergences, mass_error: Array) -> NDArray[np.bool_]:
    inexact = (result.kl_error > _ENOUGH * (1 + np.abs(result.kl))) | (mass_error > _MASS_ERROR)
    return np.asarray(inexact & np.isfinite(result.kl))


def _replaced(result: NodeDivergences, nodes: Nodes, new: NodeDivergences) -> NodeDivergences:
    """The result with new values of some nodes."""
    values = [getattr(result, f.name).copy() for f in fields(NodeDivergences)]
    for value, f in zip(values, fields(NodeDivergences), strict=True):
        value[nodes] = getattr(new, f.name)
    return NodeDivergences(*values)


def _own_range(laws: NodeLaws) -> tuple[Array, Array]:
    low, high = laws.bulk()
    return np.einsum("kk->k", low), np.einsum("kk->k", high)


def _uniform_grid(laws: NodeLaws, points: int) -> tuple[Array, Array]:
    """Equal steps over the bulk in class: the trapezoidal rule then converges geometrically (smooth laws)."""
    low, high = _own_range(laws)
    # Half-integer places: the rule is the same for a density that vanishes at both ends, and an end point of
    # the support, where a density may be infinite, is never touched.
    place = (np.arange(points)[:, None] + 0.5) / points
    return low + (high - low) * place, np.broadcast_to((high - low) / points, (points, laws.nodes))


def _graded_grid(laws: NodeLaws) -> tuple[Array, Array]:
    """Steps that grow geometrically away from the joint atom, on both of its sides."""
    low, high = _own_range(laws)
    location = laws.anchors()
    half = _GRADED_POINTS // 2
    place = (np.arange(half)[:, None] + 0.5) / half
    points, weights = [], []
    for reach in (high - location, low - location):
        # u = log|x - location| over 28 nats below the reach.
        x = reach * np.exp(-28.0 * (1 - place))
        # A side that does not exist (all weights of one sign) gets points inside the bulk, and no weight.
        points.append(np.where(reach == 0, 0.5 * (low + high), location + x))
        weights.append(np.abs(x) * 28.0 / half)
    return np.concatenate(points), np.concatenate(weights)


def _quadrature(laws: NodeLaws, nodes: Nodes, x: Array, weight: Array) -> tuple[NodeDivergences, Array]:
    """Divergences of some nodes from points and weights (G, R), and by how much the mass in class misses 1."""
    law, to_out = laws.law[nodes], laws.log_out_weights[nodes]
    values = law.logpdf(x[..., None])
    log_in, log_out = values[:, np.arange(nodes.size), nodes], special.logsumexp(values + to_out, axis=-1)
    p = np.exp(log_in)
    location, atom_in, atom_out = (part[nodes] for part in laws.log_atoms())
    mass, share = np.exp(atom_in), laws.priors[nodes]
    with np.errstate(invalid="ignore"):
        terms = np.where(p > 0, p * (log_in - log_out), 0.0) * weight
        from_atom = np.where(mass > 0, mass * (atom_in - atom_out), 0.0)
        to_all = np.where(p > 0, p * (log_in - _log_mixed(share, log_in, log_out)), 0.0) * weight
        atom_to_all = np.where(mass > 0, mass * (atom_in - _log_mixed(share, atom_in, atom_out)), 0.0)
        kl = terms.sum(axis=0) + from_atom
        halves = np.abs(2 * terms[::2].sum(axis=0) + from_atom - kl)
    out_weights = np.exp(to_out)
    auc = np.sum(p * weight * np.einsum("grj,rj->gr", law.cdf(x[..., None]), out_weights), axis=0)
    if np.any(mass > 0):
        at_atom = np.einsum("rj,rj->r", law.cdf(location[:, None]), out_weights)
        auc = auc + mass * (at_atom - 0.5 * np.exp(atom_out))
    mass_error = np.abs(np.sum(p * weight, axis=0) + mass - 1)
    return NodeDivergences(kl, to_all.sum(axis=0) + atom_to_all, auc, halves), mass_error


def _log_mixed(share: Array, log_in: Array, log_out: Array) -> Array:
    """log(share p + (1 - share) q) from the logarithms of p and q."""
    return np.asarray(np.logaddexp(np.log(share) + log_in, np.log1p(-share) + log_out))
