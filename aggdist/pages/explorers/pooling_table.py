"""Numbers of the pooling explorer: laws of pooled features on a grid of sparsity, shape, positions and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import pooled_law
from aggdist.aggregation.information_efficiency import information_efficiency, pooled_masses
from aggdist.distributions import ZeroInflatedGamma
from aggdist.divergence.closed_forms import kl_divergence

Array = NDArray[np.float64]

ACTIVE = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9)
SHAPES = (0.5, 1.0, 2.0, 4.0)
POSITIONS = (4, 16, 49, 100, 196)
POOLINGS = {"avg": "average", "max": "maximum", "gem": "GeM, p = 3"}
FACTORS = (1.25, 1.5)
"""How many times the scale of class 2 that of class 1 is. No wider: average pooling of many positions would set
the classes further apart than a lattice shows."""

POWER = 3.0
POINTS = 90
TOP = 1000
"""Densities are whole numbers, in thousandths of the largest one of their curve."""
_REACH = 0.999
_DIGITS = 4


def rounded(values: Array, digits: int = _DIGITS) -> list[Any]:
    """Numbers with so many significant digits, as nested lists."""
    flat = [float(f"{value:.{digits}g}") for value in np.ravel(values)]
    return list(np.reshape(flat, np.shape(values)).tolist())


def activations(scale: float = 1.0) -> ZeroInflatedGamma:
    """Laws of one activation, batch shape (Q * S,): sparsity changes slowest."""
    active, shape = (v.ravel() for v in np.meshgrid(ACTIVE, SHAPES, indexing="ij"))
    return ZeroInflatedGamma(active, shape, np.full(active.shape, scale))


def pooling_table() -> dict[str, Any]:
    """All that the explorer shows; `entries` are ordered by pooling, sparsity, shape, then positions."""
    one = activations()
    whole = {factor: kl_divergence(activations(factor), one) for factor in FACTORS}
    columns = {
        (name, positions): _column(one, positions, name, whole)
        for name in POOLINGS
        for positions in POSITIONS
    }
    entries = [
        columns[name, positions][row]
        for name in POOLINGS
        for row in range(len(ACTIVE) * len(SHAPES))
        for positions in POSITIONS
    ]
    return {
        "q": ACTIVE,
        "a": SHAPES,
        "N": POSITIONS,
        "factors": FACTORS,
        "poolings": POOLINGS,
        "points": POINTS,
        "top": TOP,
        "entries": entries,
    }


def place(pooling: str, active: float, shape: float, positions: int) -> int:
    """Place of an entry in the table.

    Raises
    ------
    ValueError
        For a value that is not on the grid.
    """
    index = 0
    grid = (("pooling", tuple(POOLINGS), pooling), ("q", ACTIVE, active), ("a", SHAPES, shape))
    for name, values, value in (*grid, ("N", POSITIONS, positions)):
        if value not in values:
            raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(map(str, values))}")
        index = index * len(values) + tuple(values).index(value)
    return index


def _column(
    one: ZeroInflatedGamma, positions: int, name: str, whole: dict[float, Array]
) -> list[dict[str, Any]]:
    """Entries of one pooling and number of positions, for all laws of an activation."""
    curve = _lattice_curves if name == "gem" else _exact_curves
    ends, density, mean, ratio = curve(one, positions, name)
    kept = [information_efficiency(activations(factor), one, positions, name, POWER) for factor in FACTORS]
    nats = [eta * positions * whole[factor] for eta, factor in zip(kept, FACTORS, strict=True)]
    atom = (1.0 - np.ravel(one.active)) ** positions
    peaks = density.max(axis=1)
    return [
        {
            "end": rounded(ends[row : row + 1])[0],
            "peak": rounded(peaks[row : row + 1])[0],
            "density": np.rint(TOP * density[row] / peaks[row]).astype(int).tolist(),
            "atom": rounded(atom[row : row + 1])[0],
            "mean": rounded(mean[row : row + 1])[0],
            "R": rounded(ratio[row : row + 1])[0],
            "kl": rounded(np.array([v[row] for v in nats])),
            "eta": rounded(np.array([v[row] for v in kept])),
        }
        for row in range(len(peaks))
    ]


def points(ends: Array) -> Array:
    """The places where densities are given: evenly up to the end, without 0; shape (R, POINTS)."""
    return np.asarray(ends)[:, None] * np.arange(1, POINTS + 1) / POINTS


def _exact_curves(one: ZeroInflatedGamma, positions: int, name: str) -> tuple[Array, Array, Array, Array]:
    law = pooled_law(one, positions, name)
    ends = law.quantile(np.full(one.batch_shape, _end_level(one, positions)))
    first, second, third = (law.cumulant(order) for order in (1, 2, 3))
    return ends, law.pdf(points(ends).T).T, first, third * first / (2 * second**2)


def _end_level(one: ZeroInflatedGamma, positions: int) -> Array:
    """The level below which a curve holds all but a thousandth of what is positive."""
    positive = -np.expm1(positions * np.log1p(-np.ravel(one.active)))
    return np.asarray(1.0 - (1.0 - _REACH) * positive)


def _lattice_curves(one: ZeroInflatedGamma, positions: int, name: str) -> tuple[Array, Array, Array, Array]:
    """The same from masses on cells even in Z; their width follows from the mean of A^p, which the cells keep."""
    pair = ZeroInflatedGamma(*(np.ravel(v)[:, None] for v in (one.active, one.shape, one.scale)))
    masses = pooled_masses(pair, positions, name, POWER)[:, 0]
    nodes = np.arange(masses.shape[1])
    width = (one.moment(POWER) / (masses @ nodes**POWER)) ** (1 / POWER)
    level = _end_level(one, positions)
    totals = np.cumsum(masses, axis=1)
    ends = width * np.array([np.interp(u, row, nodes) for u, row in zip(level, totals, strict=True)])
    where = points(ends) / width[:, None]
    density = np.array([np.interp(x, nodes[1:], row[1:]) for x, row in zip(where, masses, strict=True)])
    centred = nodes - (masses @ nodes)[:, None]
    first, second, third = (
        masses @ nodes,
        (masses * centred**2).sum(axis=1),
        (masses * centred**3).sum(axis=1),
    )
    return ends, density / width[:, None], first * width, third * first / (2 * second**2)
