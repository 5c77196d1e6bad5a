"""Bounds around a Kullback-Leibler divergence: on the Bayes error, and for a mixture out of class.

KL is not a performance measure, but it limits one. With the error of the best decision between p (frequency
`prior`) and q (frequency `1 - prior`): Pinsker's and the Bretagnolle-Huber inequality bound it from **below** by
KL alone; Chernoff's bounds it from above, and needs more than KL (no function of KL alone can).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.divergence.batches import log_weights_of
from aggdist.divergence.cramer import mixture_rate
from aggdist.divergence.panels import atom_masses, joint_nodes
from aggdist.divergence.quadrature import checked_prior

Array = NDArray[np.float64]

_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class MixtureBounds:
    """`lower <= KL(p || sum_j pi_j q_j) <= upper <= convex`, arrays of the batch's shape.

    Attributes
    ----------
    lower : array
        `sup_c [c m - log sum_j pi_j exp(K_j(c))]`, m the mean of p.
    upper : array
        `-log sum_j pi_j exp(-KL(p || q_j))`.
    convex : array
        `sum_j pi_j KL(p || q_j)`.
    """

    lower: Array
    upper: Array
    convex: Array


def pinsker_bound(kl: ArrayLike, *, prior: float = 0.5) -> Array:
    """Lower bound `min(prior, 1 - prior) (1 - sqrt(kl/2))` on the Bayes error, 0 for kl >= 2.

    Parameters
    ----------
    kl : array_like
        KL(p || q) or KL(q || p) in nats, >= 0; the smaller gives the better bound.
    prior : float
        Frequency of p, strictly between 0 and 1.

    Raises
    ------
    ValueError
        For a negative or NaN kl, or a prior outside (0, 1).

    Reference: Pinsker (1964); Cover and Thomas (2006), lemma 11.6.1.
    """
    d = _divergence(kl)
    return np.asarray(min(checked_prior(prior), 1 - prior) * np.maximum(1 - np.sqrt(d / 2), 0.0))


def bretagnolle_huber_bound(kl: ArrayLike, *, prior: float = 0.5) -> Array:
    """Lower bound `(1 - sqrt(1 - 4 prior (1 - prior) exp(-kl))) / 2` on the Bayes error; positive for every kl.

    For equal frequencies that is the inequality of Bretagnolle and Huber; it exceeds `exp(-kl)/4`.

    Parameters and errors as for `pinsker_bound`. Reference: Bretagnolle and Huber (1979).
    """
    share = 4 * checked_prior(prior) * (1 - prior) * np.exp(-_divergence(kl))
    # share / 2 / (1 + sqrt(1 - share)) keeps the digits of tiny errors.
    return np.asarray(0.5 * share / (1 + np.sqrt(1 - share)))


def chernoff_bound(p: Distribution, q: Distribution, *, prior: float = 0.5) -> Array:
    """Upper bound `min_t prior^t (1 - prior)^(1-t) int p^t q^(1-t)` on the Bayes error, atoms included.

    Parameters
    ----------
    p, q : Distribution
        Laws whose batches broadcast.
    prior : float
        Frequency of p, strictly between 0 and 1.

    Reference: Chernoff (1952), Annals of Mathematical Statistics 23(4).
    """
    a, b = np.log(checked_prior(prior)), np.log(1 - prior)
    nodes = joint_nodes(p, q, over="both")
    atoms = atom_masses(p, q)

    def affinity(t: Array) -> Array:
        total = nodes.integrate(lambda log_p, log_q: np.exp(t * (log_p + a) + (1 - t) * (log_q + b)))
        for mass_p, mass_q in atoms:
            total = total + (prior * mass_p) ** t * ((1 - prior) * mass_q) ** (1 - t)
        return total

    # The logarithm of the affinity is convex in t: golden section, for the whole batch at once.
    low, high = np.full(nodes.shape, 1e-6), np.full(nodes.shape, 1 - 1e-6)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = affinity(left), affinity(right)
    for _ in range(30):
        down = at_left < at_right
        low, high = np.where(down, low, left), np.where(down, right, high)
        fresh = np.where(down, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        value = affinity(fresh)
        left, right = np.where(down, fresh, right), np.where(down, left, fresh)
        at_left, at_right = np.where(down, value, at_right), np.where(down, at_left, value)
    return np.asarray(np.minimum(np.minimum(at_left, at_right), min(prior, 1 - prior)))


def mixture_upper_bound(kl: ArrayLike, weights: ArrayLike) -> Array:
    """`-log sum_j pi_j exp(-KL(p || q_j))`, an upper bound on KL(p || sum_j pi_j q_j).

    Parameters
    ----------
    kl : array_like, shape (*, J)
        KL(p || q_j), possibly infinite.
    weights : array_like, shape (*, J)
        pi: non-negative, normalised here.

    Reference: Hershey and Olsen (2007), ICASSP, for the variational form.
    """
    d = _divergence(kl)
    return np.asarray(-special.logsumexp(log_weights_of(weights, d.shape) - d, axis=-1))


def mixture_convex_bound(kl: ArrayLike, weights: ArrayLike) -> Array:
    """`sum_j pi_j KL(p || q_j)`, by convexity an upper bound on KL(p || sum_j pi_j q_j); parameters as above."""
    d = _divergence(kl)
    pi = np.exp(log_weights_of(weights, d.shape))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(np.where(pi > 0, pi * d, 0.0), axis=-1))


def mixture_bounds(p: Distribution, q: WeightedGammaSum, weights: ArrayLike, kl: ArrayLike) -> MixtureBounds:
    """The chain of bounds around KL(p || sum_j pi_j q_j).

    Parameters
    ----------
    p : Distribution
        Laws in class, batch shape (*,).
    q : WeightedGammaSum
        Components, batch shape (*, J).
    weights : array_like, shape (*, J)
        pi: non-negative, normalised here.
    kl : array_like, shape (*, J)
        KL(p || q_j), for example from `exact_node_kl`.
    """
    lower = mixture_rate(q, weights, p.mean())
    return MixtureBounds(lower, mixture_upper_bound(kl, weights), mixture_convex_bound(kl, weights))


def _divergence(kl: ArrayLike) -> Array:
    d = np.asarray(kl, float)
    if not np.all(d >= 0):
        raise ValueError(
            f"kl: got {d[~(d >= 0)].flat[0]}, expected divergences >= 0; clip estimates at 0 first"
        )
    return d
