"""Kullback-Leibler divergence of output nodes without an integral: Cramer's rate function and tilting.

For a law q with cumulant generating function K and tilted laws `q_c`, density `exp(c y - K(c)) q(y)`, and any
law p with mean m in the interior of the hull of q's support (theory item T10)

    KL(p || q) = [c m - K(c)] + KL(p || q_c),   K'(c) = m.

The bracket is Cramer's rate function of q at m, and a lower bound for every law p with that mean. p and `q_c`
have equal means; where both are near normal the rest is `(R - 1 - log R) / 2`, R = var p / K''(c). What the
two terms leave over, of the order of one over the number of channels, follows from the standardised third and
fourth cumulants (`shape_correction`). Signed sums of (zero-inflated) gammas are closed under tilting, so
nothing here needs an integral.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.distributions.base import Distribution
from aggdist.distributions.special import log1p_remainder
from aggdist.distributions.weighted_sum import WeightedGammaSum
from aggdist.divergence.batches import flat_terms, higher_cumulants, log_weights_of
from aggdist.divergence.exact_node_kl import exact_node_kl
from aggdist.divergence.tilting import Tilt, solve_mixture_tilt, solve_tilt

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
    correction : array
        What skewness and kurtosis add, right to the order of one over the number of channels.
    damping : array
        By what the correction is divided, >= 1: an asymptotic term helps only while it is small.
    """

    rate: Array
    ratio: Array
    tilt: Array
    correction: Array
    damping: Array

    @property
    def residual(self) -> Array:
        """`(R - 1 - log R) / 2`: what two normal laws of equal means and variance ratio R are apart."""
        excess = self.ratio - 1
        return np.asarray(0.5 * excess**2 * log1p_remainder(excess))

    @property
    def two_terms(self) -> Array:
        """Rate plus residual, in nats: means, variances and the tilt are all it needs."""
        return np.where(np.isinf(self.rate), np.inf, self.rate + self.residual)

    @property
    def kl(self) -> Array:
        """The prediction: rate, residual and damped correction, in nats, never below the rate."""
        value = np.maximum(self.two_terms + self.correction / self.damping, self.rate)
        return np.where(np.isinf(self.rate), np.inf, value)

    @property
    def doubt(self) -> Array:
        """Size of the correction relative to the prediction, at least 0.

        How to read it: up to 0.03 the prediction for hundreds of channels is within 5 % of the exact value; nodes
        above (a few in a hundred, dominated by few channels) are worth an `exact_node_kl`.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.correction == 0, 0.0, np.abs(self.correction) / self.kl)


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
    values = (found.rate, found.tilt, found.variance, found.third, found.fourth)
    return Tilt(*(value.reshape(shape) for value in values))


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
    return _compare(cramer_rate(q, p.mean()), p.var(), *_higher(p))


def node_kl_within(
    p: WeightedGammaSum, q: WeightedGammaSum, tolerance: float = 0.03
) -> tuple[Array, NDArray[np.bool_]]:
    """`node_kl`, with the few nodes done by `exact_node_kl` for which its expansion is too short.

    The first term left out is of the order of the squared cumulants of fourth order. On random nodes of 256 and
    512 channels the prediction was off by less than `(k_q^2 + 2 k_p^2) / 1000` nats, k the excess kurtosis of the
    tilted q and of p. Where that exceeds `tolerance` times the prediction (with 512 channels: 3 nodes in a hundred for
    0.03) one or two channels dominate, and the integral is done.

    Parameters
    ----------
    p : WeightedGammaSum
        Laws in class.
    q : WeightedGammaSum
        Laws out of class; batches broadcast.
    tolerance : float
        Relative error wanted, positive.

    Returns
    -------
    Divergences in nats, and which of them are integrals; both of the broadcast shape.
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance: got {tolerance}, expected a positive relative error such as 0.03")
    shape = np.broadcast_shapes(p.batch_shape, q.batch_shape)
    found, variance = cramer_rate(q, p.mean()), p.var()
    third, fourth = _higher(p)
    kl = _compare(found, variance, third, fourth).kl
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = ((found.fourth / found.variance**2) ** 2 + 2 * (fourth / variance**2) ** 2) / 1000
    integrated = np.isfinite(kl) & (left_out > tolerance * kl)
    if np.any(integrated):
        first, second = (replace(law, offset=np.broadcast_to(law.offset, shape)) for law in (p, q))
        kl[integrated] = exact_node_kl(first[integrated], second[integrated])
    return kl, integrated


def shape_correction(ratio: Array, skew_p: Array, skew_q: Array, kurtosis_q: Array) -> Array:
    """The next term of KL(p || q_c) for laws of equal means, after `(R - 1 - log R)/2`.

    Parameters
    ----------
    ratio : array
        R, variance of p over that of `q_c`.
    skew_p, skew_q, kurtosis_q : arrays
        Skewness of p; skewness and excess kurtosis of `q_c`. (That of p enters only at the next order.)

    Returns
    -------
    array: `R (k - 2 g^2)/4 - g g_p R^(3/2)/6 + R^2 (3 g^2 - k)/8 - k/8 + 5 g^2/24 + g_p^2/12`, with g and k of
    `q_c`; `(g - g_p)^2/12` for R = 1. Derived in the chapter of T10 from the saddlepoint expansion.
    """
    square = skew_q**2
    peak = 5 * square / 24 - kurtosis_q / 8
    curved = ratio * (kurtosis_q - 2 * square) / 4 + ratio**2 * (3 * square - kurtosis_q) / 8
    return np.asarray(peak + curved - skew_q * skew_p * ratio**1.5 / 6 + skew_p**2 / 12)


def _higher(p: Distribution) -> tuple[Array, Array]:
    """Third and fourth cumulant."""
    return higher_cumulants(p._terms) if isinstance(p, WeightedGammaSum) else (p.cumulant(3), p.cumulant(4))


def _compare(found: Tilt, variance: Array, third: Array, fourth: Array) -> NodeKL:
    """Prediction from the tilts of q to the mean of p, and the cumulants of p."""
    alive = np.isfinite(found.rate)
    spread = np.where(alive, found.variance, 1.0)
    ratio = variance / spread
    skew, kurtosis = found.third / spread**1.5, found.fourth / spread**2
    correction = shape_correction(ratio, third / variance**1.5, skew, kurtosis)
    # 1 + O(1/channels), so that the order of the error stays the same; the two constants are rounded from random
    # nodes of 128 to 512 channels.
    damping = 1 + np.maximum(fourth / variance**2, 0) / 2 + np.maximum(kurtosis, 0) / 8
    return NodeKL(
        found.rate, np.where(alive, ratio, np.inf), found.tilt, np.where(alive, correction, 0.0), damping
    )


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
    log_pi = np.broadcast_to(log_weights, full).reshape(gap.shape)
    return solve_mixture_tilt(flat_terms(law._terms, full), gap, log_pi).reshape(shape)


def mixture_node_kl(p: Distribution, q: WeightedGammaSum, weights: ArrayLike) -> MixtureKL:
    """Predict KL(p || sum_j pi_j q_j) of output nodes whose law out of class is a mixture over labels.

    Each component is tilted to the mean m of p by its own c_j; near m its log density is then nearly
    `-I_j(m) - c_j (y - m) - (y - m)^2 / (2 v_j) - log(2 pi v_j) / 2`, v_j the variance of the tilted component.
    With p taken as normal, the expectation of the log of their sum is a Gauss-Hermite sum of 24 terms; the
    component's own correction is added to its `I_j`. One component gives `node_kl` exactly.

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
    third, fourth = _higher(p)
    components = _compare(found, variance[..., None], third[..., None], fourth[..., None])
    alive = np.isfinite(found.rate)
    spread = np.where(alive, found.variance, 1.0)
    level = np.where(alive, components.kl - components.residual, np.inf)
    peak = log_weights - level - 0.5 * np.log(2 * np.pi * spread)
    slope = np.where(alive, found.tilt, 0.0)
    nodes = _NODES.reshape(-1, *(1,) * (mean.ndim + 1))
    away = nodes * np.sqrt(variance)[..., None]
    log_q = special.logsumexp(peak - slope * away - away**2 / (2 * spread), axis=-1)
    expected = np.tensordot(_WEIGHTS, log_q, axes=1)
    lower = mixture_rate(q, weights, mean)
    kl = -0.5 - 0.5 * np.log(2 * np.pi * variance) - expected
    return MixtureKL(np.asarray(kl), lower, components)
