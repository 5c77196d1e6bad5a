"""Exponential law."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, positive, sample_along


@dataclass(frozen=True, eq=False)
class Exponential(Distribution):
    """Exponential law with density `exp(-x / scale) / scale` on x >= 0.

    Mean `scale`, variance `scale**2`. It has the largest entropy of all laws on the half line with its mean.

    Parameters
    ----------
    scale : array_like
        Mean, positive.

    Raises
    ------
    ValueError
        For a scale outside its domain.
    """

    scale: Array

    def __post_init__(self) -> None:
        self._store(scale=positive("scale", self.scale))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.scale.shape

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line."""
        return np.zeros(self.batch_shape), np.full(self.batch_shape, np.inf)

    def _logpdf(self, x: Array) -> Array:
        return np.asarray(-x / self.scale - np.log(self.scale))

    def _cdf(self, x: Array) -> Array:
        return np.asarray(-np.expm1(-x / self.scale))

    def _sf(self, x: Array) -> Array:
        return np.asarray(np.exp(-x / self.scale))

    def _quantile(self, u: Array) -> Array:
        return np.asarray(-self.scale * np.log1p(-u))

    def _upper_quantile(self, u: Array) -> Array:
        return np.asarray(-self.scale * np.log(u))

    def _moment(self, r: float) -> Array:
        return np.asarray(special.gamma(1 + r) * self.scale**r)

    def _cumulant(self, r: int) -> Array:
        return np.asarray(factorial(r - 1) * self.scale**r)

    def _cf(self, t: Array) -> Complex:
        return np.asarray(1 / (1 - 1j * self.scale * t))

    def _entropy(self) -> Array:
        return np.asarray(1 + np.log(self.scale))

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        return np.asarray(self.scale * rng.standard_exponential(full))

    @classmethod
    def fit_moments(cls, mean: ArrayLike) -> Exponential:
        """The exponential law with this mean."""
        return cls(positive("mean", mean))

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Exponential:
        """Maximum likelihood: the sample mean along `axis`.

        Raises
        ------
        ValueError
            For negative observations or a sample of zeros.
        """
        sample = sample_along(x, axis, least=1)
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0")
        mean = np.mean(sample, axis=0)
        if np.any(mean <= 0):
            raise ValueError(
                "x: got a sample of zeros only, expected a positive value; ZeroInflatedGamma allows it"
            )
        return cls(mean)
