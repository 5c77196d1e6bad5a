"""Shifted gamma (Pearson III), by mean, standard deviation and skewness of either sign."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions import special
from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, require
from aggdist.distributions.temme import LARGE_SHAPE, standard_tails

_MOST_SKEW = 1e3
_POLE_SHAPE = 10.0


@dataclass(frozen=True, eq=False)
class ShiftedGamma(Distribution):
    """Law of `location + scale Z` for Z the standardised gamma law of skewness `skew` (Pearson's type III).

    With shape `a = 4/skew^2`: Z = sign(skew) (G - a)/sqrt(a), G ~ Gamma(a, 1); reflected for skew < 0; the
    normal law at skew = 0, which is approached continuously: everything is computed in forms that keep their
    digits for any small skew. End point `location - 2 scale/skew`. Cumulants `(r-1)! scale^r (skew/2)^(r-2)`
    for r >= 2.

    Parameters
    ----------
    location : array_like
        Mean, finite.
    scale : array_like
        Standard deviation, positive.
    skew : array_like
        Skewness (third cumulant over scale^3), of modulus at most 1000.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    location: Array
    scale: Array
    skew: Array

    def __post_init__(self) -> None:
        skew = finite("skew", self.skew)
        require("skew", skew, np.abs(skew) <= _MOST_SKEW, "a skewness between -1000 and 1000")
        self._store(
            location=finite("location", self.location), scale=positive("scale", self.scale), skew=skew
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.location.shape

    @property
    def shape(self) -> Array:
        """Gamma shape 4/skew^2; infinite for the normal law."""
        with np.errstate(divide="ignore"):
            return np.asarray(4 / self.skew**2)

    def support(self) -> tuple[Array, Array]:
        """The half line beyond the end point; the real line for skew 0."""
        # Below 1e-150 the end point is more than 1e150 standard deviations away.
        bent = np.abs(self.skew) > 1e-150
        end = self.location - 2 * self.scale / np.where(bent, self.skew, 1.0)
        return (
            np.where(bent & (self.skew > 0), end, -np.inf),
            np.where(bent & (self.skew < 0), end, np.inf),
        )

    def _standard(self, x: Array) -> Array:
        """Reflected so that the tail is on the right: sign(skew) (x - location)/scale."""
        return np.where(self.skew < 0, -1.0, 1.0) * (x - self.location) / self.scale

    def _log_standard_density(self, z: Array, u: Array) -> Array:
        """Log density of the right-skewed standard law; `u = z/sqrt(a)` may carry more digits than z."""
        inverse = self.skew**2 / 4
        bounded = np.where(u > -1, u, 0.0)
        bulk = np.square(z) * special.log1p_remainder(bounded) + np.log1p(bounded)
        peaked = -special.HALF_LOG_TWO_PI - special.stirling_remainder(inverse) - bulk
        return np.where(u > -1, peaked, self._log_end_density())

    def _log_end_density(self) -> Array:
        """At the end point itself: infinite, the exponential's or none for shape below, at and above 1."""
        return np.where(self.shape < 1, np.inf, np.where(self.shape == 1, 0.0, -np.inf))

    def _logpdf(self, x: Array) -> Array:
        z = self._standard(x)
        return self._log_standard_density(z, z * np.abs(self.skew) / 2) - np.log(self.scale)

    def _pdf_from_end(self, upper: bool, distance: Array) -> Array:
        """Density at a distance from the end point; from the gamma law itself where there can be a pole."""
        a = np.minimum(self.shape, _POLE_SHAPE)
        unit = self.scale / np.sqrt(a)
        near = np.exp(special.log_gamma_density(a, distance / unit) - np.log(unit))
        return np.where(self.shape < _POLE_SHAPE, near, super()._pdf_from_end(upper, distance))

    def _gamma_point(self, z: Array) -> tuple[Array, Array]:
        """Shape and point of the gamma law, where its shape is moderate."""
        a = np.minimum(self.shape, LARGE_SHAPE)
        return a, np.maximum(a + z * np.sqrt(a), 0.0)

    def _tails(self, x: Array) -> tuple[Array, Array]:
        """P(Z <= z) and P(Z > z) for the right-skewed standard law."""
        z = self._standard(x)
        a, y = self._gamma_point(z)
        large = self.shape > LARGE_SHAPE
        root = np.where(large, np.abs(self.skew) / 2, 0.0)
        lower, upper = standard_tails(
            np.where(large, np.maximum(z, -0.999 / np.where(root > 0, root, 1e-300)), 0.0), root
        )
        return (
            np.where(large, lower, scipy_special.gammainc(a, y)),
            np.where(large, upper, scipy_special.gammaincc(a, y)),
        )

    def _cdf(self, x: Array) -> Array:
        lower, upper = self._tails(x)
        return np.where(self.skew < 0, upper, lower)

    def _sf(self, x: Array) -> Array:
        lower, upper = self._tails(x)
        return np.where(self.skew < 0, lower, upper)

    def _quantile(self, u: Array) -> Array:
        return self._point(u, 1 - u)

    def _upper_quantile(self, u: Array) -> Array:
        return self._point(1 - u, u)

    def _point(self, lower: Array, upper: Array) -> Array:
        left = np.where(self.skew < 0, upper, lower)
        right = np.where(self.skew < 0, lower, upper)
        large = self.shape > LARGE_SHAPE
        a = np.minimum(self.shape, LARGE_SHAPE)
        moderate = (special.gamma_quantile(a, left, right) - a) / np.sqrt(a)
        z = np.where(large, self._near_normal_quantile(left, right, large), moderate)
        return self.location + np.where(self.skew < 0, -1.0, 1.0) * self.scale * z

    def _near_normal_quantile(
        self, left: Array, right: Array, large: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    ) -> Array:
        """Newton's steps from the Cornish-Fisher quantile; the skewness is at most 0.02 here."""
        root = np.where(large, np.abs(self.skew) / 2, 0.0)
        low_half = left <= right
        w = np.where(low_half, scipy_special.ndtri(left), -scipy_special.ndtri(right))
        z = w + root * (w * w - 1) / 3
        for _ in range(4):
            below, above = standard_tails(z, root)
            density = np.exp(
                -np.square(z) * special.log1p_remainder(z * root)
                - np.log1p(z * root)
                - special.HALF_LOG_TWO_PI
            )
            tail, gap = (
                np.where(low_half, below, above),
                np.where(low_half, np.log(below / left), np.log(right / above)),
            )
            z = z - gap * tail / density
        return np.asarray(z)

    def _cumulant(self, r: int) -> Array:
        if r == 1:
            return self.location
        return np.asarray(factorial(r - 1) * self.scale**r * (self.skew / 2) ** (r - 2))

    def _cf(self, t: Array) -> Complex:
        w = -0.5j * self.scale * t * self.skew
        exponent = 1j * t * self.location - np.square(self.scale * t) * special.log1p_remainder(w)
        return np.asarray(np.exp(exponent))

    def _entropy(self) -> Array:
        return special.standard_gamma_entropy(self.skew**2 / 4) + np.log(self.scale)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        # Above this shape the normal law differs by less than the spacing of doubles near the gamma's mean.
        near = self.shape > 1e12
        a = np.where(near, 1.0, self.shape)
        gammas = (rng.standard_gamma(a, full) - a) / np.sqrt(a)
        z = np.where(near, self._bent_normal(rng.standard_normal(full)), gammas)
        return np.asarray(self.location + np.where(self.skew < 0, -1.0, 1.0) * self.scale * z)

    def _bent_normal(self, w: Array) -> Array:
        """Cornish-Fisher's map of a normal draw, exact to skew^2."""
        return w + np.abs(self.skew) * (w * w - 1) / 6

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike, third_cumulant: ArrayLike) -> ShiftedGamma:
        """The law with this mean, variance and third cumulant; it always exists (theory item T4)."""
        mean, var, third = (
            finite("mean", mean),
            positive("var", var),
            finite("third_cumulant", third_cumulant),
        )
        return cls(mean, np.sqrt(var), third / var**1.5)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> ShiftedGamma:
        """Not offered: there is no maximum.

        Raises
        ------
        NotImplementedError
            Always: the likelihood grows without bound as the end point approaches the outermost observation
            with a shape below 1.
        """
        raise NotImplementedError(
            "ShiftedGamma.fit_mle does not exist: the likelihood is unbounded as the end point approaches "
            "the outermost observation with a shape below 1; use fit_moments"
        )
