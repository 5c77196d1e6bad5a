"""Exact law of the mean of independent zero-inflated gammas (theory item T3)."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from aggdist.distributions import moments, special
from aggdist.distributions.base import Atom, Complex, Distribution
from aggdist.distributions.checks import (
    Array,
    gamma_shape,
    positive,
    probability,
    real_array,
    require,
    sample_along,
)
from aggdist.distributions.maximise import maximise
from aggdist.distributions.series import TAIL_KERNELS, log_window_sum
from aggdist.distributions.zero_inflated_gamma import ZeroInflatedGamma

_MOST_PANELS = 32
_SMOOTH = 4.0
"""Below this shape neighbouring terms overlap and the density has no peaks to resolve."""


@dataclass(frozen=True, eq=False)
class BinomialGamma(Distribution):
    """Mean of `positions` independent zero-inflated gammas (average pooling, theory item T3, exact).

    Atom `(1 - active)^N` at 0 plus `sum_{m=1..N} Binomial(m; N, active) Gamma(m shape, scale/N)`. Cumulants
    `kappa_r(A)/N^(r-1)`. The sums run over the terms that count, in logarithms. `quantile` and `entropy`
    have no closed form and are **numeric by default**.

    Parameters
    ----------
    active, shape, scale : array_like
        Of one position: P(A > 0) in [0, 1], gamma shape and scale.
    positions : array_like
        N, whole numbers of at least 1.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    active: Array
    shape: Array
    scale: Array
    positions: Array

    def __post_init__(self) -> None:
        count = real_array("positions", self.positions)
        require(
            "positions",
            count,
            (count >= 1) & (count == np.floor(count)) & (count < 2**53),
            "a whole number >= 1",
        )
        self._store(
            active=probability("active", self.active),
            shape=gamma_shape("shape", self.shape),
            scale=positive("scale", self.scale),
            positions=count,
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.active.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """Quantile and entropy."""
        return frozenset({"quantile", "entropy"})

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line; the point 0 where `active` is 0."""
        return np.zeros(self.batch_shape), np.where(self.active > 0, np.inf, 0.0)

    def _log_silent(self) -> Array:
        """log P(all positions are 0)."""
        with np.errstate(divide="ignore"):
            return np.asarray(self.positions * np.log1p(-self.active))

    def atoms(self) -> tuple[Atom, ...]:
        """The atom at 0: no position is active."""
        return (Atom(np.zeros(self.batch_shape), np.exp(self._log_silent())),)

    def _log_series(self, x: Array, quantity: str) -> Array:
        """Log of the sum over m of the binomial weight times the gamma density or tail at x."""
        y, n, q, a = np.broadcast_arrays(
            x * self.positions / self.scale, self.positions, self.active, self.shape
        )
        live = q > 0
        q = np.where(live, q, 0.5)
        peak = _peak(y, n, q, a)
        centre = {"density": peak, "lower": np.minimum(peak, n * q), "upper": np.maximum(peak, n * q)}[
            quantity
        ]
        centre = np.clip(centre, 1.0, n)
        curvature = n / (centre * (n - centre + 1))
        detail = 1 / np.sqrt(curvature + a / centre)
        width = detail if quantity == "density" else 1 / np.sqrt(curvature)
        yf, nf, qf, af = (v.ravel() for v in (y, n, q, a))
        kernel = TAIL_KERNELS[quantity]

        def log_term(m: Array, i: NDArray[np.intp]) -> Array:
            return special.log_binomial(m, nf[i], qf[i]) + kernel(m * af[i], yf[i])

        return np.where(live, log_window_sum(log_term, centre, width, detail, n), -np.inf)

    def _logpdf(self, x: Array) -> Array:
        return self._log_series(x, "density") + np.log(self.positions / self.scale)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(np.minimum(np.exp(self._log_silent()) + np.exp(self._log_series(x, "lower")), 1.0))

    def _below(self, x: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.where(x > 0, np.exp(self._log_series(np.maximum(x, 0.0), "lower")), 0.0)

    def _sf(self, x: Array) -> Array:
        return np.minimum(np.exp(self._log_series(x, "upper")), 1.0)

    def _cumulant(self, r: int) -> Array:
        gammas = [factorial(k - 1) * self.shape * self.scale**k for k in range(1, r + 1)]
        one = moments.compound_cumulant(moments.bernoulli_cumulants(self.active, r), gammas)
        return np.asarray(one / self.positions ** (r - 1))

    def _cf(self, t: Array) -> Complex:
        b = self.scale * t / self.positions
        one = np.exp(self.shape * (-0.5 * np.log1p(b * b) + 1j * np.arctan(b)))
        return np.asarray(np.exp(self.positions * np.log(1 - self.active + self.active * one)))

    def _location_spread(self) -> tuple[Array, Array]:
        """Given that something is active, so that the panels do not shrink as `active` goes to 0."""
        n = self.positions
        count = np.maximum(n * self.active, 1.0)
        variance = self.shape * count + self.shape**2 * n * self.active * (1 - self.active)
        return self.shape * count * self.scale / n, np.sqrt(variance) * self.scale / n

    def _breaks(self) -> Array:
        """Around the mean, and at the means of the terms that can stand apart as peaks."""
        n, q = self.positions, self.active
        width = 6 * np.sqrt(n * q * (1 - q)) + 4
        first, last = np.maximum(np.floor(n * q - width), 1.0), np.minimum(np.ceil(n * q + width), n)
        if np.all(self.shape < _SMOOTH):
            return super()._breaks()
        count = min(_MOST_PANELS, int(np.max(last - first, initial=0)) + 1)
        m = first + (last - first) * np.linspace(0, 1, count).reshape(-1, *(1,) * n.ndim)
        peaks = np.rint(m) * self.shape * self.scale / n
        return np.sort(np.concatenate([super()._breaks(), peaks]), axis=0)

    def _resolution(self, x: Array) -> Array:
        """The width of the term that is centred near x."""
        count = np.clip(x * self.positions / (self.shape * self.scale), 1.0, self.positions)
        return np.asarray(np.sqrt(count * self.shape) * self.scale / self.positions)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        active = rng.binomial(self.positions.astype(np.int64), self.active, full)
        return np.asarray(rng.standard_gamma(active * self.shape) * (self.scale / self.positions))

    @classmethod
    def fit_moments(
        cls, active: ArrayLike, mean: ArrayLike, var: ArrayLike, positions: ArrayLike
    ) -> BinomialGamma:
        """The law of a mean of N positions with this P(A > 0) per position, mean and variance of Z."""
        one = ZeroInflatedGamma.fit_moments(
            active, mean, positive("var", var) * real_array("positions", positions)
        )
        return cls(one.active, one.shape, one.scale, real_array("positions", positions))

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0, *, positions: ArrayLike | None = None) -> BinomialGamma:
        """Maximum likelihood along `axis`, for a known number of positions.

        Pooled values alone tell the share of active positions from the shape only where some of them are 0 or the
        law has several bumps; where activations are at hand, fit `ZeroInflatedGamma` to them instead. Damped
        Newton steps on the exact density: for batches of a few dozen samples.

        Parameters
        ----------
        x : array_like
            Pooled features, >= 0.
        positions : array_like
            N, whole numbers of at least 1; broadcasts against the other axes of `x`.

        Raises
        ------
        ValueError
            For negative observations, a sample without zeros or without two distinct positive values, no
            `positions`, or where no maximum is met.
        """
        sample = sample_along(x, axis, least=3)
        if positions is None:
            raise ValueError("positions: got None, expected the number of positions N that were averaged")
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0")
        alive = sample > 0
        top = np.max(sample, axis=0)
        spread = np.any(alive & (sample < top), axis=0) & ~np.all(alive, axis=0)
        require("x", top, spread, "a sample with zeros and with at least two distinct positive values")
        return _likelihood_fit(sample, np.broadcast_to(real_array("positions", positions), top.shape))


def _likelihood_fit(sample: Array, positions: Array) -> BinomialGamma:
    """Maximise over (logit active, log shape, log scale)."""
    mean, silent = np.mean(sample, axis=0), np.mean(sample == 0, axis=0)
    active = -np.expm1(np.log(silent) / positions)
    # Cumulants of one position: kappa_2 / kappa_1^2 = (1 + a (1 - q)) / (q a).
    inverse = active * positions * np.var(sample, axis=0) / mean**2 - (1 - active)
    shape = 1 / np.clip(inverse, 0.05, 20)
    start = np.stack([logit(active), np.log(shape), np.zeros_like(mean)])
    unit = mean / (active * shape)

    def law(theta: Array) -> BinomialGamma:
        q, a, scale = expit(theta[0]), np.exp(theta[1]), unit * np.exp(theta[2])
        return BinomialGamma(q, a, scale, positions)

    def log_likelihood(theta: Array) -> Array:
        at = law(np.clip(theta, -12, 12))
        log_density = at.logpdf(np.where(sample > 0, sample, mean))
        log_atom = positions * np.log1p(-at.active)
        return np.asarray(np.mean(np.where(sample > 0, log_density, log_atom), axis=0))

    theta, converged = maximise(log_likelihood, start)
    if not np.all(converged):
        raise ValueError(
            f"x: got {int(np.sum(~converged))} samples without a maximum of the likelihood, expected one; "
            "fit ZeroInflatedGamma to the activations, or use fit_moments"
        )
    return law(theta)


def _peak(y: Array, n: Array, q: Array, a: Array) -> Array:
    """Where `Binomial(m; n, q) gamma density(m a)` is largest: bisection on the slope of its logarithm."""
    with np.errstate(divide="ignore"):
        constant = np.log(q) - np.log1p(-q) + a * (np.log(y) - np.log(a))
    left, right = np.full(y.shape, 0.5), n + 0.5
    for _ in range(int(np.ceil(np.log2(np.max(n, initial=1.0) + 1))) + 3):
        middle = (left + right) / 2
        rising = np.log((n - middle + 0.5) / middle) + constant - a * np.log(middle) > 0
        left, right = np.where(rising, middle, left), np.where(rising, right, middle)
    return np.asarray((left + right) / 2)
