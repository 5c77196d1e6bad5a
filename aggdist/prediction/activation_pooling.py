"""From statistics of activations to the mean, variance and silence of pooled features (theory items T2, T3, T6 to T8).

A channel given a label has N positions. Each is active with probability q, and then gamma; shape and scale follow from
the measured mean and variance. Two numbers measure how much the activations vary, squared over the squared mean:
`(1 - q)/q` for being active or not, `v` for the size of what is active.

*Independent positions.* M of the N positions are active, M binomial. Given M, average, maximum and generalised mean
are those of M independent gammas.

*Dependent positions.* All that is measured of the dependence is N_eff, that is rho (T6). Where N_eff < N images
differ, and positions are independent given the image (the mixture over images of T6 and T7). An image has an activity
of its own, beta distributed, and a gain of its own. One correlation r is taken for both: two positions of an image
have the correlation r in being active, and r in size. It follows from rho,

    (1 + r (1 - q)/q) (1 + r v) = 1 + rho kappa_2/kappa_1^2,

so that M is beta-binomial (Polya and Eggenberger), and the gain multiplies Z, whatever the aggregation (T7.14). There
always is a solution between 0 and 1; mean, variance and q of one activation stay as measured.

Where N_eff > N positions make up for each other, or differ in a fixed way, and images cannot explain it. In the limit
of infinite N_eff all images hold the same values, in other places: then the generalised mean is `(E A^p)^(1/p)` and the
maximum the mean of the largest 1/N of all activations, for every image. Means and variances are interpolated
between that limit and independent positions, linearly in 1/N_eff. This is exact for the average and to leading
order for the generalised mean (T8.8); for the maximum it is a rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aggdist.aggregation.registry import check_power
from aggdist.capture.activations import ActivationStatistics
from aggdist.distributions import ZeroInflatedGamma
from aggdist.distributions.special import gamma_quantile
from aggdist.prediction.gamma_pooling import GammaPooling

Array = NDArray[np.float64]

PREDICTED_AGGREGATIONS = ("avg", "max", "gem")
"""What can be predicted from these statistics."""

_LEAST_SPREAD = 1e-8
"""Positive activations that are all equal are described by gammas of this squared relative width."""


@dataclass(frozen=True)
class PooledMoments:
    """What is predicted of each pooled feature, arrays of shape (J, C).

    Attributes
    ----------
    mean, variance
        Of the pooled feature Z given the label.
    silent
        P(Z = 0): no position is active.
    """

    mean: Array
    variance: Array
    silent: Array


def independent_positions(
    statistics: ActivationStatistics, aggregation: str, p: float = 3.0
) -> PooledMoments:
    """Moments of pooled features whose N positions are independent and alike (T3, T7, T8).

    Parameters
    ----------
    statistics : ActivationStatistics
        Of maps of N positions; at least two images of each label.
    aggregation : str
        "avg", "max" or "gem".
    p : float
        Power of "gem", p >= 1; the others do not read it.

    Raises
    ------
    ValueError
        For another aggregation, a power below 1, or too few images.
    """
    power = _power(aggregation, p)
    a = _Activations.of(statistics)
    return _pooled(replace(a, inflation=np.ones_like(a.mean)), power)


def dependent_positions(statistics: ActivationStatistics, aggregation: str, p: float = 3.0) -> PooledMoments:
    """Moments of pooled features whose positions depend on each other as measured; see the head of this module.

    For the average the variance is `kappa_2/N_eff`, which is the variance of the images' averages itself (T6.1). For
    N_eff = N all is as with `independent_positions`.

    Parameters and errors as for `independent_positions`.
    """
    power = _power(aggregation, p)
    return _pooled(_Activations.of(statistics), power)


def _power(aggregation: str, p: float) -> float:
    """The power of the generalised mean that an aggregation is: infinite for the maximum."""
    if aggregation not in PREDICTED_AGGREGATIONS:
        raise ValueError(
            f"aggregation: got {aggregation!r}, expected one of {', '.join(PREDICTED_AGGREGATIONS)}: other pooled "
            "features are not predicted from activations; use a model that is fitted on the features"
        )
    return {"avg": 1.0, "max": np.inf}.get(aggregation) or check_power(p)


@dataclass(frozen=True)
class _Activations:
    """Activations of each label and channel, arrays of shape (J, C); nominal values where nothing is active."""

    live: NDArray[np.bool_]
    positions: int
    active: Array
    mean: Array
    variance: Array
    spread: Array
    """Variance of the positive activations over their squared mean."""
    inflation: Array
    """N/N_eff."""

    @classmethod
    def of(cls, statistics: ActivationStatistics) -> _Activations:
        variance, between = statistics.variance(), statistics.image_mean_variance()
        live = statistics.mean > 0
        active, mean = (np.where(live, v, 1.0) for v in (statistics.active(), statistics.mean))
        spread = np.maximum(active * (1 + variance / mean**2) - 1, _LEAST_SPREAD)
        n = int(statistics.positions)
        inflation = np.divide(n * between, variance, out=np.ones_like(variance), where=variance > 0)
        return cls(live, n, active, mean, variance, spread, inflation)

    def shared_correlation(self) -> Array:
        """The correlation r of two positions of an image, in being active and in size; 0 where N_eff >= N."""
        rho = np.maximum(self.inflation - 1, 0.0) / max(self.positions - 1, 1)
        flicker = (1 - self.active) / self.active
        between = rho * ((1 + flicker) * (1 + self.spread) - 1)
        total, product = flicker + self.spread, flicker * self.spread
        # The root of (1 + r flicker)(1 + r spread) = 1 + between, without cancellation.
        return np.asarray(np.minimum(2 * between / (total + np.sqrt(total**2 + 4 * product * between)), 1.0))


def _pooled(a: _Activations, power: float) -> PooledMoments:
    """Moments of the generalised mean of a power, with what `a.inflation` says of the dependence."""
    differing = _images_that_differ(a, power)
    share = np.minimum(a.inflation, 1.0)  # of independence, against images that all hold the same values
    mean = share * differing.mean + (1 - share) * _same_values(a, power)
    silent = share * differing.silent + (1 - share) * np.maximum(1 - a.positions * a.active, 0.0)
    return PooledMoments(
        np.where(a.live, mean, 0.0),
        np.where(a.live, share * differing.variance, 0.0),
        np.where(a.live, silent, 1.0),
    )


def _images_that_differ(a: _Activations, power: float) -> PooledMoments:
    """Positions independent given the image's activity and gain; independent altogether where N_eff >= N."""
    shared, m = a.shared_correlation(), np.arange(a.positions + 1)
    if power == 1.0:
        silent = [_counts(q, r, a.positions, m[:1])[0] for q, r in zip(a.active, shared, strict=True)]
        return PooledMoments(
            a.mean, a.variance * np.maximum(a.inflation, 1.0) / a.positions, np.array(silent)
        )
    within = np.maximum(a.spread * (1 - shared) / (1 + shared * a.spread), _LEAST_SPREAD)
    gammas = GammaPooling.over(1 / within, a.positions, power)
    results = []
    for j in range(len(a.mean)):  # label by label: arrays of shape (N + 1, C)
        chance = _counts(a.active[j], shared[j], a.positions, m)
        mean, variance = gammas(1 / within[j])
        first = np.sum(chance[1:] * mean, axis=0)
        same_gain = np.sum(chance[1:] * (variance + (mean - first) ** 2), axis=0) + chance[0] * first**2
        # The gain g has mean 1 and variance r v, and E Z^2 = E g^2 E Z'^2 with Z' that of gain 1.
        all_gains = same_gain + shared[j] * a.spread[j] * (same_gain + first**2)
        results.append((first, all_gains, chance[0]))
    columns = np.moveaxis(np.array(results), 1, 0)
    unit = a.mean / a.active  # mean of the positive activations
    return PooledMoments(unit * columns[0], unit**2 * columns[1], columns[2])


def _counts(active: Array, shared: Array, positions: int, m: NDArray[np.integer]) -> Array:
    """P(m positions are active), shape (M, C), for laws of shape (C,).

    Beta-binomial, in a form that includes the binomial law (shared = 0) and all or none (shared = 1):
    `binom(N, m) prod_{i<m} (q(1-r) + ir) prod_{i<N-m} ((1-q)(1-r) + ir) / prod_{i<N} (1-r + ir)`.
    """
    i = np.arange(1.0, positions)[:, None]
    with np.errstate(divide="ignore"):
        on, off, one = (
            np.concatenate([np.zeros((1, len(shared))), np.cumsum(np.log(v), axis=0)])
            for v in (p * (1 - shared) + i * shared for p in (active, 1 - active, 1.0))
        )
        # The factors i = 0 are q(1-r), (1-q)(1-r) and 1-r. They cancel at r = 1, so they are put in by hand.
        log_all, log_none = np.log(active), np.log1p(-active)
        log_some = log_all + log_none + np.log1p(-shared)
    ends = np.where(m[:, None] == 0, log_none, np.where(m[:, None] == positions, log_all, log_some))
    ways = special.gammaln(positions + 1) - special.gammaln(m + 1) - special.gammaln(positions - m + 1)
    drawn, left = on[np.maximum(m - 1, 0)], off[np.maximum(positions - m - 1, 0)]
    return np.asarray(np.exp(ways[:, None] + ends + drawn + left - one[-1]))


def _same_values(a: _Activations, power: float) -> Array:
    """The pooled feature of every image where all images hold the same values."""
    if power == 1.0:
        return a.mean
    shape = 1 / a.spread
    if np.isfinite(power):
        law = ZeroInflatedGamma(a.active, shape, a.mean / (a.active * shape))
        return np.asarray(law.moment(power) ** (1 / power))
    # N E[A; A > z] with P(A > z) = 1/N; all that is active where less than that is.
    upper = np.minimum(1 / (a.positions * a.active), 1.0)
    beyond = special.gammaincc(shape + 1, gamma_quantile(shape, 1 - upper, upper))
    return np.asarray(a.positions * a.mean * beyond)
