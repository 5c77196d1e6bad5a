"""Gamma law, and its maximum-likelihood fit from sufficient statistics."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions import special
from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import (
    Array,
    finite,
    gamma_shape,
    positive,
    real_array,
    require,
    sample_along,
)

_BLOCK = 1 << 16
_NO_SPREAD = 4e-15
"""A log-mean gap below this is rounding: the sample has no spread that doubles can see."""


@dataclass(frozen=True, eq=False)
class Gamma(Distribution):
    """Gamma law with density `x^(shape-1) exp(-x/scale) / (Gamma(shape) scale^shape)` on x >= 0.

    Mean `shape * scale`, variance `shape * scale**2`, cumulants `(r-1)! shape scale^r` (theory items T2, T3).
    At the end point 0 the density is infinite for shape < 1, `1/scale` for shape 1 and 0 above.

    Parameters
    ----------
    shape, scale : array_like
        Positive and finite; shape below 1e15.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    shape: Array
    scale: Array

    def __post_init__(self) -> None:
        self._store(shape=gamma_shape("shape", self.shape), scale=positive("scale", self.scale))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.shape.shape

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line."""
        return np.zeros(self.batch_shape), np.full(self.batch_shape, np.inf)

    def _logpdf(self, x: Array) -> Array:
        return special.log_gamma_density(self.shape, x / self.scale) - np.log(self.scale)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(scipy_special.gammainc(self.shape, x / self.scale))

    def _sf(self, x: Array) -> Array:
        return np.asarray(scipy_special.gammaincc(self.shape, x / self.scale))

    def _quantile(self, u: Array) -> Array:
        return special.gamma_quantile(self.shape, u, 1 - u) * self.scale

    def _upper_quantile(self, u: Array) -> Array:
        return special.gamma_quantile(self.shape, 1 - u, u) * self.scale

    def _moment(self, r: float) -> Array:
        return np.asarray(special.rising(self.shape, r) * self.scale**r)

    def _cumulant(self, r: int) -> Array:
        return np.asarray(factorial(r - 1) * self.shape * self.scale**r)

    def _cf(self, t: Array) -> Complex:
        b = self.scale * t
        return np.asarray(np.exp(self.shape * (-0.5 * np.log1p(b * b) + 1j * np.arctan(b))))

    def _entropy(self) -> Array:
        return special.standard_gamma_entropy(1 / self.shape) + 0.5 * np.log(self.shape) + np.log(self.scale)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        return np.asarray(rng.standard_gamma(self.shape, full) * self.scale)

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike) -> Gamma:
        """The gamma law with this mean and variance: shape `mean^2/var`, scale `var/mean`."""
        mean, var = positive("mean", mean), positive("var", var)
        return cls(mean**2 / var, var / mean)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> Gamma:
        """Maximum likelihood along `axis`, for all other axes at once.

        Raises
        ------
        ValueError
            For observations that are not positive (use ZeroInflatedGamma for exact zeros), or no spread.
        """
        sample = sample_along(x, axis)
        with np.errstate(divide="ignore", invalid="ignore"):
            total_log = sum_of_logs(sample)
        if not np.all(np.isfinite(total_log)):
            raise ValueError(
                f"x: got {int(np.sum(sample <= 0))} observations <= 0, expected positive ones; "
                "fit ZeroInflatedGamma where exact zeros occur"
            )
        return cls.from_log_mean(np.mean(sample, axis=0), total_log / len(sample))

    @classmethod
    def fit_sufficient(cls, n: ArrayLike, total: ArrayLike, total_log: ArrayLike) -> Gamma:
        """Maximum likelihood from the number of observations, their sum and the sum of their logarithms."""
        n = positive("n", n)
        return cls.from_log_mean(positive("total", total) / n, finite("total_log", total_log) / n)

    @classmethod
    def from_log_mean(cls, mean: ArrayLike, log_mean: ArrayLike) -> Gamma:
        """Maximum likelihood from the mean and the mean logarithm, the sufficient statistics.

        The shape solves `log(shape) - digamma(shape) = log(mean) - log_mean`; scale = mean / shape.

        Raises
        ------
        ValueError
            If `log_mean` is not below `log(mean)` (Jensen), as for a sample of equal values.
        """
        mean, log_mean = positive("mean", mean), real_array("log_mean", log_mean)
        require(
            "log_mean",
            log_mean,
            np.isfinite(log_mean),
            "a finite mean logarithm; observations must be positive",
        )
        gap = np.log(mean) - log_mean
        if np.any(gap <= no_spread(mean)):
            raise ValueError(
                f"log_mean: got {int(np.sum(gap <= no_spread(mean)))} samples whose mean logarithm is not "
                "below the logarithm of their mean, expected spread; equal observations have no gamma fit"
            )
        shape = shape_from_log_gap(gap)
        return cls(shape, mean / shape)


def sum_of_logs(sample: Array) -> Array:
    """Sum of logarithms over the first axis, in blocks that stay in the processor's cache."""
    if not sample.flags.c_contiguous:
        return np.asarray(np.sum(np.log(sample), axis=0))
    total = np.zeros(sample.shape[1:])
    rows = max(1, _BLOCK // max(1, total.size))
    for start in range(0, len(sample), rows):
        total += np.sum(np.log(sample[start : start + rows]), axis=0)
    return total


def no_spread(mean: Array) -> Array:
    """Largest gap `log(mean) - log_mean` that rounding alone produces."""
    return np.asarray(_NO_SPREAD * np.maximum(1.0, np.abs(np.log(mean))))


def shape_from_log_gap(gap: Array) -> Array:
    """Solve `log(a) - digamma(a) = gap > 0` for a, to rounding.

    Newton's iteration in 1/a (Minka 2002, "Estimating a gamma distribution"), started from his closed
    approximation, which is within 1.5 %; four steps square that error four times.
    """
    inverse = 12 * gap / (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap))
    for _ in range(5):
        a = 1 / inverse
        value = inverse / 2 + special.digamma_remainder(inverse) - gap
        # For large a the two terms of the slope nearly cancel; its expansion is then exact to rounding.
        slope = np.where(
            a > 1e4,
            -(inverse**2) / 2 - inverse**3 / 6,
            inverse - scipy_special.polygamma(1, np.minimum(a, 1e4)),
        )
        inverse = np.maximum(inverse + value / (a * a * slope), inverse / 8)
    return np.asarray(1 / inverse)
