"""Rectified normal: the law of a ReLU applied to a normal pre-activation (theory item T1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions.base import Atom, Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, probability, require, sample_along
from aggdist.distributions.special import HALF_LOG_TWO_PI
from aggdist.distributions.truncated_moments import fit_ratio, partial_moments, standard_cumulants

_REFLECT = 25.0


@dataclass(frozen=True, eq=False)
class RectifiedNormal(Distribution):
    """Law of `max(U, 0)` for U normal with mean `location` and standard deviation `scale` (theory item T1).

    With d = location/scale: atom `Phi(-d)` at 0 and the normal density on x > 0. Moments
    `E X^r = scale^r M_r`, `M_0 = Phi(d)`, `M_1 = d Phi(d) + phi(d)`, `M_r = d M_{r-1} + (r-1) M_{r-2}`,
    evaluated in forms that keep their relative accuracy for every d.

    Parameters
    ----------
    location : array_like
        Mean of the pre-activation, finite.
    scale : array_like
        Standard deviation of the pre-activation, positive.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    location: Array
    scale: Array

    def __post_init__(self) -> None:
        self._store(location=finite("location", self.location), scale=positive("scale", self.scale))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.location.shape

    @property
    def ratio(self) -> Array:
        """d = location / scale."""
        return np.asarray(self.location / self.scale)

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line."""
        return np.zeros(self.batch_shape), np.full(self.batch_shape, np.inf)

    def atoms(self) -> tuple[Atom, ...]:
        """The atom at 0 of mass Phi(-d)."""
        return (Atom(np.zeros(self.batch_shape), np.asarray(scipy_special.ndtr(-self.ratio))),)

    def _logpdf(self, x: Array) -> Array:
        z = (x - self.location) / self.scale
        return np.asarray(-0.5 * z * z - np.log(self.scale) - HALF_LOG_TWO_PI)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(scipy_special.ndtr((x - self.location) / self.scale))

    def _below(self, x: Array) -> Array:
        d = self.ratio
        z = x / self.scale - d
        inside = np.where(
            d > 0,
            scipy_special.ndtr(z) - scipy_special.ndtr(-d),
            scipy_special.ndtr(d) - scipy_special.ndtr(-z),
        )
        return np.maximum(inside, 0.0)

    def _sf(self, x: Array) -> Array:
        return np.asarray(scipy_special.ndtr((self.location - x) / self.scale))

    def _quantile(self, u: Array) -> Array:
        return np.asarray(np.maximum(self.location + self.scale * scipy_special.ndtri(u), 0.0))

    def _upper_quantile(self, u: Array) -> Array:
        return np.asarray(np.maximum(self.location - self.scale * scipy_special.ndtri(u), 0.0))

    def _moment(self, r: float) -> Array:
        return partial_moments(self.ratio, r)[-1] * self.scale**r

    def _cumulant(self, r: int) -> Array:
        return standard_cumulants(self.ratio, r)[-1] * self.scale**r

    def _cf(self, t: Array) -> Complex:
        d, s = self.ratio, self.scale * t
        z = -(d + 1j * s) / np.sqrt(2)
        # erfcx(z) grows like exp(z^2) for Re z < 0; there erfc(z) = 2 - erfc(-z) keeps every factor bounded.
        reflect = z.real < 0
        half = 0.5 * np.exp(-0.5 * d * d) * scipy_special.wofz(1j * np.where(reflect, -z, z))
        normal = np.exp(1j * d * s - 0.5 * s * s)
        return np.asarray(scipy_special.ndtr(-d) + np.where(reflect, normal - half, half))

    def _entropy(self) -> Array:
        d = self.ratio
        active, density = scipy_special.ndtr(d), np.exp(-0.5 * d * d - HALF_LOG_TWO_PI)
        square = active - d * density  # E[V^2; V > -d] for a standard normal V
        continuous = active * (np.log(self.scale) + HALF_LOG_TWO_PI) + 0.5 * square
        return np.asarray(scipy_special.entr(scipy_special.ndtr(-d)) + continuous)

    def _location_spread(self) -> tuple[Array, Array]:
        """Of the positive part; for d << 0 that is nearly exponential with scale |1/d|."""
        d = self.ratio
        zeroth, first, second = partial_moments(d, 2)
        far = d < -_REFLECT
        with np.errstate(divide="ignore", invalid="ignore"):
            centre, square = first / zeroth, second / zeroth
        centre = np.where(far, -1 / np.where(far, d, -1.0), np.where(far, 1.0, centre))
        spread = np.where(far, centre, np.sqrt(np.maximum(np.where(far, 1.0, square) - centre**2, 1e-6)))
        return np.asarray(centre * self.scale), np.asarray(spread * self.scale)

    def _resolution(self, x: Array) -> Array:
        return np.minimum(super()._resolution(x), self.scale)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        draws = self.location + self.scale * rng.standard_normal(full)
        return np.maximum(draws, 0.0)

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike) -> RectifiedNormal:
        """The rectified normal with this mean and variance **after** rectification; it always exists."""
        mean, var = positive("mean", mean), positive("var", var)
        d = fit_ratio(var / mean**2)
        scale = mean / partial_moments(d, 1)[-1]
        return cls(d * scale, scale)

    @classmethod
    def fit_active(cls, active: ArrayLike, mean: ArrayLike) -> RectifiedNormal:
        """The rectified normal with this P(X > 0) and mean after rectification: d is a normal quantile.

        Raises
        ------
        ValueError
            For an `active` of 0 or 1, which no rectified normal has, or a mean that is not positive.
        """
        q, mean = probability("active", active), positive("mean", mean)
        require("active", q, (q > 0) & (q < 1), "a probability between 0 and 1, neither of them reached")
        d = scipy_special.ndtri(q)
        scale = mean / partial_moments(d, 1)[-1]
        return cls(d * scale, scale)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> RectifiedNormal:
        """Maximum likelihood along `axis`: the type-I Tobit model without regressors.

        Raises
        ------
        ValueError
            For negative observations, a sample without positive values (the likelihood grows as location goes
            to minus infinity), or one of equal positive values.
        """
        sample = sample_along(x, axis)
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0; rectify them first")
        alive = np.sum(sample > 0, axis=0)
        if np.any(alive == 0):
            raise ValueError(
                f"x: got {int(np.sum(alive == 0))} samples without a positive value, expected at least one; "
                "ZeroInflatedGamma has a fit for them"
            )
        flat = np.max(sample, axis=0) == np.min(sample, axis=0)
        require("x", np.max(sample, axis=0), ~flat, "observations that are not all equal")
        return _tobit(len(sample) - alive, alive, np.sum(sample, axis=0), np.sum(sample**2, axis=0))

    @classmethod
    def fit_sufficient(
        cls, n: ArrayLike, n_positive: ArrayLike, total: ArrayLike, total_squares: ArrayLike
    ) -> RectifiedNormal:
        """Maximum likelihood from sufficient statistics; the rules of `fit_mle` apply.

        Parameters
        ----------
        n, n_positive : array_like
            Number of observations and of those above 0.
        total, total_squares : array_like
            Sum of the observations and of their squares.

        Raises
        ------
        ValueError
            For counts or sums that no sample has, or where the maximum does not exist.
        """
        n, m = positive("n", n), finite("n_positive", n_positive)
        total, squares = positive("total", total), positive("total_squares", total_squares)
        n, m, total, squares = np.broadcast_arrays(n, m, total, squares)
        require("n_positive", m, (m >= 1) & (m <= n), "a count between 1 and n")
        excess = squares / total * (m / total) - 1  # 0 where all positive values are equal
        require("total_squares", squares, excess > -1e-9, "at least total^2 / n_positive")
        flat = (m == n) & (excess <= 1e-12)
        require("total_squares", squares, ~flat, "sums of observations that are not all equal")
        return _tobit(n - m, m, total, squares)


def _tobit(silent: ArrayLike, alive: ArrayLike, total: Array, squares: Array) -> RectifiedNormal:
    """Newton's method in (location/scale, 1/scale), where the log-likelihood is concave (Olsen 1978)."""
    n0, n1 = np.asarray(silent, float), np.asarray(alive, float)
    h = 1 / np.sqrt(squares / n1)  # 1/scale
    total, squares = total * h, squares * h * h  # unit second moment of the positives
    d, k = np.zeros_like(h), np.ones_like(h)
    for _ in range(100):
        mills = np.exp(-0.5 * d * d - HALF_LOG_TWO_PI - scipy_special.log_ndtr(-d))
        grad_d = -n0 * mills + np.asarray(k * total - n1 * d)
        grad_k = n1 / k - (k * squares - d * total)
        dd, kk, dk = -n0 * mills * (mills - d) - n1, -n1 / k**2 - squares, total
        det = dd * kk - dk * dk
        step_d, step_k = -(kk * grad_d - dk * grad_k) / det, -(dd * grad_k - dk * grad_d) / det
        shrink = 1 / np.maximum(1.0, np.maximum(np.abs(step_d) / 2, -2 * step_k / k))
        d, k = d + shrink * step_d, k + shrink * step_k
        if np.all(np.abs(step_d) + np.abs(step_k / k) < 1e-13 * (1 + np.abs(d))):
            break
    scale = 1 / (k * h)
    return RectifiedNormal(d * scale, scale)
