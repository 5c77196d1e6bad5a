"""Generalised extreme value law: the limit family of maxima."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special as scipy_special

from aggdist.distributions import extreme_value_fit as fitting
from aggdist.distributions import moments
from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, require
from aggdist.distributions.extreme_value_fit import box_cox_log, box_cox_power

_SMALL = 0.05
_SERIES = 26


@dataclass(frozen=True, eq=False)
class GeneralisedExtremeValue(Distribution):
    """Law with cdf `exp(-(1 + shape z)^(-1/shape))`, z = (x - location)/scale (theory item T7).

    Sign convention: shape > 0 is the heavy (Frechet) tail, shape < 0 has the upper end point
    `location - scale/shape`, shape = 0 is Gumbel. This is the convention of Coles (2001) and of hydrology's
    xi; `scipy.stats.genextreme` uses c = -shape.

    Moments of order r are finite for `shape r < 1` and infinite beyond. The characteristic function has no
    closed form and is **numeric by default** (quadrature along a rotated ray, valid for every shape).

    Parameters
    ----------
    location : array_like
        Finite.
    scale : array_like
        Positive.
    shape : array_like
        Finite, of modulus at most 10.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    location: Array
    scale: Array
    shape: Array

    def __post_init__(self) -> None:
        shape = finite("shape", self.shape)
        require("shape", shape, np.abs(shape) <= 10, "a number between -10 and 10")
        self._store(
            location=finite("location", self.location), scale=positive("scale", self.scale), shape=shape
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.location.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """The characteristic function."""
        return frozenset({"cf"})

    def support(self) -> tuple[Array, Array]:
        """Bounded below for shape > 0, above for shape < 0."""
        bent = np.abs(self.shape) > 1e-150
        end = self.location - self.scale / np.where(bent, self.shape, 1.0)
        return np.where(bent & (self.shape > 0), end, -np.inf), np.where(bent & (self.shape < 0), end, np.inf)

    def _log_rate(self, x: Array) -> Array:
        """`log(1 + shape z)/shape`, minus the logarithm of -log cdf."""
        z = (x - self.location) / self.scale
        return box_cox_log(z, self.shape)

    def _density_at(self, y: Array) -> Array:
        """Log density from `y = -log(-log cdf)`."""
        value = -(1 + self.shape) * y - np.exp(-y) - np.log(self.scale)
        return np.where(np.isinf(y), self._end_density(y), value)

    def _end_density(self, y: Array) -> Array:
        """At an end point: none below; above none for shape > -1, and a pole for shape < -1."""
        above = np.where(self.shape < -1, np.inf, np.where(self.shape == -1, -np.log(self.scale), -np.inf))
        return np.where((y > 0) & (self.shape < 0), above, -np.inf)

    def _logpdf(self, x: Array) -> Array:
        return self._density_at(self._log_rate(x))

    def _pdf_from_end(self, upper: bool, distance: Array) -> Array:
        shape = np.where(self.shape == 0, 1.0, self.shape)
        return np.exp(self._density_at(np.log(np.abs(shape) * distance / self.scale) / shape))

    def _cdf(self, x: Array) -> Array:
        return np.asarray(np.exp(-np.exp(-self._log_rate(x))))

    def _sf(self, x: Array) -> Array:
        return np.asarray(-np.expm1(-np.exp(-self._log_rate(x))))

    def _quantile(self, u: Array) -> Array:
        return np.asarray(self.location + self.scale * box_cox_power(-np.log(-np.log(u)), self.shape))

    def _upper_quantile(self, u: Array) -> Array:
        return np.asarray(self.location + self.scale * box_cox_power(-np.log(-np.log1p(-u)), self.shape))

    def _moment_exists(self, r: float) -> NDArray[np.bool_]:
        return np.asarray(self.shape * r < 1)

    def _standard_moment(self, r: int) -> Array:
        """E z^r, the r-th difference of Gamma(1 - k shape) over shape^r; a series where that cancels."""
        shape = np.where(self._moment_exists(r), self.shape, 0.0)
        small = np.abs(shape) * r < _SMALL * 4
        away = np.where(small, 1.0 / (2 * r), shape)
        terms = [(-1.0) ** (r - k) * comb(r, k) * scipy_special.gamma(1 - k * away) for k in range(r + 1)]
        direct = sum(terms[1:], start=terms[0]) / away**r
        near = np.where(small, shape, 0.0)
        taylor = _gumbel_series(r)
        series = np.polynomial.polynomial.polyval(near, taylor)
        return np.where(small, series, direct)

    def _moment(self, r: float) -> Array:
        if r != int(r):
            raise NotImplementedError(
                f"r: got {r}, fractional moments have no closed form; pass method='numeric'"
            )
        order = int(r)
        value = np.zeros(self.batch_shape)
        for k in range(order + 1):
            standard = self._standard_moment(k) if k else np.ones(self.batch_shape)
            value = value + comb(order, k) * self.location ** (order - k) * self.scale**k * standard
        return np.where(self._moment_exists(order), value, np.inf)

    def _cumulant(self, r: int) -> Array:
        standard = moments.cumulant_from_raw([self._standard_moment(k) for k in range(1, r + 1)])
        value = self.scale**r * standard + (self.location if r == 1 else 0.0)
        return np.where(self._moment_exists(r), value, np.inf)

    def _numeric_cf(self, t: Array) -> Complex:
        """`E exp(i t X)` with `X = location + scale (W^-shape - 1)/shape`, W standard exponential.

        The ray of integration over W is turned towards where `exp(i t X)` decays; the trapezium rule in
        log|W|.
        """
        s = (t * self.scale)[..., None]
        shape = self.shape[..., None]
        angle = -np.where(s < 0, -1.0, 1.0) * np.pi / 4 / np.maximum(1.0, np.abs(shape))
        step = 0.03 / np.maximum(1.0, np.max(np.abs(self.shape), initial=0.0))
        log_w = np.arange(-42.0, 5.0, step) + 1j * angle
        exponent = 1j * s * box_cox_power(-log_w, shape) + log_w - np.exp(log_w)
        standard = step * np.sum(np.exp(exponent), axis=-1)
        return np.asarray(np.exp(1j * t * self.location) * standard)

    def _entropy(self) -> Array:
        return np.asarray(np.log(self.scale) + np.euler_gamma * (1 + self.shape) + 1)

    def _location_spread(self) -> tuple[Array, Array]:
        low, middle, high = (self._quantile(np.full(self.batch_shape, u)) for u in (0.15, 0.5, 0.85))
        return middle, (high - low) / 2

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        y = -np.log(rng.standard_exponential(full))
        return np.asarray(self.location + self.scale * box_cox_power(y, self.shape))

    @classmethod
    def fit_moments(cls, b0: ArrayLike, b1: ArrayLike, b2: ArrayLike) -> GeneralisedExtremeValue:
        """The law with the probability-weighted moments `b_r = E X F(X)^r` (Hosking, Wallis and Wood 1985).

        They exist for shape < 1, where ordinary moments may not. `probability_weighted_moments` estimates
        them.

        Raises
        ------
        ValueError
            For values that are not those of a law with shape < 1.
        """
        return cls(*fitting.from_weighted_moments(finite("b0", b0), finite("b1", b1), finite("b2", b2)))

    @classmethod
    def fit_weighted_moments(cls, x: ArrayLike, axis: int = 0) -> GeneralisedExtremeValue:
        """Fit by the sample's probability-weighted moments along `axis`."""
        return cls.fit_moments(*fitting.probability_weighted_moments(x, axis))

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> GeneralisedExtremeValue:
        """Local maximum of the likelihood along `axis` with shape > -1, from the weighted-moments fit.

        For shape < -1 the likelihood is unbounded, so the maximum-likelihood estimator is this local maximum.

        Raises
        ------
        ValueError
            Where the iteration meets no such maximum; `fit_weighted_moments` has a fit there.
        """
        return cls(*fitting.maximum_likelihood(x, axis))


def _gumbel_series(r: int) -> Array:
    """Taylor coefficients in the shape of `E ((W^-shape - 1)/shape)^r`, W standard exponential.

    Gamma(1 - s) = sum_j c_j s^j; the r-th difference of s^j at 0 is r! S(j, r) (Stirling numbers).
    """
    log_gamma = [0.0, np.euler_gamma] + [float(scipy_special.zeta(k)) / k for k in range(2, _SERIES + r)]
    c = [1.0]
    for n in range(1, len(log_gamma)):
        c.append(sum(k * log_gamma[k] * c[n - k] for k in range(1, n + 1)) / n)
    differences = [
        float(sum((-1) ** (r - k) * comb(r, k) * k**j for k in range(r + 1)))
        for j in range(r, len(log_gamma))
    ]
    return np.array([c[r + i] * d for i, d in enumerate(differences)])
