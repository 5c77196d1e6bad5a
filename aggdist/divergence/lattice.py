"""Densities of many weighted sums, each on a lattice of equally spaced points of its own.

On a lattice of spacing h the Fourier sum with period P = n h has the same waves
`exp(-2 pi i (j + 1/2) (g + 1/2) / n)` for every law, whatever its scale: all laws that share n are inverted by
one matrix product. Period and number of frequencies come from Chernoff's bound and from the decay of the
characteristic function, as in `distributions/inversion.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.chebyshev import ChebyshevSum, chernoff_points
from aggdist.distributions.gamma_terms import GammaTerms

Array = NDArray[np.float64]

MOST_FREQUENCIES = 4096
_PERIODS = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
_FREQUENCIES = (32, 48, 64, 80, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, MOST_FREQUENCIES)
_LADDER = np.geomspace(4.0, 600.0, 28)[:, None]
_MATRIX = 256  # up to so many frequencies a matrix product is faster than a fast Fourier transform
_CHUNK = 4_000_000  # floats held at once


class _Sum(Protocol):
    """What a sum must offer to be inverted; implemented by moments, and term by term."""

    @property
    def std(self) -> Array: ...

    def log_cf_polar(self, t: Array) -> tuple[Array, Array]: ...

    def chernoff_range(self, nats: float) -> tuple[Array, Array]: ...

    def take(self, index: NDArray[np.intp]) -> _Sum: ...


@dataclass(frozen=True)
class _TermByTerm:
    """Sums whose characteristic function is evaluated directly: zero-inflated, or few very different terms."""

    terms: GammaTerms

    @property
    def std(self) -> Array:
        return np.sqrt(self.terms.cumulant(2))

    def take(self, index: NDArray[np.intp]) -> _TermByTerm:
        return _TermByTerm(self.terms.take(index))

    def log_cf_polar(self, t: Array) -> tuple[Array, Array]:
        rows = max(1, _CHUNK // (len(t) * self.terms.b.shape[-1]))
        starts = range(0, t.shape[1], rows)
        index = np.arange(t.shape[1])
        parts = [self.terms.take(index[s : s + rows]).log_cf_polar(t[:, s : s + rows]) for s in starts]
        return np.concatenate([p[0] for p in parts], axis=1), np.concatenate([p[1] for p in parts], axis=1)

    def chernoff_range(self, nats: float) -> tuple[Array, Array]:
        low, high = self.terms.domain()
        return chernoff_points(self.terms.log_mgf, -low, high, self.std, nats, count=12)


class LatticeInverter:
    """Sums prepared for inversion with absolute errors of exp(-nats) over the standard deviation.

    Attributes
    ----------
    terms : GammaTerms
        Shape (L, C), offset 0.
    low, high : arrays, shape (L,)
        Points outside of which each tail holds less than exp(-nats).
    last : array, shape (L,)
        Frequency beyond which the characteristic function of the continuous part is below exp(-nats); infinite
        for laws that need another route.
    """

    def __init__(self, terms: GammaTerms, nats: float) -> None:
        self.terms = terms
        self.std = np.sqrt(terms.cumulant(2))
        self.atom = atom_mass(terms)
        self.parts = _prepare(terms)
        self.low, self.high, self.last = (np.empty(len(terms.b)) for _ in range(3))
        for rows, part in self.parts:
            self.low[rows], self.high[rows] = part.chernoff_range(nats)
            self.last[rows] = _last_frequency(part, self.atom[rows], nats)
        domain = terms.domain()
        self.low = np.where(np.isfinite(domain[0]), self.low, np.maximum(self.low, 0.0))
        self.high = np.where(np.isfinite(domain[1]), self.high, np.minimum(self.high, 0.0))

    def density(self, first: Array, step: Array, count: int) -> tuple[Array, NDArray[np.bool_]]:
        """Density of the continuous part at `first + g step`, g = 0 .. count - 1.

        Parameters
        ----------
        first, step : arrays, shape (L,)

        Returns
        -------
        Density of shape (count, L), and a mask (L,) of the laws that could not be done (their density is NaN).
        """
        end = first + (count - 1) * step
        ratio = 1.02 * np.maximum(self.high - first, end - self.low) / (count * step)
        with np.errstate(invalid="ignore"):
            needed = self.last * count * step / (2 * np.pi)
        period = _next_of(ratio, _PERIODS)
        frequencies = _next_of(period * needed, _FREQUENCIES)
        failed = ~(np.isfinite(period) & np.isfinite(frequencies))
        out = np.full((count, len(first)), np.nan)
        for rows, part in self.parts:
            for n, size in sorted({*zip(period[rows], frequencies[rows], strict=True)}):
                here = np.flatnonzero((period[rows] == n) & (frequencies[rows] == size))
                if np.isfinite(n * size):
                    laws = rows[here]
                    width = round(n * count)
                    cf = _centred_cf(
                        part.take(here), self.atom[laws], first[laws], step[laws], width, int(size)
                    )
                    out[:, laws] = _fourier(cf, step[laws], width, count)
        return out, failed


def atom_mass(terms: GammaTerms) -> Array:
    """Mass of the joint atom, shape (L,)."""
    return np.exp(terms.log_atom()) if terms.inflated else np.zeros(len(terms.b))


def _prepare(terms: GammaTerms) -> list[tuple[NDArray[np.intp], _Sum]]:
    """Rows and sums, by moments where that is possible."""
    every = np.arange(len(terms.b))
    if terms.inflated:
        return [(every, _TermByTerm(terms))]
    moments = ChebyshevSum.of(terms)
    good, bad = every[moments.enough], every[~moments.enough]
    parts: list[tuple[NDArray[np.intp], _Sum]] = []
    if good.size:
        parts.append((good, moments if not bad.size else moments.take(good)))
    if bad.size:
        parts.append((bad, _TermByTerm(terms.take(bad))))
    return parts


def _last_frequency(part: _Sum, atom: Array, nats: float) -> Array:
    """Where the cf of the continuous part has fallen to exp(-nats) for good; infinite if later than 600/std."""
    t = _LADDER / part.std
    modulus, argument = part.log_cf_polar(t)
    if np.any(atom > 1e-18):
        with np.errstate(divide="ignore"):
            modulus = np.log(np.abs(np.exp(modulus + 1j * argument) - atom))
    small = np.flip(np.logical_and.accumulate(np.flip(modulus < -nats, axis=0), axis=0), axis=0)
    chosen = np.take_along_axis(t, np.argmax(small, axis=0)[None], axis=0)[0]
    return np.where(small[-1], chosen, np.inf)


def _next_of(values: Array, steps: tuple[float, ...]) -> Array:
    """The smallest of `steps` that is not below each value; infinite where there is none."""
    ladder = np.array([*steps, np.inf])
    return np.asarray(ladder[np.searchsorted(ladder[:-1], values)])


def _centred_cf(part: _Sum, atom: Array, first: Array, step: Array, width: int, size: int) -> Array:
    """cf of the continuous part about the first point less half a step: real parts above imaginary ones, (2 T, L)."""
    t = (np.arange(size) + 0.5)[:, None] * (2 * np.pi / (width * step))
    modulus, argument = part.log_cf_polar(t)
    origin = first - 0.5 * step
    scale, angle = np.exp(modulus), argument - t * origin
    cf = np.concatenate([scale * np.cos(angle), scale * np.sin(angle)])
    if np.any(atom > 0):
        cf -= np.concatenate([atom * np.cos(t * origin), -atom * np.sin(t * origin)])
    return np.asarray(cf)


def _fourier(cf: Array, step: Array, width: int, count: int) -> Array:
    """Fourier sums at (g + 1/2) step from the origin for all laws, by one matrix product or one fast transform."""
    size = len(cf) // 2
    scale = 2 / (width * step)
    if size <= _MATRIX:
        wave = _waves(size, width, count)
        return np.asarray((wave @ cf) * scale)
    # exp(-2 pi i (j + 1/2)(g + 1/2) / n) changes sign when j grows by n: longer sums fold onto n terms.
    folds = -(-size // width)
    values = np.zeros((folds * width, cf.shape[1]), complex)
    values[:size] = cf[:size] + 1j * cf[size:]
    signs = np.where(np.arange(folds) % 2, -1.0, 1.0)
    folded = np.einsum("f,fnl->nl", signs, values.reshape(folds, width, -1))
    order, place = np.arange(width), np.arange(count)
    folded *= np.exp(-1j * np.pi * order / width)[:, None]
    sums = np.fft.fft(folded, axis=0)[:count]
    return np.asarray((sums * np.exp(-1j * np.pi * (place + 0.5) / width)[:, None]).real * scale)


@lru_cache(maxsize=32)
def _waves(size: int, width: int, count: int) -> Array:
    """Cosines and sines of 2 pi (g + 1/2)(j + 1/2) / width, shape (count, 2 size)."""
    index = np.multiply.outer(2 * np.arange(count) + 1, 2 * np.arange(size) + 1) % (4 * width)
    angle = np.arange(4 * width) * (np.pi / (2 * width))
    return np.concatenate([np.cos(angle)[index], np.sin(angle)[index]], axis=1)
