"""Predicted divergences of output nodes, by quadrature of their laws.

All of them come from the same log densities on the same points, so they are consistent with one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]

_UNIFORM_POINTS = 256
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
    auc : array, shape (K,)
        Area under the ROC curve, P(Y_in > Y_out) + P(Y_in = Y_out) / 2.
    kl_error : array, shape (K,)
        Difference to the quadrature on half the points: a bound on the numerical error.
    """

    kl: Array
    auc: Array
    kl_error: Array


def node_divergences(laws: NodeLaws) -> NodeDivergences:
    """Predict KL(in || out) and the area under the ROC curve of every node.

    Raises
    ------
    ArithmeticError
        If the density in class does not integrate to its mass within 1e-5 on the finest grid.
    """
    grid = _uniform_grid(laws)
    result, mass_error = _quadrature(laws, *grid)
    rough = (result.kl_error > _ENOUGH * (1 + np.abs(result.kl))) | (mass_error > _MASS_ERROR)
    if np.any(rough & np.isfinite(result.kl)):
        # Densities with a singularity at the joint atom need points that crowd there.
        finer, mass_error = _quadrature(laws, *_graded_grid(laws))
        if np.any(mass_error[rough] > _MASS_ERROR):
            node = int(np.argmax(np.where(rough, mass_error, 0)))
            raise ArithmeticError(
                f"the density in class of output node {node} integrates to 1 within {mass_error[node]:.1e} only, "
                f"expected {_MASS_ERROR}; its law is dominated by very few channels: judge it by its cdf instead"
            )
        result = NodeDivergences(
            *(np.where(rough, new, old) for new, old in zip(_values(finer), _values(result), strict=True))
        )
    return result


def _values(result: NodeDivergences) -> tuple[Array, Array, Array]:
    return result.kl, result.auc, result.kl_error


def _own_range(laws: NodeLaws) -> tuple[Array, Array]:
    low, high = laws.bulk()
    return np.einsum("kk->k", low), np.einsum("kk->k", high)


def _uniform_grid(laws: NodeLaws) -> tuple[Array, Array]:
    """Equal steps over the bulk in class: the trapezoidal rule then converges geometrically (smooth laws)."""
    low, high = _own_range(laws)
    # Half-integer places: the rule is the same for a density that vanishes at both ends, and an end point of
    # the support, where a density may be infinite, is never touched.
    place = (np.arange(_UNIFORM_POINTS)[:, None] + 0.5) / _UNIFORM_POINTS
    return low + (high - low) * place, np.broadcast_to(
        (high - low) / _UNIFORM_POINTS, (_UNIFORM_POINTS, laws.nodes)
    )


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


def _quadrature(laws: NodeLaws, x: Array, weight: Array) -> tuple[NodeDivergences, Array]:
    log_in, log_out = laws.split(laws.logpdf(x))
    p = np.exp(log_in)
    with np.errstate(invalid="ignore"):
        integrand = np.where(p > 0, p * (log_in - log_out), 0.0) * weight
    _, atom_in, atom_out = laws.log_atoms()
    mass = np.exp(atom_in)
    with np.errstate(invalid="ignore"):
        from_atom = np.where(mass > 0, mass * (atom_in - atom_out), 0.0)
    kl = integrand.sum(axis=0) + from_atom
    with np.errstate(invalid="ignore"):
        halves = np.abs(2 * integrand[::2].sum(axis=0) + from_atom - kl)
    _, cdf_out = laws.split_cdf(laws.cdf(x))
    auc = np.sum(p * weight * cdf_out, axis=0) + _auc_of_atom(laws)
    return NodeDivergences(kl, auc, halves), np.abs(np.sum(p * weight, axis=0) + mass - 1)


def _auc_of_atom(laws: NodeLaws) -> Array:
    """Share of the atom in class: P(Y_out < location) + P(Y_out = location) / 2, times its mass."""
    location, atom_in, atom_out = laws.log_atoms()
    if not np.any(np.isfinite(atom_in)):
        return np.zeros(laws.nodes)
    _, cdf_out = laws.split_cdf(laws.cdf(location[None, :]))
    return np.asarray(np.exp(atom_in) * (cdf_out[0] - 0.5 * np.exp(atom_out)))
