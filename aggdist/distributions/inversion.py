"""Fourier inversion of many weighted sums at once, exponentially tilted so that tails keep their digits.

With half-integer frequencies `t_j = (j + 1/2) dt` the trapezoidal (Gil-Pelaez) sums give density and cdf from
the same characteristic function values, with aliases of alternating sign at distance `P = 2 pi / dt`
(Gil-Pelaez 1951; Davies 1973; Abate and Whitt 1992). Each law is standardised first. `P` comes from Chernoff's
bound on the tails and the last frequency from the decay of the characteristic function: nothing is guessed.

Plain inversion is noise below 1e-16 of the mode. A tilt by `c` moves the mode to where `K'(c)` is, and
`f(x) = exp(K(c) - c x) f_c(x)` gives the density there with full relative accuracy; tilted sums are sums of
the same kind (`GammaTerms.tilt`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.gamma_terms import Array, GammaTerms
from aggdist.distributions.saddlepoint import chernoff_range, solve_saddlepoint

MAX_FREQUENCIES = 8192  # beyond this the contour of contour.py is cheaper
_TAIL_NATS = 41.0  # exp(-41) = 1.6e-18
_CHUNK = 4_000_000  # floats held at once
_SIZES = (48, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, MAX_FREQUENCIES)
_EXTRA_TILTS = 3
_TRUSTED_DENSITY = 1e-6  # of a tilted, standardised law; the error there is 1e-10 relative


@dataclass(frozen=True)
class Plan:
    """Standardised laws with what the Fourier sums need; arrays of shape `(L,)`.

    Attributes
    ----------
    terms : GammaTerms
        Scaled to unit variance, shape (L, C).
    std : array
        Standard deviations before scaling.
    step : array
        Distance of the frequencies.
    size : array of int
        Number of frequencies, rounded up to a few sizes; 0 where more than `MAX_FREQUENCIES` were needed.
    """

    terms: GammaTerms
    std: Array
    step: Array
    size: NDArray[np.intp]


def plan(terms: GammaTerms, lowest: Array, highest: Array) -> Plan:
    """Choose the frequencies for laws of shape `(L, C)` evaluated between `lowest` and `highest`, shape `(L,)`."""
    std = np.sqrt(terms.cumulant(2))
    unit = GammaTerms(terms.b / std[:, None], terms.shape, terms.active)
    low, high = chernoff_range(unit, _TAIL_NATS)
    period = np.maximum(high - lowest / std, highest / std - low) * 1.02
    counts = np.ceil(period * _last_frequency(unit) / (2 * np.pi))
    sizes = np.array([*_SIZES, 0])
    return Plan(unit, std, 2 * np.pi / period, sizes[np.searchsorted(_SIZES, counts)])


def _last_frequency(unit: GammaTerms) -> Array:
    """Where the continuous part of the characteristic function has fallen to 1e-17, shape `(L,)`."""
    last = np.full(unit.batch_shape, np.inf)
    todo = np.arange(last.size)
    # Most laws have decayed by t = 100; only the others are followed further.
    for t in (np.geomspace(4.0, 100.0, 16), np.geomspace(100.0, 2.0e4, 28)):
        part = unit.take(todo)
        modulus, argument = part.log_cf_polar(np.broadcast_to(t[:, None], (t.size, todo.size)))
        atom = part.log_atom()
        if np.any(atom > -45):
            # Without the joint atom, which never decays.
            with np.errstate(divide="ignore"):
                modulus = np.log(np.abs(np.exp(modulus + 1j * argument) - np.exp(atom)))
        small = np.flip(np.logical_and.accumulate(np.flip(modulus < -39.1, axis=0), axis=0), axis=0)
        found = small.any(axis=0)
        last[todo[found]] = t[np.argmax(small, axis=0)[found]]
        todo = todo[~found]
        if not todo.size:
            break
    return last


def fourier_sums(chosen: Plan, law: NDArray[np.intp], x: Array, *, cdf: bool) -> Array:
    """Density (or cdf) of the continuous part at single points of single laws.

    Parameters
    ----------
    chosen : Plan
        Of L laws.
    law : array of int, shape (P,)
        Which law each point belongs to.
    x : array, shape (P,)
        Points, not standardised.
    cdf : bool
        Give the cdf instead of the density.

    Returns
    -------
    array of shape (P,); NaN for laws without a plan. Absolute error near 1e-15 (density: over the standard
    deviation).
    """
    out = np.full(x.shape, np.nan)
    for size in np.unique(chosen.size[chosen.size > 0]):
        rows = np.flatnonzero(chosen.size == size)
        at_once = max(1, _CHUNK // (int(size) * chosen.terms.b.shape[-1]))
        for start in range(0, rows.size, at_once):
            laws = rows[start : start + at_once]
            points = np.flatnonzero(np.isin(law, laws))
            if points.size:
                out[points] = _sums_of(chosen, laws, int(size), law[points], x[points], cdf)
    return out


def _sums_of(
    chosen: Plan, laws: NDArray[np.intp], size: int, law: NDArray[np.intp], x: Array, cdf: bool
) -> Array:
    order = np.arange(size)[:, None] + 0.5
    terms, step = chosen.terms.take(laws), chosen.step[laws]
    t = order * step
    modulus, argument = terms.log_cf_polar(t)
    amplitude, atom = np.exp(modulus), np.exp(terms.log_atom())
    if np.any(atom > 1e-17):
        rest = amplitude * np.exp(1j * argument) - atom
        amplitude, argument = np.abs(rest), np.angle(rest)
    place = np.searchsorted(laws, law)
    at = x / chosen.std[law]
    if cdf:
        amplitude = amplitude / order
    out = np.empty(x.shape)
    at_once = max(1, _CHUNK // size)
    for start in range(0, x.size, at_once):
        own = place[start : start + at_once]
        phase = argument[:, own] - t[:, own] * at[start : start + at_once]
        wave = np.sin(phase) if cdf else np.cos(phase)
        out[start : start + at_once] = np.einsum("tp,tp->p", amplitude[:, own], wave)
    if cdf:
        # The measure without the atom has total mass 1 - atom.
        return np.asarray((1 - atom[place]) / 2 - out / np.pi)
    return np.asarray(out * step[place] / (np.pi * chosen.std[law]))


def inverted_cdf(terms: GammaTerms, x: Array) -> Array:
    """Cdf, joint atom included, of sums with offset 0: terms `(L, C)`, points `(G, L)`; NaN without a plan."""
    chosen = plan(terms, x.min(axis=0), x.max(axis=0))
    law = np.broadcast_to(np.arange(x.shape[1]), x.shape)
    value = fourier_sums(chosen, law.ravel(), x.ravel(), cdf=True).reshape(x.shape)
    return value + np.where(x >= 0, np.exp(terms.log_atom()), 0.0)


def tilted_log_density(
    terms: GammaTerms, x: Array, *, spacing: float = 5.0
) -> tuple[Array, NDArray[np.bool_]]:
    """Log density of the continuous part with relative accuracy everywhere, sums with offset 0.

    Parameters
    ----------
    terms
        Terms of shape `(L, C)`.
    x : array, shape (G, L)
        Points strictly inside the support.
    spacing
        Distance of neighbouring tilts, in standard deviations of the tilted laws.

    Returns
    -------
    log density of shape `(G, L)`, and a mask of the points that need another route (contour).
    """
    log_density = np.full(x.shape, -np.inf)
    todo = np.ones(x.shape, bool)
    for centre in _tilt_centres(terms, x, spacing):
        _serve(terms, x, centre, 0.75 * spacing, log_density, todo)
    for _ in range(_EXTRA_TILTS):
        if not todo.any():
            break
        # Skewed laws leave a few points between two tilts: these get tilts of their own.
        first = np.argmax(todo, axis=0)
        _serve(terms, x, x[first, np.arange(x.shape[1])], 0.75 * spacing, log_density, todo)
    return log_density, todo


def _serve(
    terms: GammaTerms, x: Array, centre: Array, reach: float, log_density: Array, todo: NDArray[np.bool_]
) -> None:
    """Fill `log_density` at the points of `todo` that a tilt to `centre` can give, and strike them off."""
    open_laws = np.flatnonzero(todo.any(axis=0))
    terms, centre = terms.take(open_laws), centre[open_laws]
    tilt = solve_saddlepoint(terms, centre, continuous=True)
    tilted = terms.tilt(tilt)
    width = reach * np.sqrt(tilted.continuous_moments()[1])
    near = todo[:, open_laws] & (np.abs(x[:, open_laws] - centre) <= width)
    own = np.where(near, x[:, open_laws], centre)
    chosen = plan(tilted, own.min(axis=0), own.max(axis=0))
    row, place = np.nonzero(near)
    law = open_laws[place]
    points = x[row, law]
    density = fourier_sums(chosen, place, points, cdf=False)
    good = density * chosen.std[place] > _TRUSTED_DENSITY
    shift = terms.log_mgf(tilt)[place] - tilt[place] * points
    log_density[row[good], law[good]] = shift[good] + np.log(density[good])
    todo[row[good], law[good]] = False


def _tilt_centres(terms: GammaTerms, x: Array, spacing: float) -> list[Array]:
    """Points, each of shape `(L,)`, whose tilts between them serve all of `x`."""
    lowest, highest = x.min(axis=0), x.max(axis=0)
    first = np.clip(terms.continuous_moments()[0], lowest, highest)
    centres = [first]
    for sign, end in ((1.0, highest), (-1.0, lowest)):
        centre = first
        for _ in range(64):
            tilted = terms.tilt(solve_saddlepoint(terms, centre, continuous=True))
            std = np.sqrt(tilted.continuous_moments()[1])
            reached = sign * (end - centre) <= 0.75 * spacing * std
            if np.all(reached):
                break
            following = centre + sign * spacing * std
            following = np.where(sign * (following - end) > 0, end, following)
            centre = np.where(reached, centre, following)
            centres.append(centre)
    return centres
