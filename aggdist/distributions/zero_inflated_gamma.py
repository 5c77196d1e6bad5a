"""Zero-inflated gamma: the law of a rectified activation and of a pooled feature (theory item T2)."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions import moments, special
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
from aggdist.distributions.gamma import Gamma, no_spread, shape_from_log_gap, sum_of_logs


@dataclass(frozen=True, eq=False)
class ZeroInflatedGamma(Distribution):
    """0 with probability `1 - active`, else Gamma(shape, scale) (theory item T2).

    Mean `active shape scale`, variance `active shape (1 + shape (1 - active)) scale**2`, moments
    `active scale^r Gamma(shape + r)/Gamma(shape)` for r > 0, characteristic function
    `1 - active + active (1 - i scale t)^(-shape)`.

    Parameters
    ----------
    active : array_like
        q = P(X > 0) in [0, 1]; 0 leaves the atom alone (shape and scale are then nominal), 1 a plain gamma.
    shape, scale : array_like
        Of the positive part, positive and finite; shape below 1e15.

    Raises
    ------
    ValueError
        For parameters outside their domain.
    """

    active: Array
    shape: Array
    scale: Array

    def __post_init__(self) -> None:
        self._store(
            active=probability("active", self.active),
            shape=gamma_shape("shape", self.shape),
            scale=positive("scale", self.scale),
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.active.shape

    @property
    def positive_part(self) -> Gamma:
        """The law given that it is positive."""
        return Gamma(self.shape, self.scale)

    def support(self) -> tuple[Array, Array]:
        """The non-negative half line; the point 0 where `active` is 0."""
        return np.zeros(self.batch_shape), np.where(self.active > 0, np.inf, 0.0)

    def atoms(self) -> tuple[Atom, ...]:
        """The atom at 0 of mass `1 - active`."""
        return (Atom(np.zeros(self.batch_shape), 1 - self.active),)

    def _logpdf(self, x: Array) -> Array:
        log_density = special.log_gamma_density(self.shape, x / self.scale) - np.log(self.scale)
        return np.where(self.active > 0, np.log(self.active) + log_density, -np.inf)

    def _cdf(self, x: Array) -> Array:
        return np.asarray(1 - self.active + self.active * scipy_special.gammainc(self.shape, x / self.scale))

    def _below(self, x: Array) -> Array:
        return self.active * self.positive_part.cdf(x)

    def _sf(self, x: Array) -> Array:
        return np.asarray(self.active * scipy_special.gammaincc(self.shape, x / self.scale))

    def _quantile(self, u: Array) -> Array:
        return self._point(u, 1 - u)

    def _upper_quantile(self, u: Array) -> Array:
        return self._point(1 - u, u)

    def _point(self, lower: Array, upper: Array) -> Array:
        """Point with these probabilities up to it and beyond it."""
        live = upper < self.active
        q = np.where(live, self.active, 1.0)
        above = np.where(live, upper / q, 0.5)
        below = np.where(live, np.maximum((lower - (1 - q)) / q, 0.0), 0.5)
        return np.where(live, special.gamma_quantile(self.shape, below, above) * self.scale, 0.0)

    def _moment(self, r: float) -> Array:
        return np.asarray(self.active * special.rising(self.shape, r) * self.scale**r)

    def _cumulant(self, r: int) -> Array:
        gammas = [factorial(k - 1) * self.shape * self.scale**k for k in range(1, r + 1)]
        return moments.compound_cumulant(moments.bernoulli_cumulants(self.active, r), gammas)

    def _cf(self, t: Array) -> Complex:
        return np.asarray(1 - self.active + self.active * self.positive_part.cf(t))

    def _entropy(self) -> Array:
        coin = scipy_special.entr(self.active) + scipy_special.entr(1 - self.active)
        return np.asarray(coin + self.active * self.positive_part.entropy())

    def _location_spread(self) -> tuple[Array, Array]:
        """Of the positive part: the atom needs no resolution."""
        return self.shape * self.scale, np.sqrt(self.shape) * self.scale

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        draws = rng.standard_gamma(self.shape, full) * self.scale
        return np.where(rng.random(full) < self.active, draws, 0.0)

    @classmethod
    def fit_moments(cls, active: ArrayLike, mean: ArrayLike, var: ArrayLike) -> ZeroInflatedGamma:
        """The law with this P(X > 0), mean and variance: `shape = 1 / (q var/mean^2 - (1 - q))`.

        Raises
        ------
        ValueError
            Where the positive part would have no variance: `q (var + mean^2) <= mean^2`.
        """
        q, mean, var = probability("active", active), positive("mean", mean), positive("var", var)
        require("active", q, q > 0, "a positive probability where the mean is positive")
        inverse = q * var / mean**2 - (1 - q)
        require(
            "var", np.broadcast_to(var, inverse.shape), inverse > 0, "more than mean^2 (1 - active)/active"
        )
        return cls(q, 1 / inverse, mean * inverse / q)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> ZeroInflatedGamma:
        """Maximum likelihood along `axis`: the share of positive values, and the gamma fit of those.

        A sample without positive values gets `active = 0` with the nominal shape 1 and scale 1. Where fewer
        than two distinct positive values occur the shape cannot be estimated; it is then 1, the choice of
        maximum entropy given their mean (theory item T2).

        Raises
        ------
        ValueError
            For negative observations.
        """
        sample = sample_along(x, axis, least=1)
        if np.any(sample < 0):
            raise ValueError(f"x: got {sample.min()}, expected observations >= 0; rectify them first")
        counts = np.count_nonzero(sample, axis=0)
        total_log = sum_of_logs(np.where(sample > 0, sample, 1.0))
        return cls.fit_sufficient(
            np.full(counts.shape, len(sample)), counts, np.sum(sample, axis=0), total_log
        )

    @classmethod
    def fit_sufficient(
        cls, n: ArrayLike, n_positive: ArrayLike, total: ArrayLike, total_log: ArrayLike
    ) -> ZeroInflatedGamma:
        """Maximum likelihood from sufficient statistics; the rules of `fit_mle` apply.

        Parameters
        ----------
        n, n_positive : array_like
            Number of observations and of those above 0.
        total, total_log : array_like
            Sum of the observations, and sum of the logarithms of the positive ones.

        Raises
        ------
        ValueError
            For counts or sums that no sample has.
        """
        n, m = positive("n", n), finite("n_positive", n_positive)
        total, total_log = finite("total", total), finite("total_log", total_log)
        n, m, total, total_log = np.broadcast_arrays(n, m, total, total_log)
        require("n_positive", m, (m >= 0) & (m <= n), "a count between 0 and n")
        require(
            "total",
            total,
            np.where(m > 0, total > 0, total == 0),
            "a positive sum, or 0 where nothing is positive",
        )
        mean = np.where(m > 0, total, 1.0) / np.maximum(m, 1)
        gap = np.where(m > 0, np.log(mean) - total_log / np.maximum(m, 1), 0.0)
        spread = (m >= 2) & (gap > no_spread(mean))
        shape = np.where(spread, shape_from_log_gap(np.where(spread, gap, 1.0)), 1.0)
        return cls(m / n, shape, mean / shape)
