"""Divergences and their relatives of any two laws by quadrature, atoms included, for a whole batch at once.

The line is cut at the end points, singular points and break points of both laws. Finite panels use the
tanh-sinh rule and half-infinite ones the exp-sinh rule (Takahasi and Mori 1974), so poles at end points and
slow tails cost no accuracy. All relatives come from the same log densities on the same nodes.

Laws that are themselves inverted numerically (weighted sums) are cut where they hold less than exp(-37).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.divergence.panels import Nodes, atom_masses, joint_nodes, supports_within

Array = NDArray[np.float64]
Integrand = Callable[[Array, Array], Array]

_CROSSINGS = 12
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Divergences:
    """All relatives of one pair of laws, arrays of the broadcast batch.

    Attributes
    ----------
    kl, reverse_kl : array
        KL(p || q) and KL(q || p) in nats; infinite where support or atoms demand it.
    jensen_shannon : array
        `(KL(p || m) + KL(q || m)) / 2`, m the equal mixture; between 0 and log 2.
    auc : array
        Area under the ROC curve, P(X > Y) + P(X = Y)/2 for X ~ p, Y ~ q.
    overlap : array
        `int min(p, q)`, 1 minus the total variation distance.
    bayes_error : array
        Smallest error probability of a decision between p and q with equal frequencies: overlap / 2.
    """

    kl: Array
    reverse_kl: Array
    jensen_shannon: Array
    auc: Array
    overlap: Array
    bayes_error: Array


def divergences(p: Distribution, q: Distribution) -> Divergences:
    """KL in both directions, Jensen-Shannon, area under the ROC curve, overlap and Bayes error of p and q."""
    shared = overlap(p, q)
    return Divergences(
        kl_quadrature(p, q),
        kl_quadrature(q, p),
        jensen_shannon(p, q),
        area_under_roc(p, q),
        shared,
        shared / 2,
    )


def kl_quadrature(p: Distribution, q: Distribution) -> Array:
    """KL(p || q) in nats by quadrature.

    Infinite where p has an atom and q has none there, where the support of p exceeds that of q, and where the
    integrand does not decay (a heavy tail of p against a light one of q).

    Raises
    ------
    ArithmeticError
        If the integrand decays so slowly that the integral cannot be told from an infinite one.
    """
    nodes = joint_nodes(p, q, over="p")
    total = nodes.integrate(lambda log_p, log_q: _times(log_p, log_p, log_q))
    for mass_p, mass_q in atom_masses(p, q):
        total = total + special.rel_entr(mass_p, mass_q)
    # Rounding can leave a tiny negative number for equal laws.
    return np.where(supports_within(p, q), np.maximum(total, 0.0), np.inf)


def jensen_shannon(p: Distribution, q: Distribution, *, prior: float = 0.5) -> Array:
    """`prior KL(p || m) + (1 - prior) KL(q || m)` with m = prior p + (1 - prior) q, in nats.

    It is the mutual information between a label with these frequencies and the value, so it lies between 0 and
    the entropy of the label (log 2 for equal frequencies), whatever the supports.

    Reference: Lin (1991), IEEE Transactions on Information Theory 37(1).
    """
    a, b = np.log(checked_prior(prior)), np.log(1 - prior)

    def integrand(log_p: Array, log_q: Array) -> Array:
        mixed = np.logaddexp(log_p + a, log_q + b)
        return _times(log_p + a, log_p, mixed) + _times(log_q + b, log_q, mixed)

    total = joint_nodes(p, q, over="both").integrate(integrand)
    for mass_p, mass_q in atom_masses(p, q):
        mixed = prior * mass_p + (1 - prior) * mass_q
        total = (
            total + prior * special.rel_entr(mass_p, mixed) + (1 - prior) * special.rel_entr(mass_q, mixed)
        )
    return np.asarray(np.maximum(total, 0.0))


def area_under_roc(p: Distribution, q: Distribution) -> Array:
    """`P(X > Y) + P(X = Y)/2` for independent X ~ p and Y ~ q: the area under the ROC curve of the score.

    Reference: Hanley and McNeil (1982), Radiology 143(1).
    """
    nodes = joint_nodes(p, q, over="p")
    # The nodes may be shifted, and their laws with them.
    total = nodes.integrate_at(lambda x, log_p: np.exp(log_p) * nodes.q.cdf(x))
    for atom in p.atoms():
        here = np.broadcast_to(atom.location, nodes.shape)
        ties = sum(
            (np.where(other.location == here, other.mass, 0.0) for other in q.atoms()), np.zeros(nodes.shape)
        )
        total = total + atom.mass * (q.cdf(here) - 0.5 * ties)
    return np.asarray(np.clip(total, 0.0, 1.0))


def overlap(p: Distribution, q: Distribution) -> Array:
    """`int min(p, q)` plus the smaller masses of common atoms; 1 minus the total variation distance."""
    return np.asarray(2 * bayes_error(p, q))


def bayes_error(p: Distribution, q: Distribution, *, prior: float = 0.5) -> Array:
    """`int min(prior p, (1 - prior) q)`: the error of the best decision between p and q.

    Parameters
    ----------
    p, q : Distribution
        Laws whose batches broadcast.
    prior : float
        Frequency of p, strictly between 0 and 1.
    """
    a, b = np.log(checked_prior(prior)), np.log(1 - prior)
    nodes = joint_nodes(p, q, over="both")
    # The minimum has a kink where the two cross; panels that end there see smooth functions.
    nodes = nodes.cut(_crossings(nodes, a - b))
    total = nodes.integrate(lambda log_p, log_q: np.exp(np.minimum(log_p + a, log_q + b)))
    for mass_p, mass_q in atom_masses(p, q):
        total = total + np.minimum(prior * mass_p, (1 - prior) * mass_q)
    return np.asarray(total)


def _crossings(nodes: Nodes, odds: float) -> Array:
    """The 12 heaviest places where log p - log q + odds changes its sign, shape (12, *batch), by bisection."""

    def gap(log_p: Array, log_q: Array) -> Array:
        with np.errstate(invalid="ignore"):
            value = np.nan_to_num(log_p - log_q + odds, nan=0.0, posinf=1.0, neginf=-1.0)
            # Rounding of equal densities is not a crossing.
            return np.where(np.abs(value) > _ROUNDING * (1 + np.abs(log_p)), value, 0.0)

    x, value = nodes.evaluate(gap)
    height = nodes.evaluate(np.minimum)[1]
    # A node may lie on a crossing: signs are compared with the last one that is not 0.
    order = np.arange(len(x)).reshape(-1, *(1,) * (x.ndim - 1))
    before = np.maximum.accumulate(np.where(value != 0, order, 0), axis=0)
    sign = np.sign(np.take_along_axis(value, before, axis=0))
    change = sign[:-1] * sign[1:] < 0
    weight = np.where(change, np.maximum(height[:-1], height[1:]), -np.inf)
    first = np.argsort(-weight, axis=0, kind="stable")[:_CROSSINGS]
    found = np.take_along_axis(change, first, axis=0)
    left = np.take_along_axis(x, np.take_along_axis(before, first, axis=0), axis=0)
    right = np.take_along_axis(x, first + 1, axis=0)
    sign = np.take_along_axis(sign, first, axis=0)
    for _ in range(45):
        middle = 0.5 * (left + right)
        same = gap(nodes.p.logpdf(middle), nodes.q.logpdf(middle)) * sign > 0
        left, right = np.where(same, middle, left), np.where(same, right, middle)
    return np.where(found, 0.5 * (left + right), nodes.somewhere)


def checked_prior(prior: float) -> float:
    """`prior` itself; ValueError unless it is a frequency strictly between 0 and 1."""
    if not 0 < prior < 1:
        raise ValueError(f"prior: got {prior}, expected a frequency strictly between 0 and 1")
    return prior


def _times(log_weight: Array, log_p: Array, log_q: Array) -> Array:
    """`exp(log_weight) (log_p - log_q)`, 0 where the weight is 0."""
    weight = np.exp(log_weight)
    with np.errstate(invalid="ignore"):
        return np.where(weight > 0, weight * (log_p - log_q), 0.0)
