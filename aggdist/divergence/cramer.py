"""Kullback-Leibler divergence of output nodes without an integral: Cramer's rate function and tilting.

For a law q with cumulant generating function K and tilted laws `q_c`, density `exp(c y - K(c)) q(y)`, and any
law p with mean m in the interior of the hull of q's support (theory item T10)

    KL(p || q) = [c m - K(c)] + KL(p || q_c),   K'(c) = m.

The bracket is Cramer's rate function of q at m, and a lower bound for every law p with that mean. p and `q_c`
have equal means; where both are near normal the rest is `(R - 1 - log R) / 2`, R = var p / K''(c). Signed sums
of (zero-inflated) gammas are closed under tilting, so nothing here needs an integral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.distributions.special import log1p_remainder
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.divergence.tilting import Tilt, flat_terms, log_weights_of, solve_mixture_tilt, solve_tilt

Array = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class NodeKL:
    """Closed-form prediction of KL(p || q), arrays of the batch's shape.

    Attributes
    ----------
    rate : array
        Cramer's rate function of q at the mean of p: a lower bound of KL(p || q).
    ratio : array
        R = variance of p over variance of the tilted q; 1 where nothing is left to predict.
    tilt : array
        The c with K'(c) = mean of p.
    """

    rate: Array
    ratio: Array
    tilt: Array

    @property
    def residual(self) -> Array:
        """`(R - 1 - log R) / 2`: what two normal laws of equal means and variance ratio R are apart."""
        excess = self.ratio - 1
        return np.asarray(0.5 * excess**2 * log1p_remainder(excess))

    @property
    def kl(self) -> Array:
        """The prediction: rate plus residual, in nats."""
        return np.where(np.isinf(self.rate), np.inf, self.rate + self.residual)


@dataclass(frozen=True)
class MixtureKL:
    """Closed-form prediction of KL(p || sum_j pi_j q_j), arrays of the batch's shape.

    Attributes
    ----------
    kl : array
        The prediction, in nats.
    lower : array
        `sup_c [c m - log sum_j pi_j exp(K_j(c))]`, a lower bound.
    components : NodeKL
        The predictions of KL(p || q_j), with the axis j last.
    """

    kl: Array
    lower: Array
    components: NodeKL


def cramer_rate(law: WeightedGammaSum, point: ArrayLike) -> Tilt:
    """Cramer's rate function `I(x) = sup_c [c x - K(c)]` of a weighted sum, with the tilt that attains it.

    Parameters
    ----------
    law : WeightedGammaSum
        Any batch of signed sums of (zero-inflated) gammas.
    point : array_like
        x; broadcasts against the batch.

    Returns
    -------
    Tilt with `rate` >= 0, `tilt` c and `variance` K''(c), of the broadcast shape. Outside the hull of the
    support the rate is infinite; at an end point of it, it is minus the logarithm of the mass there.

    Reference: Cramer (1938); Dembo and Zeitouni, *Large Deviations Techniques and Applications*, section 2.2.
    """
    x = np.asarray(point, float)
    shape = np.broadcast_shapes(x.shape, law.batch_shape)
    gap = np.broadcast_to(x - law.offset, shape).reshape(-1)
    found = solve_tilt(flat_terms(law._terms, shape), gap)
    return Tilt(*(value.reshape(shape) for value in (found.rate, found.tilt, found.variance)))


def node_kl(p: Distribution, q: WeightedGammaSum) -> NodeKL:
    """Predict KL(p || q) of output nodes in closed form, without inverting a characteristic function.

    Parameters
    ----------
    p : Distribution
        Laws in class; only their means and variances are used.
    q : WeightedGammaSum
        Laws out of class; batches broadcast.

    Returns
    -------
    NodeKL. For sums of 512 channels the prediction is within about 3 % of the exact value, for fewer channels
    it is worse (the chapter of T10 has the table). It says nothing of atoms: leave nodes with a joint atom of
    noticeable mass to `exact_node_kl`.
    """
    mean, variance = p.mean(), p.var()
    found = cramer_rate(q, mean)
    with np.errstate(divide="ignore"):
        ratio = np.where(np.isfinite(found.rate), variance / found.variance, np.inf)
    return NodeKL(found.rate, ratio, found.tilt)


def mixture_rate(law: WeightedGammaSum, weights: ArrayLike, point: ArrayLike) -> Array:
    """`sup_c [c x - log sum_j pi_j exp(K_j(c))]` for a mixture over the last batch axis of `law`.

    Parameters
    ----------
    law : WeightedGammaSum
        Batch shape (*, J).
    weights : array_like, shape (*, J)
        pi: non-negative, normalised here.
    point : array_like, shape (*,)
        x. With x the mean of p this bounds KL(p || mixture) from below.
    """
    log_weights = log_weights_of(weights, law.batch_shape)
    x = np.asarray(point, float)
    shape = np.broadcast_shapes(x.shape, log_weights.shape[:-1])
    full = (*shape, log_weights.shape[-1])
    gap = np.broadcast_to(x[..., None] - law.offset, full).reshape(-1, full[-1])
    found = solve_mixture_tilt(flat_terms(law._terms, full), gap, np.broadcast_to(log_weights, full).reshape(gap.shape))
    return found.reshape(shape)


def mixture_node_kl(p: Distribution, q: WeightedGammaSum, weights: ArrayLike) -> MixtureKL:
    """Predict KL(p || sum_j pi_j q_j) of output nodes whose law out of class is a mixture over labels.

    Each component is tilted to the mean m of p by its own c_j; near m its log density is then nearly
    `-I_j(m) - c_j (y - m) - (y - m)^2 / (2 v_j) - log(2 pi v_j) / 2`, v_j the variance of the tilted component.
    With p taken as normal, the expectation of the log of their sum is a Gauss-Hermite sum of 24 terms. One
    component gives `node_kl` exactly.

    Parameters
    ----------
    p : Distribution
        Laws in class, batch shape (*,); only their means and variances are used.
    q : WeightedGammaSum
        Components, batch shape (*, J).
    weights : array_like, shape (*, J)
        Frequencies pi of the components, normalised here.
    """
    mean, variance = p.mean(), p.var()
    log_weights = log_weights_of(weights, q.batch_shape)
    found = cramer_rate(q, mean[..., None])
    alive = np.isfinite(found.rate)
    spread = np.where(alive, found.variance, 1.0)
    components = NodeKL(found.rate, np.where(alive, variance[..., None] / spread, np.inf), found.tilt)
    peak = np.where(alive, log_weights - found.rate - 0.5 * np.log(2 * np.pi * spread), -np.inf)
    slope = np.where(alive, found.tilt, 0.0)
    nodes = _NODES.reshape(-1, *(1,) * (mean.ndim + 1))
    away = nodes * np.sqrt(variance)[..., None]
    log_q = special.logsumexp(peak - slope * away - away**2 / (2 * spread), axis=-1)
    expected = np.tensordot(_WEIGHTS, log_q, axes=1)
    lower = mixture_rate(q, weights, mean)
    kl = -0.5 - 0.5 * np.log(2 * np.pi * variance) - expected
    return MixtureKL(np.asarray(kl), lower, components)
