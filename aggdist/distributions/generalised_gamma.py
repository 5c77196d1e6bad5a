"""Generalised gamma (Stacy): the law of a power of a gamma variable."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions import special
from aggdist.distributions.base import Distribution
from aggdist.distributions.checks import Array, gamma_shape, positive, require, sample_along
from aggdist.distributions.moments import cumulant_from_raw
from aggdist.distributions.roots import bracketed_root

_UNDERFLOW = 1e-290
"""A power of the argument below this has lost its digits."""


@dataclass(frozen=True, eq=False)
class GeneralisedGamma(Distribution):
    """Stacy's law: `X = scale G^(1/power)`, G ~ Gamma(d/power, 1) (theory item T8).

    Density `power x^(d-1) exp(-(x/scale)^power) / (scale^d Gamma(d/power))` on x >= 0; moments
    `scale^r Gamma((d + r)/power)/Gamma(d/power)`. The characteristic function has no closed form and is
    **numeric by default**. power = 1 is the gamma law, d = power the Weibull law.

    Parameters
    ----------
    scale, d, power : array_like
        Positive and finite. (Stacy's a, d, p.)

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    scale: Array
    d: Array
    power: Array

    def __post_init__(self) -> None:
        self._store(
            scale=positive("scale", self.scale), d=positive("d", self.d), power=positive("power", self.power)
        )
        gamma_shape("d/power", self.shape)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.scale.shape

    @property
    def shape(self) -> Array:
        """Shape d/power of the gamma law of (X/scale)^power."""
        return np.asarray(self.d / self.power)

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """The characteristic function."""
        return frozenset({"cf"})

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line."""
        return np.zeros(self.batch_shape), np.full(self.batch_shape, np.inf)

    def _logpdf(self, x: Array) -> Array:
        z = x / self.scale
        log_z = np.log(np.where(z > 0, z, 1.0))
        k = np.broadcast_to(self.shape, z.shape)
        # The gamma density at z^power times the slope power z^(power - 1); for small shapes written out, because
        # z^power underflows long before the mass below z does.
        written = (self.d - 1) * log_z - z**self.power - scipy_special.gammaln(k)
        composed = special.log_gamma_density(k, z**self.power) + (self.power - 1) * log_z
        limit = np.where(self.d < 1, np.inf, np.where(self.d == 1, -scipy_special.gammaln(k), -np.inf))
        return np.where(z > 0, np.where(k < 10, written, composed), limit) + np.log(self.power / self.scale)

    def _near_zero(self, z: Array) -> Array:
        """P(X <= scale z) where z^power underflows: the first term of the series."""
        return np.asarray(np.exp(self.d * np.log(z) - scipy_special.gammaln(self.shape + 1)))

    def _cdf(self, x: Array) -> Array:
        z = x / self.scale
        y = z**self.power
        return np.where(y < _UNDERFLOW, self._near_zero(z), scipy_special.gammainc(self.shape, y))

    def _sf(self, x: Array) -> Array:
        z = x / self.scale
        y = z**self.power
        return np.where(y < _UNDERFLOW, 1 - self._near_zero(z), scipy_special.gammaincc(self.shape, y))

    def _quantile(self, u: Array) -> Array:
        return self._point(u, 1 - u)

    def _upper_quantile(self, u: Array) -> Array:
        return self._point(1 - u, u)

    def _point(self, lower: Array, upper: Array) -> Array:
        y = special.gamma_quantile(self.shape, lower, upper)
        series = np.exp((np.log(lower) + scipy_special.gammaln(self.shape + 1)) / self.d)
        return self.scale * np.where(y < _UNDERFLOW, series, y ** (1 / self.power))

    def _moment(self, r: float) -> Array:
        return np.asarray(scipy_special.poch(self.shape, r / self.power) * self.scale**r)

    def _cumulant(self, r: int) -> Array:
        mean = self._moment(1)
        if r == 1:
            return mean
        # Central moments in units of the mean: sum_k C(r, k) (-1)^(r-k) (E X^k/(E X)^k - 1).
        excess = [np.expm1(_log_moment_ratio(self.shape, self.power, k)) for k in range(2, r + 1)]
        central = [
            np.asarray(sum(comb(j, k) * (-1.0) ** (j - k) * excess[k - 2] for k in range(2, j + 1)))
            for j in range(2, r + 1)
        ]
        return np.asarray(cumulant_from_raw([np.zeros_like(mean), *central]) * mean**r)

    def _entropy(self) -> Array:
        k, p = self.shape, self.power
        inner = special.standard_gamma_entropy(1 / k) + 0.5 * np.log(k)
        return np.asarray(inner + np.log(self.scale / p) + (1 / p - 1) * scipy_special.digamma(k))

    def _location_spread(self) -> tuple[Array, Array]:
        low, middle, high = (self._quantile(np.full(self.batch_shape, u)) for u in (0.15, 0.5, 0.85))
        return middle, (high - low) / 2

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        return np.asarray(self.scale * rng.standard_gamma(self.shape, full) ** (1 / self.power))

    @classmethod
    def from_gamma_power(cls, shape: ArrayLike, scale: ArrayLike, power: ArrayLike) -> GeneralisedGamma:
        """Law of `Y^(1/power)` for Y ~ Gamma(shape, scale): generalised-mean pooling (theory item T8)."""
        shape, scale, power = gamma_shape("shape", shape), positive("scale", scale), positive("power", power)
        return cls(scale ** (1 / power), power * shape, power)

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike, power: ArrayLike) -> GeneralisedGamma:
        """The law with this mean and variance and the given power."""
        mean, var, power = np.broadcast_arrays(
            positive("mean", mean), positive("var", var), positive("power", power)
        )
        target = np.log1p(var / mean**2)
        shape = np.exp(
            bracketed_root(
                lambda v: target - _log_moment_ratio(np.exp(v), power, 2), -30.0, 34.0, target.shape
            )
        )
        return cls(mean / scipy_special.poch(shape, 1 / power), shape * power, power)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> GeneralisedGamma:
        """Maximum likelihood along `axis`, by the profile of the power.

        Given the power p, `x^p` has a gamma likelihood; the profile equation in p is solved for all samples
        at once (Stacy and Mihram 1965; Noufaily and Jones 2013).

        Raises
        ------
        ValueError
            For observations that are not positive, or a sample whose logarithms are not skewed to the left:
            there the likelihood increases towards the lognormal limit p -> 0 and has no maximum.
        """
        sample = sample_along(x, axis, least=3)
        if np.any(sample <= 0):
            raise ValueError(f"x: got {sample.min()}, expected positive observations")
        logs = np.log(sample)
        mean, spread = np.mean(logs, axis=0), np.std(logs, axis=0)
        require("x", spread, spread > 0, "observations that are not all equal")
        z = (logs - mean) / spread
        left = np.mean(z**3, axis=0) < 0
        require(
            "x",
            np.mean(z**3, axis=0),
            left,
            "a sample whose logarithms are skewed to the left; fit a lognormal law",
        )
        p = np.exp(_profile_root(z))
        growth, slope = _tilted(z, p)
        shape = 1 / (p * slope)
        power = p / spread
        return cls(np.exp(mean + (growth - np.log(shape)) / power), shape * power, power)


def _log_moment_ratio(shape: Array, power: Array, r: int) -> Array:
    """log(E X^r / (E X)^r), with relative accuracy for large shapes too."""
    shape, step = np.broadcast_arrays(shape, 1 / power)
    return special.piecewise(
        shape < 10, lambda k, e: _ratio_direct(k, e, r), lambda k, e: _ratio_by_stirling(k, e, r), shape, step
    )


def _ratio_direct(shape: Array, step: Array, r: int) -> Array:
    g = scipy_special.gammaln
    return np.asarray(g(shape + r * step) + (r - 1) * g(shape) - r * g(shape + step))


def _ratio_by_stirling(shape: Array, step: Array, r: int) -> Array:
    """Stirling's formula about the middle argument; the terms of first order are cancelled by hand."""
    middle, top = shape + step, shape + r * step
    up, down = (r - 1) * step / middle, -step / middle
    rest = [special.stirling_remainder(1 / a) for a in (top, shape, middle)]
    bent = (top - 0.5) * up**2 * special.log1p_remainder(up)
    bent = bent + (r - 1) * (shape - 0.5) * down**2 * special.log1p_remainder(down)
    return np.asarray(r * (r - 1) * step**2 / middle - bent + rest[0] + (r - 1) * rest[1] - r * rest[2])


def _tilted(z: Array, p: Array) -> tuple[Array, Array]:
    """log mean exp(p z) and its derivative in p, over the first axis."""
    top = np.max(z, axis=0)
    weight = np.exp(p * (z - top))
    total = np.sum(weight, axis=0)
    return np.log(total / len(z)) + p * top, np.sum(z * weight, axis=0) / total


def _profile_root(z: Array) -> Array:
    """log p at the first upward crossing of the profile equation, for standardised logarithms z."""

    def equation(v: Array) -> Array:
        p = np.exp(v)
        growth, slope = _tilted(z, p)
        # log k - digamma(k) for k = 1/(p slope), in a form that survives k -> infinity.
        inverse = p * slope
        return inverse / 2 + special.digamma_remainder(inverse) - growth

    low = np.full(z.shape[1:], np.log(1e-3))
    high = low + np.log(2)
    for _ in range(18):
        below = equation(high) < 0
        if not np.any(below):
            break
        low, high = np.where(below, high, low), np.where(below, high + np.log(2), high)
    else:
        raise ValueError(
            f"x: got {int(np.sum(below))} samples for which the profile likelihood of the power has no "
            "maximum, expected one; fit a gamma law instead"
        )
    return bracketed_root(equation, low, high, low.shape)
