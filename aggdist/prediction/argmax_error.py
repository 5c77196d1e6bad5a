"""From the laws of output nodes to the error of the classifier that takes the largest node (chapter *performance*).

A node's law says how its values are spread over images; the classifier compares different nodes on *one* image. So it
needs their joint law given the label. Two are offered: nodes independent given the label, and a normal copula, in which
nodes have any laws of their own and are correlated as they were on the fitting images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.prediction.node_laws import NodeLaws

Array = NDArray[np.float64]

_GRID = 512
_NATS = 21.0  # tails left out hold 1e-9
_KNOTS = np.linspace(-6.0, 6.0, 481)
"""Normal quantiles at which the quantiles of the nodes are tabulated; beyond lie 2e-9."""


@dataclass(frozen=True)
class ArgmaxAccuracy:
    """How often the largest node is that of the label.

    Attributes
    ----------
    recall : array, shape (J,)
        P(y_j is the largest | label j).
    standard_error : array, shape (J,)
        Of simulation; 0 for quadrature.
    priors : array, shape (J,)
        Frequencies of the labels.
    """

    recall: Array
    standard_error: Array
    priors: Array

    @property
    def error(self) -> float:
        """1 - accuracy, over all labels."""
        return float(1.0 - self.priors @ self.recall)


def independent_accuracy(laws: NodeLaws) -> ArgmaxAccuracy:
    """Nodes independent given the label: `P(correct | j) = int f_jj(y) prod_{k != j} F_kj(y) dy`, by quadrature.

    Raises
    ------
    ValueError
        If a node has an atom given some label: then ties have a probability.
    """
    _check_atoms(laws)
    low, high = (np.einsum("kk->k", end) for end in laws.law.bulk(_NATS))
    y = low + (high - low) * (np.arange(_GRID)[:, None] + 0.5) / _GRID  # (G, J)
    density = np.einsum("gkk->gk", laws.law.pdf(y[:, None, :]))
    below = laws.law.cdf(y[:, None, :])
    np.einsum("gkk->gk", below)[...] = 1.0
    recall = np.sum(density * np.prod(below, axis=1), axis=0) * (high - low) / _GRID
    return ArgmaxAccuracy(np.minimum(recall, 1.0), np.zeros(laws.nodes), laws.priors)


def copula_accuracy(
    laws: NodeLaws, correlation: ArrayLike, *, draws: int = 20_000, rng: np.random.Generator
) -> ArgmaxAccuracy:
    """A normal copula: `y_k = Q_kj(Phi(g_k))` with g normal, of unit variances and the given correlations.

    Parameters
    ----------
    laws : NodeLaws
        Of K nodes given K labels.
    correlation : array, shape (J, K, K)
        Correlations of the nodes given each label; see `node_correlations`.
    draws : int
        Simulated images of each label.
    rng
        For the simulation.

    Raises
    ------
    ValueError
        For correlations of another shape, or that no nodes can have, or nodes with atoms.
    """
    _check_atoms(laws)
    nodes = laws.nodes
    matrices = np.asarray(correlation, float)
    if matrices.shape != (nodes, nodes, nodes):
        raise ValueError(f"correlation: got shape {matrices.shape}, expected ({nodes}, {nodes}, {nodes})")
    normal = np.einsum("jkl,djl->djk", _roots(matrices), rng.standard_normal((draws, nodes, nodes)))
    values = _from_normal(laws, normal)
    recall = np.mean(values.argmax(axis=2) == np.arange(nodes), axis=0)
    return ArgmaxAccuracy(recall, np.sqrt(recall * (1 - recall) / draws), laws.priors)


def node_correlations(outputs: ArrayLike, labels: NDArray[np.integer], classes: int) -> Array:
    """Correlations of the nodes over the images of each label, shape (J, K, K).

    Parameters
    ----------
    outputs : array, shape (n, K)
        Output nodes of the fitting images.
    labels : array of int, shape (n,)
        0 to `classes - 1`.

    Raises
    ------
    ValueError
        For a label with fewer than three images, or a node that is constant given a label.
    """
    y = np.asarray(outputs, float)
    counts = np.bincount(labels, minlength=classes)
    if counts.min() < 3:
        raise ValueError(f"label {int(counts.argmin())} has {counts.min()} images, expected at least three")
    covariances = np.array([np.cov(y[labels == j], rowvar=False) for j in range(classes)])
    deviation = np.sqrt(np.einsum("jkk->jk", covariances))
    if np.any(deviation == 0):
        raise ValueError(
            f"node {int(np.argwhere(deviation == 0)[0, 1])} is constant given a label, expected nodes that vary"
        )
    return np.asarray(covariances / (deviation[:, :, None] * deviation[:, None, :]))


def pairwise_errors(laws: NodeLaws) -> Array:
    """P(y_k > y_j | label j) for independent nodes, shape (J, K), 0 on the diagonal.

    By Boole's inequality the largest of a row is a lower bound of the error given the label, whatever the joint law
    has these pairs, and the sum of the row an upper bound.
    """
    _check_atoms(laws)
    low, high = (np.einsum("kk->k", end) for end in laws.law.bulk(_NATS))
    y = low + (high - low) * (np.arange(_GRID)[:, None] + 0.5) / _GRID
    density = np.einsum("gkk->gk", laws.law.pdf(y[:, None, :]))
    above = laws.law.sf(y[:, None, :])
    found = np.einsum("gj,gkj,j->jk", density, above, (high - low) / _GRID)
    np.fill_diagonal(found, 0.0)
    return np.asarray(found)


def _check_atoms(laws: NodeLaws) -> None:
    if any(np.any(np.asarray(atom.mass) > 0) for atom in laws.law.atoms()):
        raise ValueError(
            "got node laws with an atom, expected continuous laws: ties would have a probability"
        )


def _roots(matrices: Array) -> Array:
    """Square roots of correlation matrices, which few images leave singular."""
    values, vectors = np.linalg.eigh(matrices)
    if values.min() < -1e-8 or not np.allclose(np.einsum("jkk->jk", matrices), 1.0):
        raise ValueError(
            f"correlation: got matrices with a smallest eigenvalue of {values.min():.2g}, expected unit diagonals and "
            "no negative eigenvalue"
        )
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])


def _from_normal(laws: NodeLaws, normal: Array) -> Array:
    """Quantiles Q_kj(Phi(g)) of values g (D, J, K), by interpolation in one table for all laws."""
    low, high = laws.law.bulk(_NATS)
    x = low + (high - low) * np.linspace(0, 1, _GRID)[:, None, None]
    cdf = np.maximum.accumulate(np.clip(laws.law.cdf(x), 0.0, 1.0), axis=0)
    tables = np.moveaxis(x, 0, -1).reshape(-1, _GRID), np.moveaxis(cdf, 0, -1).reshape(-1, _GRID)
    # np.interp takes one table, so each law gets a stretch of the axis of its own.
    places = np.arange(len(tables[0]))[:, None]
    levels = special.ndtr(_KNOTS) + 2.0 * places
    quantiles = np.interp(levels.ravel(), (tables[1] + 2.0 * places).ravel(), tables[0].ravel())
    length = 2 * _KNOTS[-1] + 1.0
    stretch = (_KNOTS + length * places).ravel()
    law_of = np.arange(laws.nodes)[None, None, :] * laws.nodes + np.arange(laws.nodes)[None, :, None]
    return np.interp(np.clip(normal, _KNOTS[0], _KNOTS[-1]) + length * law_of, stretch, quantiles)
