"""Compound Poisson-gamma (Tweedie) law: the sparse limit of pooled activations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggdist.distributions import special
from aggdist.distributions.base import Atom, Complex, Distribution
from aggdist.distributions.checks import (
    Array,
    finite,
    gamma_shape,
    positive,
    probability,
    require,
    sample_along,
)
from aggdist.distributions.maximise import maximise
from aggdist.distributions.series import TAIL_KERNELS, log_window_sum

_MOST_PANELS = 32
_SMOOTH = 4.0
"""Below this shape neighbouring terms overlap and the density has no peaks to resolve."""


@dataclass(frozen=True, eq=False)
class CompoundPoissonGamma(Distribution):
    """Sum of M independent Gamma(shape, scale) variables, M Poisson with mean `intensity` (theory item T5).

    Atom `exp(-intensity)` at 0 plus `sum_{m>=1} Poisson(m) Gamma(m shape, scale)`; cumulants
    `intensity scale^r Gamma(shape + r)/Gamma(shape)`. It is the Tweedie law of power `(shape + 2)/(shape +
    1)`. The sums run over the terms that count, in logarithms (Dunn and Smyth 2005). `quantile` and `entropy`
    have no closed form and are **numeric by default**.

    Parameters
    ----------
    intensity : array_like
        lambda, positive and finite: the expected number of active positions.
    shape, scale : array_like
        Of one active position, positive and finite.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    intensity: Array
    shape: Array
    scale: Array

    def __post_init__(self) -> None:
        intensity = positive("intensity", self.intensity)
        require("intensity", intensity, intensity < 1e10, "less than 1e10; use Normal or Gamma beyond")
        self._store(
            intensity=intensity, shape=gamma_shape("shape", self.shape), scale=positive("scale", self.scale)
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.intensity.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """Quantile and entropy."""
        return frozenset({"quantile", "entropy"})

    @property
    def power(self) -> Array:
        """Tweedie's power (shape + 2)/(shape + 1), between 1 and 2; half of it is the skewness ratio R."""
        return np.asarray((self.shape + 2) / (self.shape + 1))

    @property
    def dispersion(self) -> Array:
        """sigma^2 in `variance = sigma^2 mean^power`; the average of N independent copies has sigma^2/N."""
        return np.asarray(self.var() / self.mean() ** self.power)

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line."""
        return np.zeros(self.batch_shape), np.full(self.batch_shape, np.inf)

    def atoms(self) -> tuple[Atom, ...]:
        """The atom at 0 of mass exp(-intensity)."""
        return (Atom(np.zeros(self.batch_shape), np.asarray(np.exp(-self.intensity))),)

    def _log_series(self, x: Array, quantity: str) -> Array:
        """Log of the sum over m of the Poisson weight times the gamma density or tail at x."""
        y, mean, a = np.broadcast_arrays(x / self.scale, self.intensity, self.shape)
        # The ratio of consecutive terms is about mean (y/(a m))^a / m.
        peak = np.exp((np.log(mean) + a * np.log(y / a)) / (1 + a))
        centre = {"density": peak, "lower": np.minimum(peak, mean), "upper": np.maximum(peak, mean)}[quantity]
        centre = np.maximum(centre, 1.0)
        detail = np.sqrt(centre / (1 + a))
        width = detail if quantity == "density" else np.sqrt(centre)
        yf, mf, af = (v.ravel() for v in (y, mean, a))
        kernel = TAIL_KERNELS[quantity]

        def log_term(m: Array, i: NDArray[np.intp]) -> Array:
            return special.log_poisson(m, mf[i]) + kernel(m * af[i], yf[i])

        return log_window_sum(log_term, centre, width, detail, np.full(centre.shape, np.inf))

    def _logpdf(self, x: Array) -> Array:
        return self._log_series(x, "density") - np.log(self.scale)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(np.minimum(np.exp(-self.intensity) + np.exp(self._log_series(x, "lower")), 1.0))

    def _below(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.where(x > 0, np.exp(self._log_series(np.maximum(x, 0.0), "lower")), 0.0)

    def _sf(self, x: Array) -> Array:
        return np.minimum(np.exp(self._log_series(x, "upper")), 1.0)

    def _cumulant(self, r: int) -> Array:
        return np.asarray(self.intensity * special.rising(self.shape, r) * self.scale**r)

    def _cf(self, t: Array) -> Complex:
        b = self.scale * t
        jump = np.exp(self.shape * (-0.5 * np.log1p(b * b) + 1j * np.arctan(b)))
        return np.asarray(np.exp(self.intensity * (jump - 1)))

    def _location_spread(self) -> tuple[Array, Array]:
        """Given at least one active position, so that the panels do not shrink with the intensity."""
        count = np.maximum(self.intensity, 1.0)
        return self.shape * count * self.scale, np.sqrt(self.shape * count * (1 + self.shape)) * self.scale

    def _breaks(self) -> Array:
        """Around the mean, and at the means of the terms that can stand apart as peaks."""
        width = 6 * np.sqrt(self.intensity) + 4
        first = np.maximum(np.floor(self.intensity - width), 1.0)
        last = np.ceil(self.intensity + width)
        if np.all(self.shape < _SMOOTH):
            return super()._breaks()
        count = min(_MOST_PANELS, int(np.max(last - first, initial=0)) + 1)
        steps = np.linspace(0, 1, count).reshape(-1, *(1,) * self.intensity.ndim)
        peaks = np.rint(first + (last - first) * steps) * self.shape * self.scale
        return np.sort(np.concatenate([super()._breaks(), peaks]), axis=0)

    def _resolution(self, x: Array) -> Array:
        """The width of the term that is centred near x."""
        count = np.maximum(x / (self.shape * self.scale), 1.0)
        return np.asarray(np.sqrt(count * self.shape) * self.scale)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        count = rng.poisson(self.intensity, full)
        return np.asarray(rng.standard_gamma(count * self.shape) * self.scale)

    @classmethod
    def from_tweedie(cls, mean: ArrayLike, dispersion: ArrayLike, power: ArrayLike) -> CompoundPoissonGamma:
        """The law with this mean and variance `dispersion * mean**power`, in Tweedie's parameters.

        Raises
        ------
        ValueError
            For a power outside (1, 2): there the Tweedie law is not a sum of gammas.
        """
        mean, dispersion = positive("mean", mean), positive("dispersion", dispersion)
        power = finite("power", power)
        require("power", power, (power > 1) & (power < 2), "a number strictly between 1 and 2")
        intensity = mean ** (2 - power) / (dispersion * (2 - power))
        return cls(intensity, (2 - power) / (power - 1), dispersion * (power - 1) * mean ** (power - 1))

    @classmethod
    def fit_moments(cls, silent: ArrayLike, mean: ArrayLike, var: ArrayLike) -> CompoundPoissonGamma:
        """The law with P(X = 0) = `silent` and this mean and variance.

        Raises
        ------
        ValueError
            For `silent` outside (0, 1), or a variance that does not exceed `mean^2 / -log(silent)`.
        """
        silent, mean, var = probability("silent", silent), positive("mean", mean), positive("var", var)
        require("silent", silent, (silent > 0) & (silent < 1), "a probability strictly between 0 and 1")
        intensity = -np.log(silent)
        inverse = intensity * var / mean**2 - 1  # 1/shape
        require("var", np.broadcast_to(var, inverse.shape), inverse > 0, "more than mean^2 / -log(silent)")
        return cls(intensity, 1 / inverse, mean * inverse / intensity)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> CompoundPoissonGamma:
        """Maximum likelihood along `axis`.

        The Tweedie family is an exponential dispersion family, so the fitted mean is the sample mean; the
        other two parameters are found by damped Newton steps on the series for the density. For batches of a
        few dozen samples; one with many values costs a few seconds.

        Raises
        ------
        ValueError
            For negative observations, a sample without zeros or without two distinct positive values, or
            where no maximum is met.
        """
        sample = sample_along(x, axis, least=3)
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0")
        alive = sample > 0
        top = np.max(sample, axis=0)
        spread = np.any(alive & (sample < top), axis=0) & ~np.all(alive, axis=0)
        require("x", top, spread, "a sample with zeros and with at least two distinct positive values")
        mean, silent = np.mean(sample, axis=0), 1 - np.mean(alive, axis=0)
        return _likelihood_fit(sample, mean, silent)


def _likelihood_fit(sample: Array, mean: Array, silent: Array) -> CompoundPoissonGamma:
    """Maximise over (log intensity, log shape), the mean being that of the sample."""

    def law(theta: Array) -> CompoundPoissonGamma:
        intensity, shape = np.exp(theta[0]), np.exp(theta[1])
        return CompoundPoissonGamma(intensity, shape, mean / (intensity * shape))

    def log_likelihood(theta: Array) -> Array:
        if np.any(np.abs(theta) > 12):
            theta = np.clip(theta, -12, 12)
        at = law(theta)
        log_density = at.logpdf(np.where(sample > 0, sample, mean))
        return np.asarray(np.mean(np.where(sample > 0, log_density, -at.intensity), axis=0))

    inverse = -np.log(silent) * np.var(sample, axis=0) / mean**2 - 1
    start = np.stack([np.log(-np.log(silent)), -np.log(np.clip(inverse, 0.05, 20))])
    theta, converged = maximise(log_likelihood, start)
    if not np.all(converged):
        raise ValueError(
            f"x: got {int(np.sum(~converged))} samples without a maximum of the likelihood, expected one; "
            "use fit_moments or ZeroInflatedGamma"
        )
    return law(theta)
