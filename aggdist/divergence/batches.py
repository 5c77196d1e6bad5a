"""Shapes of batches of weighted sums, and weights of their mixtures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions.gamma_terms import GammaTerms

Array = NDArray[np.float64]


def higher_cumulants(terms: GammaTerms) -> tuple[Array, Array]:
    """Third and fourth cumulant; for plain terms by products, because numpy's general power is slow."""
    if terms.inflated:
        return terms.cumulant(3), terms.cumulant(4)
    square = terms.b * terms.b
    first = terms.shape * terms.b
    third = 2 * np.einsum("...c,...c->...", first, square)
    return np.asarray(third), np.asarray(6 * np.einsum("...c,...c,...c->...", first, terms.b, square))


def flat_terms(terms: GammaTerms, shape: tuple[int, ...]) -> GammaTerms:
    """Terms broadcast to the batch `shape` and flattened to (laws, C)."""
    count = terms.b.shape[-1]
    parts = (terms.b, terms.shape, terms.active)
    return GammaTerms(*(np.broadcast_to(v, (*shape, count)).reshape(-1, count) for v in parts))


def log_weights_of(weights: ArrayLike, batch: tuple[int, ...]) -> Array:
    """Logarithms of the normalised weights of a mixture over the last axis of `batch`, broadcast against it.

    Raises
    ------
    ValueError
        For a last axis of another length, or weights that are negative, NaN or all zero.
    """
    pi = np.asarray(weights, float)
    if not batch or pi.ndim == 0 or pi.shape[-1] != batch[-1]:
        raise ValueError(
            f"weights: got shape {pi.shape} for components of batch {batch}, expected last axes of the same length; "
            "give one weight for each component"
        )
    if not np.all(np.isfinite(pi) & (pi >= 0)) or np.any(pi.sum(axis=-1) <= 0):
        raise ValueError(
            "weights: got negative, NaN or no positive values, expected frequencies of the components"
        )
    with np.errstate(divide="ignore"):
        return np.log(
            np.broadcast_to(pi / pi.sum(axis=-1, keepdims=True), np.broadcast_shapes(pi.shape, batch))
        )
