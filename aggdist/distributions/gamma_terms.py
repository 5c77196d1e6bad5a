"""The terms of a signed sum of (zero-inflated) gammas, and what follows from them term by term.

A sum `Y = offset + sum_c b_c X_c` of independent terms is described here by three arrays whose last axis
runs over the terms `c` and whose leading axes are the batch:

- `b`: signed scale (weight times gamma scale); 0 switches a term off,
- `shape`: gamma shape `a`,
- `active`: probability `q` that the term is not exactly 0.

Each term has the moment generating function `1 - q + q (1 - b s)**(-a)`, so exponential tilting by `s` gives
a term of the same kind with `b / (1 - b s)` and a larger or smaller `q` (theory item T9). Everything
numerical about weighted sums rests on that closure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

_FEW = 32
_BLOCK = 16_000
"""Numbers in an array of terms by frequencies by laws: several of that size fit into the processor's cache."""


@dataclass(frozen=True)
class GammaTerms:
    """Independent terms `b_c X_c`; every array has shape `(*batch, C)`."""

    b: Array
    shape: Array
    active: Array

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape without the axis of terms."""
        return self.b.shape[:-1]

    def take(self, index: tuple[NDArray[np.intp], ...] | NDArray[np.intp]) -> GammaTerms:
        """Terms of chosen batch elements."""
        return GammaTerms(self.b[index], self.shape[index], self.active[index])

    def expand(self, extra: tuple[int, ...]) -> GammaTerms:
        """The same terms seen with leading axes `extra`, without copying."""
        to = (*extra, *self.b.shape)
        return GammaTerms(*(np.broadcast_to(v, to) for v in (self.b, self.shape, self.active)))

    @cached_property
    def inflated(self) -> bool:
        """Whether any term has an atom at 0."""
        return bool(np.min(self.active, initial=1.0) < 1)

    def domain(self) -> tuple[Array, Array]:
        """Open interval of `s`, of shape `batch`, on which the moment generating function is finite."""
        live = np.where(self.active > 0, self.b, 0.0) if self.inflated else self.b
        high, low = np.max(live, axis=-1, initial=0.0), np.min(live, axis=-1, initial=0.0)
        with np.errstate(divide="ignore"):
            return np.where(low < 0, 1 / low, -np.inf), np.where(high > 0, 1 / high, np.inf)

    def log_atom(self) -> Array:
        """Logarithm of the probability that all terms are 0, shape `batch`."""
        with np.errstate(divide="ignore"):
            off = np.log1p(-np.where(self.b == 0, 0.0, self.active))
        return np.sum(np.where(self.b == 0, 0.0, off), axis=-1)

    def log_mgf(self, s: ArrayLike) -> Array:
        """Cumulant generating function `K(s)`, shape of `s` broadcast with `batch`."""
        s = np.asarray(s, float)
        if self._is_large(s):
            return self._by_blocks(s, lambda part, at: (part.log_mgf(at),))[0]
        grown = -self.shape * np.log1p(-self.b * s[..., None])
        if self.inflated:
            grown = log_inflated(self.active, grown)
        return np.asarray(np.sum(grown, axis=-1))

    def log_mgf_complex(self, s: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """`K(s)` off the real axis, up to multiples of 2 pi i."""
        z = -self.shape * np.log(1 - self.b * s[..., None])
        if not self.inflated:
            return np.sum(z, axis=-1)
        # Scaled by the larger of 1 and |exp z|, so that neither tail of the contour overflows.
        top = np.maximum(z.real, 0.0)
        mixed = (1 - self.active) * np.exp(-top) + self.active * np.exp(z - top)
        with np.errstate(divide="ignore"):
            return np.sum(np.log(mixed) + top, axis=-1)

    def continuous_mgf(self, s: NDArray[np.complex128], log_scale: Array) -> NDArray[np.complex128]:
        """Moment generating function without the joint atom, times `exp(-log_scale)`.

        `M(s) - p0` cancels where the atom `p0` dominates `M(s)`; with the odds of each term,
        `M - p0 = p0 (prod_c (1 + odds_c (1 - b_c s)^(-a_c)) - 1)` does not.
        """
        log_atom = self.log_atom()
        with np.errstate(over="ignore"):
            value = np.exp(self.log_mgf_complex(s) - log_scale) - np.exp(log_atom - log_scale)
        has_atom = log_atom > -700
        if np.any(has_atom):
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                odds = np.where(self.b == 0, 0.0, self.active / (1 - self.active))
                grown = odds * np.exp(-self.shape * np.log(1 - self.b * s[..., None]))
                # scipy's complex log1p and expm1 keep the digits of small arguments, numpy's do not.
                excess = np.sum(special.log1p(grown), axis=-1)
                gentle = np.exp(log_atom - log_scale) * special.expm1(excess)
            value = np.where(has_atom & (np.abs(excess) < 1), gentle, value)
        return value

    def continuous_moments(self) -> tuple[Array, Array]:
        """Mean and variance given that not all terms are 0, shape `batch`."""
        share = -np.expm1(self.log_atom())
        mean = self.cumulant(1) / share
        return mean, (self.cumulant(2) + self.cumulant(1) ** 2) / share - mean**2

    def tilt(self, s: ArrayLike) -> GammaTerms:
        """Terms of the exponentially tilted law, density proportional to `exp(s y)` times the old one."""
        keep = 1 - self.b * np.asarray(s, float)[..., None]
        b = self.b / keep
        shape, active = np.broadcast_to(self.shape, b.shape), np.broadcast_to(self.active, b.shape)
        if self.inflated:
            # odds(q) are multiplied by (1 - b s)^(-a); in logarithms to survive large shapes.
            with np.errstate(divide="ignore", over="ignore"):
                inverse_odds = np.exp(np.log1p(-active) - np.log(active) + shape * np.log(keep))
            active = 1 / (1 + inverse_odds)
        return GammaTerms(b, shape, active)

    def cumulant(self, r: int) -> Array:
        """Cumulant of order `r` in 1..4 of the sum, shape `batch`.

        Raises
        ------
        NotImplementedError
            For orders above 4 with zero-inflated terms; without atoms every order has the closed form
            `(r-1)! sum_c a_c b_c**r`.
        """
        a, b, q = self.shape, self.b, self.active
        if not self.inflated:
            # By products, because numpy's general power is slow.
            powers = (b,) * (r - 1)
            return np.asarray(factorial(r - 1) * np.einsum("...c" + ",...c" * r + "->...", a, b, *powers))
        m1 = q * a
        if r == 1:
            return np.sum(m1 * b, axis=-1)
        if r == 2:
            return np.sum(m1 * (1 + a * (1 - q)) * b**2, axis=-1)
        m2, m3 = m1 * (a + 1), m1 * (a + 1) * (a + 2)
        if r == 3:
            return np.sum((m3 - 3 * m1 * m2 + 2 * m1**3) * b**3, axis=-1)
        if r == 4:
            m4 = m3 * (a + 3)
            return np.sum((m4 - 4 * m1 * m3 - 3 * m2**2 + 12 * m1**2 * m2 - 6 * m1**4) * b**4, axis=-1)
        raise NotImplementedError(f"cumulants of zero-inflated sums are coded to order 4, got order {r}")

    def cf(self, t: Array) -> NDArray[np.complex128]:
        """Characteristic function at real t of shape (T, *batch), by the product over the terms."""
        bt = t[..., None] * self.b
        power = np.exp(self.shape * (1j * np.arctan(bt) - 0.5 * np.log1p(bt * bt)))
        if self.inflated:
            power = (1 - self.active) + self.active * power
        return np.asarray(np.multiply.reduce(power, axis=-1))

    def log_cf_polar(self, t: Array) -> tuple[Array, Array]:
        """Modulus (its logarithm) and argument of the characteristic function.

        Parameters
        ----------
        t : array, shape (T, *batch)
            Real frequencies.

        Returns
        -------
        Two arrays of shape (T, *batch), the argument up to multiples of 2 pi. Plain terms need real arithmetic
        only, twice as fast as complex logarithms.
        """
        if self._is_large(t):
            modulus, argument = self._by_blocks(t, GammaTerms.log_cf_polar)
            return modulus, argument
        if self.inflated:
            value = self.cf(t)
            with np.errstate(divide="ignore"):
                return np.log(np.abs(value)), np.angle(value)
        bt = t[..., None] * self.b
        return -0.5 * self._summed(np.log1p(bt * bt)), self._summed(np.arctan(bt))

    def _summed(self, values: Array) -> Array:
        """Sum of shapes times `values` over the terms."""
        if self.b.shape[-1] <= _FEW:
            return np.asarray(np.einsum("...c,...c->...", values, self.shape))
        # Of many terms numpy's pairwise sum loses fewer digits.
        return np.asarray((values * self.shape).sum(axis=-1))

    def _is_large(self, at: Array) -> bool:
        """Whether arrays for all laws at arguments of shape (T, L) would not stay in the processor's cache."""
        return at.ndim == 2 and self.b.ndim == 2 and at.shape[1] > 1 and at.size * self.b.shape[1] > _BLOCK

    def _by_blocks(
        self, at: Array, function: Callable[[GammaTerms, Array], tuple[Array, ...]]
    ) -> list[Array]:
        """Results of `function`, arrays of shape (T, L), for a few laws at a time."""
        laws = max(1, _BLOCK // (len(at) * self.b.shape[1]))
        rows = [slice(start, start + laws) for start in range(0, len(self.b), laws)]
        values = (self.b, self.shape, self.active)
        parts = [function(GammaTerms(*(v[r] for v in values)), at[:, r]) for r in rows]
        return [np.concatenate(results, axis=1) for results in zip(*parts, strict=True)]


def log_inflated(active: Array, grown: Array) -> Array:
    """`log(1 - q + q exp(grown))`, the cumulant generating function of one inflated term.

    No overflow for a large `grown`, no cancellation near 0, nor for a very negative one where q is (nearly) 1.
    """
    top = np.maximum(grown, 0.0)
    below = grown - top
    with np.errstate(divide="ignore"):
        far = top + np.log((1 - active) * np.exp(-top) + active * np.exp(below))
        near = np.log1p(active * np.expm1(np.maximum(below, -1.0)))
    inflated = np.where((grown > -1) & (grown <= 0), near, far)
    return np.asarray(np.where(active >= 1, grown, inflated))
