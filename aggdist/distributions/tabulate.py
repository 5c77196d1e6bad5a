"""Density and cdf of many weighted sums on equally spaced points: by far the fastest route for many laws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.gamma_terms import Array, GammaTerms
from aggdist.distributions.lattice import LatticeInverter

_NATS = 32.0  # exp(-32) = 1.3e-14
_LAWS = 1000  # laws done together: their arrays are used again by the next ones


class Table(NamedTuple):
    """Equally spaced points of each law, with its density and its cdf there; arrays of shape (points, *batch)."""

    x: Array
    pdf: Array
    cdf: Array


def tabulated(
    terms: GammaTerms, points: int, low: Array | None, high: Array | None
) -> tuple[Table, NDArray[np.intp]]:
    """Tables of sums with offset 0, terms of shape (L, C), ends of shape (L,) or None for those of the bulk.

    Returns
    -------
    The table, and the laws whose characteristic function decays too slowly for a lattice: their pdf and cdf are NaN.
    """
    laws = len(terms.b)
    out = np.empty((3, points, laws))
    place = np.arange(points)[:, None]
    for start in range(0, laws, _LAWS):
        rows = slice(start, start + _LAWS)
        inverter = LatticeInverter(GammaTerms(terms.b[rows], terms.shape[rows], terms.active[rows]), _NATS)
        first = inverter.low if low is None else low[rows]
        step = ((inverter.high if high is None else high[rows]) - first) / (points - 1)
        pdf, cdf = inverter.density_and_cdf(first, step, points)
        out[0, :, rows] = first + place * step
        # Rounding may leave -1e-17 where the density is 0, as it is beyond the end of a support.
        np.maximum(pdf, 0.0, out=out[1, :, rows])
        np.clip(cdf, 0.0, 1.0, out=out[2, :, rows])
    return Table(*out), np.flatnonzero(np.isnan(out[1, 0]))
