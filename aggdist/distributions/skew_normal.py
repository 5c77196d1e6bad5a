"""Skew normal (Azzalini 1985), by mean, standard deviation and skewness of either sign."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import ArrayLike
from scipy import special as scipy_special

from aggdist.distributions import moments, special
from aggdist.distributions.base import Complex, Distribution
from aggdist.distributions.checks import Array, finite, positive, require

_MOST_SKEW = 0.99
_THIRD = (4 - pi) / 2  # third cumulant of sqrt(pi/2) |U|
_SECOND = pi / 2 - 1  # variance of sqrt(pi/2) |U|
_END = 0.995271746431156  # skewness of |U|, where the family ends ...
_END_REST = 2.9952924930273875e-17  # ... and what double precision leaves of it
_STEPS = 60

_BEYOND = 1e3  # every tail has underflown well before
_FAR = 2.5  # from this radius on the tail is a quadrature
_NATS = 37.0  # what is left of the integrand after so many is below rounding
_NODES, _WEIGHTS = (np.asarray(v) / 2 for v in np.polynomial.legendre.leggauss(24))
_NODES = _NODES + 0.5


@dataclass(frozen=True, eq=False)
class SkewNormal(Distribution):
    """Law with density `2/omega phi(u) Phi(alpha u)`, u = (x - xi)/omega (Azzalini 1985).

    It is that of `location + scale (c (sqrt(pi/2) |U| - 1) + d V)` for independent standard normal U and V,
    `c = cbrt(2 skew/(4 - pi))`, `d^2 = 1 - (pi/2 - 1) c^2`. Azzalini's parameters: `xi = location - c scale`,
    `omega = scale sqrt(1 + c^2)`, `alpha = sqrt(pi/2) c/d`. The normal law at skew = 0 is approached
    continuously, with a distance of the order of the skewness (alpha falls like its cube root only). The
    family ends at a skewness of 0.99527..., that of the half-normal law, where alpha is infinite; this class
    stops at 0.99, where alpha = 27.9.

    Support the real line, mean `location`, variance `scale^2`, third cumulant `skew scale^3`, beyond it
    `(c scale)^r` times the cumulant of `sqrt(pi/2) |U|`. The entropy has no closed form and is **numeric by
    default**; the quantile is found by Newton's steps on the logarithm of the smaller tail.

    Relative error of cdf and sf, both tails, measured against 40 digits: below 4e-14 for probabilities down
    to 1e-16, 2e-13 down to 1e-100, 1e-12 down to 1e-300 (the rounding of `x - location` comes on top).

    Parameters
    ----------
    location : array_like
        Mean, finite.
    scale : array_like
        Standard deviation, positive.
    skew : array_like
        Skewness (third cumulant over scale^3), of modulus at most 0.99.

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
        require("skew", skew, np.abs(skew) <= _MOST_SKEW, "at most 0.99 in modulus; see ShiftedGamma beyond")
        self._store(
            location=finite("location", self.location), scale=positive("scale", self.scale), skew=skew
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.location.shape

    @property
    def numeric_by_default(self) -> frozenset[str]:
        """The entropy."""
        return frozenset({"entropy"})

    @property
    def _bend(self) -> Array:
        """Share c of the half-normal part, in standard deviations."""
        return np.asarray(np.cbrt(self.skew / _THIRD))

    @property
    def _plain(self) -> Array:
        """Share d of the normal part; also the width of the steep flank, `omega/sqrt(1 + alpha^2)`.

        `d^2 = 1 - c^2/e^2` with `e^3 = 2 end/(4 - pi)` is divided by `e^3 - c^3`, so that it keeps its digits
        near the end of the family.
        """
        c, e = np.abs(self._bend), 1 / sqrt(_SECOND)
        room = (_END - np.abs(self.skew) + _END_REST) / _THIRD
        return np.asarray(np.sqrt(_SECOND * (e + c) * room / (e * e + e * c + c * c)))

    @property
    def xi(self) -> Array:
        """Azzalini's location."""
        return np.asarray(self.location - self._bend * self.scale)

    @property
    def omega(self) -> Array:
        """Azzalini's scale."""
        return np.asarray(self.scale * np.sqrt(1 + self._bend**2))

    @property
    def alpha(self) -> Array:
        """Azzalini's shape, of the sign of the skewness."""
        return np.asarray(sqrt(pi / 2) * self._bend / self._plain)

    def support(self) -> tuple[Array, Array]:
        """The real line."""
        return np.full(self.batch_shape, -np.inf), np.full(self.batch_shape, np.inf)

    @property
    def _sign(self) -> Array:
        return np.where(self.skew < 0, -1.0, 1.0)

    def _standard(self, x: Array) -> Array:
        """Azzalini's u of the law reflected so that its long tail is on the right."""
        bend = np.abs(self._bend)
        return np.asarray((self._sign * (x - self.location) / self.scale + bend) / np.sqrt(1 + bend**2))

    def _logpdf(self, x: Array) -> Array:
        return _log_density(self._standard(x), np.abs(self.alpha)) - np.log(self.omega)

    def _cdf(self, x: Array) -> Array:
        lower, upper = _tails(self._standard(x), np.abs(self.alpha))
        return np.where(self.skew < 0, upper, lower)

    def _sf(self, x: Array) -> Array:
        lower, upper = _tails(self._standard(x), np.abs(self.alpha))
        return np.where(self.skew < 0, lower, upper)

    def _quantile(self, u: Array) -> Array:
        return self._point(u, 1 - u)

    def _upper_quantile(self, u: Array) -> Array:
        return self._point(1 - u, u)

    def _point(self, lower: Array, upper: Array) -> Array:
        left, right = (np.where(self.skew < 0, *pair) for pair in ((upper, lower), (lower, upper)))
        return self._back(_standard_quantile(left, right, np.abs(self.alpha)))

    def _back(self, u: Array) -> Array:
        """Inverse of `_standard`."""
        bend = np.abs(self._bend)
        return np.asarray(self.location + self._sign * self.scale * (u * np.sqrt(1 + bend**2) - bend))

    def bulk(self, nats: float = 37.0) -> tuple[Array, Array]:
        """Points outside of which each tail holds at most exp(-nats): the bounds that start the quantile."""
        light = scipy_special.ndtri_exp(-nats) / np.hypot(1.0, self.alpha)
        long = np.broadcast_to(-scipy_special.ndtri_exp(-nats - np.log(2)), self.batch_shape)
        ends = np.sort([self._back(light), self._back(long)], axis=0)
        return ends[0], ends[1]

    def _cumulant(self, r: int) -> Array:
        if r <= 3:
            return (self.location, self.scale**2, self.skew * self.scale**3)[r - 1]
        orders = range(1, r + 1)
        raw = [np.asarray(pi ** ((k - 1) / 2) * scipy_special.gamma((k + 1) / 2)) for k in orders]
        return np.asarray(moments.cumulant_from_raw(raw) * (self._bend * self.scale) ** r)

    def _cf(self, t: Array) -> Complex:
        at = self.scale * t
        turn = sqrt(pi / 2) * self._bend * at
        # E exp(i s |U|) = exp(-s^2/2) (1 + i erfi(s/sqrt 2)); Dawson's function is the product, bounded.
        half_normal = np.exp(-np.square(turn) / 2) + 2j / sqrt(pi) * scipy_special.dawsn(turn / sqrt(2))
        return np.asarray(np.exp(1j * t * self.xi - np.square(self._plain * at) / 2) * half_normal)

    def _breaks(self) -> Array:
        """Panels for the steep flank of width `scale d` about xi, and for the bulk and the long tail."""
        axes = (-1, *(1,) * len(self.batch_shape))
        flank = self.xi + np.reshape([-15.0, -5.0, -1.5, 0.0, 1.5, 5.0], axes) * self.scale * self._plain
        rest = self.location + self._sign * np.reshape([-4.0, 1.5, 5.0, 15.0], axes) * self.scale
        return np.sort(np.concatenate([flank, rest]), axis=0)

    def _resolution(self, x: Array) -> Array:
        return np.broadcast_to(self.scale * self._plain, x.shape)

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...] = ()) -> Array:
        """Independent draws of shape `(*size, *batch_shape)`."""
        full = self._size(rng, size)
        half = sqrt(pi / 2) * np.abs(rng.standard_normal(full)) - 1
        z = self._bend * half + self._plain * rng.standard_normal(full)
        return np.asarray(self.location + self.scale * z)

    @classmethod
    def fit_moments(cls, mean: ArrayLike, var: ArrayLike, third_cumulant: ArrayLike) -> SkewNormal:
        """The law with this mean and variance, and this third cumulant as far as the family goes.

        A skewness beyond -0.99 or 0.99 is **clipped** to it: mean and variance are met all the same, the
        third cumulant is not. `ShiftedGamma.fit_moments` meets all three.
        """
        var, third = positive("var", var), finite("third_cumulant", third_cumulant)
        scale = np.sqrt(var)
        with np.errstate(over="ignore"):  # an infinite skewness is clipped like any other
            skew = np.clip(third / var / scale, -_MOST_SKEW, _MOST_SKEW)
        return cls(finite("mean", mean), scale, skew)

    @classmethod
    def fit_mle(cls, x: ArrayLike, axis: int = 0) -> SkewNormal:
        """Not offered: there need not be a maximum.

        Raises
        ------
        NotImplementedError
            Always: for some samples the likelihood rises up to the half-normal law, in which the family
            ends, and for every sample it is stationary at the normal law (Azzalini and Capitanio 1999).
        """
        raise NotImplementedError(
            "SkewNormal.fit_mle does not exist: for some samples the likelihood rises up to the half-normal "
            "law, in which the family ends; use fit_moments"
        )


def _log_density(u: Array, alpha: Array) -> Array:
    """`log(2 phi(u) Phi(alpha u))`."""
    return np.asarray(np.log(2) - special.HALF_LOG_TWO_PI - u * u / 2 + scipy_special.log_ndtr(alpha * u))


def _tails(u: Array, alpha: Array) -> tuple[Array, Array]:
    """P(Y <= u) and P(Y > u) for the standard law of alpha >= 0.

    Both from P(Y <= -|u|), by P(|Y| > v) = erfc(v/sqrt 2), of which the long tail is at least half, also where
    the difference has lost its digits.
    """
    v = np.abs(u)
    light, both = _light_tail(np.minimum(v, _BEYOND), alpha), scipy_special.erfc(v / sqrt(2))
    lower = np.where(u < 0, light, scipy_special.erf(v / sqrt(2)) + light)
    upper = np.where(u < 0, 1 - light, np.maximum(both - light, both / 2))
    return lower, upper


def _light_tail(v: Array, alpha: Array) -> Array:
    """`P(Y <= -v) = (1/pi) int_alpha^inf exp(-v^2 (1 + s^2)/2)/(1 + s^2) ds` for v >= 0, alpha >= 0."""
    radius = v * np.hypot(1.0, alpha)
    return special.piecewise(radius > _FAR, _far_light_tail, _near_light_tail, v, alpha)


def _near_light_tail(v: Array, alpha: Array) -> Array:
    """By Owen's function T: `Phi(-v) - 2 T(v, alpha)`, reflected for alpha > 1.

    `T(v, alpha) + T(alpha v, 1/alpha)` is known; at most two digits cancel in the form that is taken.
    """
    steep = alpha > 1
    share = np.where(steep, 1 / np.maximum(alpha, 1.0), alpha)
    owen = 2 * scipy_special.owens_t(v * np.maximum(alpha, 1.0), share)
    outer = scipy_special.ndtr(-alpha * v) * scipy_special.erf(v / sqrt(2))
    return np.where(steep, owen - outer, scipy_special.ndtr(-v) - owen)


def _far_light_tail(v: Array, alpha: Array) -> Array:
    """By Gauss-Legendre quadrature of `(v/pi) exp(-r^2/2) int exp(-p)/(r^2 + 2p) dy`, `p = y (a + y/2)`.

    Here a = alpha v, r^2 = v^2 + a^2 and v s = a + y. With y in `reach [0, 1]`, p runs from 0 to 37 for every
    a, and the poles keep their distance from the range, so one rule does for all. Every term is positive.
    """
    a = alpha * v
    reach = 2 * _NATS / (np.sqrt(a * a + 2 * _NATS) + a)
    bow, radius = np.square(reach) / 2, v * v + a * a
    total, term, p = np.zeros_like(a), np.empty_like(a), np.empty_like(a)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        # p = 37 node - bow node (1 - node); in place, because new arrays take longer than the arithmetic.
        np.multiply(bow, node * (node - 1), out=p)
        p += _NATS * node
        np.exp(np.negative(p, out=term), out=term)
        p *= 2
        p += radius
        term /= p
        term *= weight
        total += term
    return np.asarray(np.exp(-radius / 2) * v * reach * total / pi)


def _standard_quantile(left: Array, right: Array, alpha: Array) -> Array:
    """Point with probability `left` below and `right` above, from the smaller, for alpha >= 0.

    The density is log-concave, hence so is each tail, and Newton's steps on the logarithm of a tail never pass
    the root from outside. They start at bounds: for a standard normal V, Y is stochastically larger than
    `V/sqrt(1 + alpha^2)` and smaller than |V|.
    """
    low_half = left <= right
    target = np.minimum(left, right)
    light, long = scipy_special.ndtri(target) / np.hypot(1.0, alpha), -scipy_special.ndtri(target / 2)
    u = np.where(low_half, light, long)
    for _ in range(_STEPS):
        lower, upper = _tails(u, alpha)
        tail = np.where(low_half, lower, upper)
        inverse_hazard = np.exp(np.log(tail) - _log_density(u, alpha))
        step = np.where(low_half, -1.0, 1.0) * np.log(tail / target) * inverse_hazard
        u = u + np.where(np.isfinite(step), step, 0.0)  # where a tail has underflown the bound is the answer
        if np.all(~(np.abs(step) > 1e-9)):  # convergence is quadratic: the next would be below rounding
            break
    return np.asarray(u)
