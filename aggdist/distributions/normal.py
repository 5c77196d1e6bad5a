"""Normal law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, sample_along
from aggdist.distributions.special import HALF_LOG_TWO_PI


@dataclass(frozen=True, eq=False)
class Normal(Distribution):
    """Normal law with density `exp(-(x - location)^2 / (2 scale^2)) / (scale sqrt(2 pi))`.

    Support the real line, mean `location`, variance `scale**2`.

    Parameters
    ----------
    location : array_like
        Mean, finite.
    scale : array_like
        Standard deviation, positive.

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
        return np.asarray(-0.5 * z * z - np.log(self.scale) - HALF_LOG_TWO_PI)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(special.ndtr((x - self.location) / self.scale))

    def _sf(self, x: Array) -> Array:
        return np.asarray(special.ndtr((self.location - x) / self.scale))

    def _quantile(self, u: Array) -> Array:
        return np.asarray(self.location + self.scale * special.ndtri(u))

    def _upper_quantile(self, u: Array) -> Array:
        return np.asarray(self.location - self.scale * special.ndtri(u))

    def _cumulant(self, r: int) -> Array:
        return self.location if r == 1 else self.scale**2 if r == 2 else np.zeros(self.batch_shape)

    def _cf(self, t: Array) -> Complex:
        return np.asarray(np.exp(1j * t * self.location - 0.5 * (t * self.scale) ** 2))

    def _entropy(self) -> Array:
        return np.asarray(HALF_LOG_TWO_PI + 0.5 + np.log(self.scale))

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        return np.asarray(self.location + self.scale * rng.standard_normal(full))

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike) -> Normal:
        """The normal law with this mean and variance."""
        return cls(finite("mean", mean), np.sqrt(positive("var", var)))

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Normal:
        """Maximum likelihood: sample mean and (divided by n) sample variance, along `axis`.

        Raises
        ------
        ValueError
            For fewer than two observations or equal ones.
        """
        sample = sample_along(x, axis)
        var = np.var(sample, axis=0)
        if np.any(var <= 0):
            raise ValueError(
                f"x: got {int(np.sum(var <= 0))} samples without spread, expected two different values"
            )
        return cls(np.mean(sample, axis=0), np.sqrt(var))
