"""Laws of output nodes given the label, and the divergences between in class and out of class.

*In class* of node k means: given label k. *Out of class* means: given any other label, so its law is the
mixture of the other labels' laws with their frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions import Distribution

Array = NDArray[np.float64]

_NATS = 37.0  # tails left out of a quadrature hold less than exp(-37) = 1e-16


@dataclass(frozen=True, eq=False)
class NodeLaws:
    """Laws of K output nodes given each of J = K labels.

    Parameters
    ----------
    law : Distribution
        Batch shape (K, J): node k given label j.
    priors : array, shape (J,)
        Frequencies of the labels; normalised here.
    """

    law: Distribution
    priors: Array

    def __post_init__(self) -> None:
        nodes, labels = self.law.batch_shape
        priors = np.asarray(self.priors, float)
        if nodes != labels or nodes < 2:
            raise ValueError(
                f"got laws of {nodes} nodes given {labels} labels, expected as many nodes as labels, at least two"
            )
        if priors.shape != (labels,) or not np.all(priors > 0):
            raise ValueError(
                f"priors: got {priors}, expected {labels} positive frequencies, one for each label"
            )
        object.__setattr__(self, "priors", priors / priors.sum())

    @property
    def nodes(self) -> int:
        """Number of output nodes."""
        return self.law.batch_shape[0]

    def pdf(self, y: ArrayLike) -> Array:
        """Densities of all nodes given all labels at `y` of shape (G, K): shape (G, K, J)."""
        return self.law.pdf(np.asarray(y, float)[..., None])

    def cdf(self, y: ArrayLike) -> Array:
        """Distribution functions, shapes as in `pdf`."""
        return self.law.cdf(np.asarray(y, float)[..., None])

    def logpdf(self, y: ArrayLike) -> Array:
        """Log densities, shapes as in `pdf`."""
        return self.law.logpdf(np.asarray(y, float)[..., None])

    @property
    def log_out_weights(self) -> Array:
        """Logarithms of the weights of label j in the mixture out of class of node k, shape (K, J)."""
        weights = np.tile(self.priors, (self.nodes, 1))
        np.fill_diagonal(weights, 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(weights / weights.sum(axis=1, keepdims=True)))

    def split(self, values: Array) -> tuple[Array, Array]:
        """From (G, K, J) log densities those in class and out of class, each of shape (G, K)."""
        inside = np.einsum("gkk->gk", values)
        return inside, special.logsumexp(values + self.log_out_weights, axis=-1)

    def split_cdf(self, values: Array) -> tuple[Array, Array]:
        """From (G, K, J) distribution functions those in class and out of class, each of shape (G, K)."""
        return np.einsum("gkk->gk", values), np.einsum("gkj,kj->gk", values, np.exp(self.log_out_weights))

    def log_atoms(self) -> tuple[Array, Array, Array]:
        """Location, and log masses in class and out of class, of the joint atom of each node; shape (K,)."""
        atoms = self.law.atoms()
        if not atoms:
            nothing = np.full(self.nodes, -np.inf)
            return np.zeros(self.nodes), nothing, nothing
        with np.errstate(divide="ignore"):
            mass = np.log(np.broadcast_to(atoms[0].mass, self.law.batch_shape))
        inside, outside = self.split(mass[None])
        location = np.einsum("kk->k", np.broadcast_to(atoms[0].location, self.law.batch_shape))
        return np.asarray(location), inside[0], outside[0]

    def anchors(self) -> Array:
        """Where the law in class of each node may have an atom or a singular density, shape (K,)."""
        low, high = (np.einsum("kk->k", end) for end in self.law.support())
        if self.law.atoms():
            return self.log_atoms()[0]
        return np.where(
            np.isfinite(low), low, np.where(np.isfinite(high), high, np.einsum("kk->k", self.law.mean()))
        )

    def bulk(self) -> tuple[Array, Array]:
        """Points between which each law, shape (K, J), holds all but 1e-16 of its mass on either side."""
        return self.law.bulk(_NATS)
