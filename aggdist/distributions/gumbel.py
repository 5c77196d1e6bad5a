"""Gumbel law of maxima."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, require, sample_along

_STEPS = 60


@dataclass(frozen=True, eq=False)
class Gumbel(Distribution):
    """Gumbel law of maxima with cdf `exp(-exp(-(x - location)/scale))` (theory item T7).

    Support the real line, mean `location + euler_gamma scale`, cumulants `(r-1)! zeta(r) scale^r` for r >= 2.

    Parameters
    ----------
    location : array_like
        Mode, finite.
    scale : array_like
        Positive.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    location: Array
    scale: Array

    density_route = "inversion"

    def __post_init__(self) -> None:
        self._store(location=finite("location", self.location), scale=positive("scale", self.scale))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.location.shape

    def support(self) -> tuple[Array, Array]:
        """The real line."""
        return np.full(self.batch_shape, -np.inf), np.full(self.batch_shape, np.inf)

    def _logpdf(self, x: Array) -> Array:
        z = (x - self.location) / self.scale
        return np.asarray(-z - np.exp(-z) - np.log(self.scale))

    def _cdf(self, x: Array) -> Array:
        return np.asarray(np.exp(-np.exp((self.location - x) / self.scale)))

    def _sf(self, x: Array) -> Array:
        return np.asarray(-np.expm1(-np.exp((self.location - x) / self.scale)))

    def _quantile(self, u: Array) -> Array:
        return np.asarray(self.location - self.scale * np.log(-np.log(u)))

    def _upper_quantile(self, u: Array) -> Array:
        return np.asarray(self.location - self.scale * np.log(-np.log1p(-u)))

    def _cumulant(self, r: int) -> Array:
        if r == 1:
            return np.asarray(self.location + np.euler_gamma * self.scale)
        return np.asarray(factorial(r - 1) * special.zeta(r) * self.scale**r)

    def _cf(self, t: Array) -> Complex:
        return np.asarray(np.exp(special.loggamma(1 - 1j * self.scale * t) + 1j * t * self.location))

    def _entropy(self) -> Array:
        return np.asarray(np.log(self.scale) + np.euler_gamma + 1)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        return np.asarray(self.location - self.scale * np.log(rng.standard_exponential(full)))

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike) -> Gumbel:
        """The Gumbel law with this mean and variance."""
        scale = np.sqrt(6 * positive("var", var)) / np.pi
        return cls(finite("mean", mean) - np.euler_gamma * scale, scale)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Gumbel:
        """Maximum likelihood along `axis`: `scale = mean(x) - sum(x w)/sum(w)` with `w = exp(-x/scale)`.

        Raises
        ------
        ValueError
            For fewer than two observations or equal ones.
        """
        sample = sample_along(x, axis)
        mean, spread = np.mean(sample, axis=0), np.std(sample, axis=0)
        require("x", spread, spread > 0, "observations that are not all equal")
        z = (sample - mean) / spread
        scale = np.full(mean.shape, np.sqrt(6) / np.pi)
        for _ in range(_STEPS):
            weight = np.exp(-(z - z.min(axis=0)) / scale)
            weight /= np.sum(weight, axis=0)
            first, second = np.sum(z * weight, axis=0), np.sum(z * z * weight, axis=0)
            # scale + first is increasing in scale with slope 1 + (second - first^2)/scale^2.
            step = (scale + first) / (1 + (second - first**2) / scale**2)
            scale = np.maximum(scale - step, scale / 4)
            if np.all(np.abs(step) <= 1e-14 * scale):
                break
        low = z.min(axis=0)
        location = low - scale * np.log(np.mean(np.exp(-(z - low) / scale), axis=0))
        return cls(mean + spread * location, spread * scale)
