"""Densities and cdfs of many weighted sums, each on a lattice of equally spaced points of its own.

On a lattice of spacing h the Fourier sum with period P = n h has the same waves
`exp(-2 pi i (j + 1/2) (g + 1/2) / n)` for every law, whatever its scale: all laws that share n are inverted by
one matrix product. Period and number of frequencies come from Chernoff's bound and from the decay of the
characteristic function, as in `inversion.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
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
_FIRST_RUNGS = 13  # most characteristic functions have decayed by 32/std
_MATRIX = 256  # up to so many frequencies a matrix product is faster than a fast Fourier transform


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
        return self.terms.log_cf_polar(t)

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

    def take(self, index: NDArray[np.intp]) -> LatticeInverter:
        """Chosen sums, in the order of `index`."""
        place = np.full(len(self.std), -1)
        place[index] = np.arange(index.size)
        chosen = copy(self)
        chosen.terms = self.terms.take(index)
        for name in ("std", "atom", "low", "high", "last"):
            setattr(chosen, name, getattr(self, name)[index])
        here = [(rows, part, np.flatnonzero(place[rows] >= 0)) for rows, part in self.parts]
        chosen.parts = [(place[rows[kept]], part.take(kept)) for rows, part, kept in here if kept.size]
        return chosen

    def density(self, first: Array, step: Array, count: int) -> tuple[Array, NDArray[np.bool_]]:
        """Density of the continuous part at `first + g step`, g = 0 .. count - 1.

        Parameters
        ----------
        first, step : arrays, shape (L,)

        Returns
        -------
        Density of shape (count, L), and a mask (L,) of the laws that could not be done (their density is NaN).
        """
        out = np.full((count, len(first)), np.nan)
        for laws, cf, width in self._transforms(first, step, count):
            out[:, laws] = _fourier(cf, width, count) * (2 / (width * step[laws]))
        return out, np.isnan(out[0])

    def density_and_cdf(self, first: Array, step: Array, count: int) -> tuple[Array, Array]:
        """Density as `density` gives it, and the cdf with the joint atom, both of shape (count, L)."""
        pdf, cdf = np.full((2, count, len(first)), np.nan)
        for laws, cf, width in self._transforms(first, step, count):
            pdf[:, laws] = _fourier(cf, width, count) * (2 / (width * step[laws]))
            cdf[:, laws] = (1 - self.atom[laws]) / 2 - _fourier(_integrated(cf), width, count) / np.pi
        x = first + np.arange(count)[:, None] * step
        return pdf, cdf + np.where(x >= 0, self.atom, 0.0)

    def _transforms(
        self, first: Array, step: Array, count: int
    ) -> Iterator[tuple[NDArray[np.intp], Array, int]]:
        """Laws that share period and number of frequencies, their characteristic functions, and the period."""
        end = first + (count - 1) * step
        ratio = 1.02 * np.maximum(self.high - first, end - self.low) / (count * step)
        with np.errstate(invalid="ignore"):
            needed = self.last * count * step / (2 * np.pi)
        period = _next_of(ratio, _PERIODS)
        frequencies = _next_of(period * needed, _FREQUENCIES)
        for rows, part in self.parts:
            for n, size in sorted({*zip(period[rows], frequencies[rows], strict=True)}):
                here = np.flatnonzero((period[rows] == n) & (frequencies[rows] == size))
                if np.isfinite(n * size):
                    laws, width = rows[here], round(n * count)
                    own = (self.atom[laws], first[laws], step[laws])
                    yield laws, _centred_cf(part.take(here), *own, width, int(size)), width


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
    last = np.full(atom.shape, np.inf)
    todo = np.arange(atom.size)
    for rungs in (_LADDER[:_FIRST_RUNGS], _LADDER[_FIRST_RUNGS - 1 :]):
        t = rungs / part.std[todo]
        own = part if todo.size == last.size else part.take(todo)
        modulus, argument = own.log_cf_polar(t)
        if np.any(atom[todo] > 1e-18):
            with np.errstate(divide="ignore"):
                modulus = np.log(np.abs(np.exp(modulus + 1j * argument) - atom[todo]))
        small = np.flip(np.logical_and.accumulate(np.flip(modulus < -nats, axis=0), axis=0), axis=0)
        chosen = np.take_along_axis(t, np.argmax(small, axis=0)[None], axis=0)[0]
        last[todo[small[-1]]] = chosen[small[-1]]
        todo = todo[~small[-1]]
        if not todo.size:
            break
    return last


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


def _integrated(cf: Array) -> Array:
    """`cf / (i (j + 1/2))` in the same form: its Fourier sums make the cdf."""
    size = len(cf) // 2
    order = np.arange(size)[:, None] + 0.5
    return np.concatenate([cf[size:] / order, -cf[:size] / order])


def _fourier(cf: Array, width: int, count: int) -> Array:
    """Sums of cf times exp(-2 pi i (j + 1/2)(g + 1/2) / width), real parts, shape (count, L).

    By one matrix product or one fast transform.
    """
    size = len(cf) // 2
    if size <= _MATRIX:
        return np.asarray(_waves(size, width, count) @ cf)
    # exp(-2 pi i (j + 1/2)(g + 1/2) / n) changes sign when j grows by n: longer sums fold onto n terms.
    folds = -(-size // width)
    values = np.zeros((folds * width, cf.shape[1]), complex)
    values[:size] = cf[:size] + 1j * cf[size:]
    signs = np.where(np.arange(folds) % 2, -1.0, 1.0)
    folded = np.einsum("f,fnl->nl", signs, values.reshape(folds, width, -1))
    order, place = np.arange(width), np.arange(count)
    folded *= np.exp(-1j * np.pi * order / width)[:, None]
    sums = np.fft.fft(folded, axis=0)[:count]
    return np.asarray((sums * np.exp(-1j * np.pi * (place + 0.5) / width)[:, None]).real)


@lru_cache(maxsize=32)
def _waves(size: int, width: int, count: int) -> Array:
    """Cosines and sines of 2 pi (g + 1/2)(j + 1/2) / width, shape (count, 2 size)."""
    index = np.multiply.outer(2 * np.arange(count) + 1, 2 * np.arange(size) + 1) % (4 * width)
    angle = np.arange(4 * width) * (np.pi / (2 * width))
    return np.concatenate([np.cos(angle)[index], np.sin(angle)[index]], axis=1)
