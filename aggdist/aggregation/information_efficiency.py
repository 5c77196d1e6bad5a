"""How much of what N positions know about two classes their pooled feature keeps (theory item T11).

Positions are independent with one zero-inflated gamma law in each class. The maximum has its law in closed form. An
average has the law of a sum, computed on a lattice by fast Fourier transforms; a generalised mean that of a sum of A^p,
which has a long tail and is computed on cells that are even in its p-th root, by doubling. Silence is split off
exactly. Divergences are those of the cells: by data processing never more than the truth, and within 1 % of it where
compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from aggdist.aggregation.registry import check_power
from aggdist.distributions import WeightedGammaSum, ZeroInflatedGamma
from aggdist.divergence.closed_forms import kl_divergence
from aggdist.divergence.cramer import cramer_rate

Array = NDArray[np.float64]

POOLINGS = ("avg", "max", "gem")
_CELLS = 2**14
_NODES = 256
_BATCH = 2**22  # numbers in one large array
_TAIL = 1e-9
_NOISE = 1e-13
"""Rounding of a transform, relative to its largest mass."""


_MOST_LOST = 1e-6


def pooled_masses(activation: ZeroInflatedGamma, positions: int, name: str, p: float = 3.0) -> Array:
    """Masses of the pooled feature of N independent positions on cells that all laws of a row share.

    Parameters
    ----------
    activation : ZeroInflatedGamma, batch shape (R, J)
        Laws of one activation: R channels (rows), J classes.
    positions : int
        N >= 1.
    name : str
        "avg", "max" or "gem".
    p : float
        Power of "gem", p >= 1; the others do not read it.

    Returns
    -------
    array, shape (R, J, M): the first cell is silence, Z = 0 exactly; the others follow each other from 0 upwards.

    Raises
    ------
    ValueError
        For another pooling, a power below 1, a batch of another shape, or no positions.
    """
    power = _power(name, p)
    if len(activation.batch_shape) != 2 or positions < 1:
        raise ValueError(
            f"got laws of batch shape {activation.batch_shape} and {positions} positions, expected (rows, classes) and "
            "at least one position"
        )
    silent = (1.0 - activation.active) ** positions
    if name == "max":
        rest = _maximum_cells(activation, positions)
    elif power == 1.0:
        rest = _sum_cells(activation, positions, silent)
    else:
        rest = _root_cells(activation, positions, power)
    return np.concatenate([silent[..., None], rest], axis=-1)


def _power(name: str, p: float) -> float:
    if name not in POOLINGS:
        raise ValueError(f"pooling: got {name!r}, expected one of {', '.join(POOLINGS)}")
    return {"avg": 1.0, "max": np.inf}.get(name) or check_power(p)


def _maximum_cells(law: ZeroInflatedGamma, positions: int) -> Array:
    """Differences of F^N on cells that follow the quantiles of all laws of a row."""
    u = np.concatenate([np.geomspace(_TAIL, 0.5, 1000), 1 - np.geomspace(0.5, _TAIL / positions, 1500)[1:]])
    points = special.gammaincinv(law.shape[..., None], u) * law.scale[..., None]
    edges = np.sort(points.reshape(len(points), -1), axis=1)[:, :: law.batch_shape[1]]
    # q times the tail of the gamma: exact where F is near 1.
    tail = law.active[..., None] * special.gammaincc(
        law.shape[..., None], edges[:, None, :] / law.scale[..., None]
    )
    with np.errstate(divide="ignore"):  # log 0 of a channel that is always active
        survival = -np.expm1(positions * np.log1p(-tail))
        top = -np.expm1(positions * np.log1p(-law.active))[..., None]
    return np.concatenate([top - survival[..., :1], -np.diff(survival), survival[..., -1:]], axis=-1)


def _sum_cells(law: ZeroInflatedGamma, positions: int, silent: Array) -> Array:
    """Masses of the sum over positions on a lattice, without silence."""
    rows = max(1, _BATCH // (law.batch_shape[1] * _CELLS))
    parts = [
        _sum_of_rows(ZeroInflatedGamma(*(v[part] for v in _parameters(law))), positions, silent[part])
        for part in _slices(law.batch_shape[0], rows)
    ]
    return np.concatenate(parts)


def _parameters(law: ZeroInflatedGamma) -> tuple[Array, Array, Array]:
    active, shape, scale = np.broadcast_arrays(law.active, law.shape, law.scale)
    return active, shape, scale


def _slices(length: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, length, step))


def _sum_of_rows(law: ZeroInflatedGamma, positions: int, silent: Array) -> Array:
    """Three transforms, of masses tilted to the lowest, the own and the highest of the classes' bulks.

    Each has rounding errors of 1e-16 of its own largest mass; every cell is taken from the one that shows it best.
    """
    tilts, end = _tilts(law, positions)
    step = end / _CELLS
    edges = (np.arange(_CELLS + 1) - 0.5).clip(0.0) * step[:, None]  # cell i holds (i - 1/2, i + 1/2) steps
    inner = special.gammainc(law.shape[..., None], edges[:, None, :] / law.scale[..., None])
    masses, values = law.active[..., None] * np.diff(inner), np.arange(_CELLS) * step[:, None, None]
    found, seen = np.zeros_like(masses), np.full(masses.shape, _NOISE)
    for tilt in tilts:
        raised = masses * np.exp(np.minimum(tilt[..., None] * values, 600.0))
        total = (1.0 - law.active + raised.sum(axis=-1))[..., None]
        waves = (np.fft.rfft(raised, axis=-1) + (1.0 - law.active)[..., None]) / total
        tilted = np.fft.irfft(waves**positions, n=_CELLS, axis=-1)
        share = tilted / tilted.max(axis=-1, keepdims=True)
        # Cells that this tilt does not show may overflow; they are not taken.
        undone = tilted * np.exp(np.minimum(positions * np.log(total) - tilt[..., None] * values, 600.0))
        found, seen = np.where(share > seen, undone, found), np.maximum(share, seen)
    found[..., 0] = np.maximum(found[..., 0] - silent, 0.0)
    return found


def _tilts(law: ZeroInflatedGamma, positions: int) -> tuple[tuple[Array, ...], Array]:
    """Exponential tilts of each law whose sums lie where the lowest and the highest class of its row has its bulk.

    And a value that no tilted sum exceeds noticeably, for each row.
    """
    mean, sd = positions * law.mean(), np.sqrt(positions * law.var())
    lowest = np.maximum(np.min(mean - 5 * sd, axis=1), 0.2 * np.min(mean, axis=1))[:, None]
    highest = np.max(mean + 5 * sd, axis=1)[:, None]
    down, up = (_tilt_to(law, target / positions) for target in (lowest, highest))
    scale = law.scale / (1.0 - up * law.scale)
    tilted = np.sqrt(positions * law.shape * (law.shape + 1.0)) * scale  # more than its standard deviation
    end = np.max(highest + 8 * np.minimum(tilted, 5 * scale * np.sqrt(positions)) + 25 * scale, axis=1)
    return (np.zeros_like(mean), down, up), end


def _tilt_to(law: ZeroInflatedGamma, mean: Array) -> Array:
    """The tilt c at which one activation has this mean, K'(c) = mean, by bisection; at most 0.9/scale."""
    low, high = (
        np.broadcast_to(-50.0 / law.scale, law.batch_shape),
        np.broadcast_to(0.9 / law.scale, law.batch_shape),
    )
    for _ in range(60):
        middle = (low + high) / 2
        rest = 1.0 - middle * law.scale
        weight = law.active * rest**-law.shape
        found = weight / (1.0 - law.active + weight) * law.shape * law.scale / rest
        low, high = np.where(found < mean, middle, low), np.where(found < mean, high, middle)
    return np.asarray((low + high) / 2)


def _range(law: ZeroInflatedGamma, positions: int, power: float) -> Array:
    """A value that the sum of A^p hardly exceeds, for each row: a normal sum, or one very large term."""
    mean, second = law.moment(power), law.moment(2 * power)
    spread = np.sqrt(positions * np.maximum(second - mean**2, 0.0))
    largest = (special.gammainccinv(law.shape, _TAIL / positions) * law.scale) ** power
    return np.asarray(np.max(np.maximum(positions * mean + 8 * spread, largest), axis=1))


def _root_cells(law: ZeroInflatedGamma, positions: int, power: float) -> Array:
    """Masses of (sum A^p)^(1/p) over positions on even cells, without silence."""
    end = _range(law, positions, power) ** (1 / power)
    edges = np.arange(0.5, _NODES) / _NODES * end[:, None]
    edges[:, 0] = 0.0  # what is positive is never silent, however small
    inner = special.gammainc(law.shape[..., None], edges[:, None, :] / law.scale[..., None])
    masses = law.active[..., None] * np.diff(inner, append=1.0)
    one = np.concatenate([(1.0 - law.active)[..., None], masses], axis=-1).reshape(-1, _NODES + 1)
    total = np.eye(1, _NODES + 1)  # no position yet: silence
    where = _meetings(power)
    for bit in bin(positions)[2:]:
        total = _convolved(total, total, where)
        if bit == "1":
            total = _convolved(total, one, where)
    return total[:, 1:].reshape(*law.batch_shape, _NODES)


def _meetings(power: float) -> tuple[NDArray[np.int64], Array]:
    """For nodes i and j: the node below (i^p + j^p)^(1/p), and the share that goes to the next one."""
    grid = np.arange(_NODES + 1.0) ** power
    sums = (grid[:, None] + grid).ravel()
    below = np.clip(np.searchsorted(grid, sums, side="right") - 1, 0, _NODES)
    above = np.minimum(below + 1, _NODES)
    gap = np.where(above > below, grid[above] - grid[below], 1.0)
    return below, np.where(above > below, (sums - grid[below]) / gap, 0.0)


def _convolved(first: Array, second: Array, where: tuple[NDArray[np.int64], Array]) -> Array:
    """Masses of the sum of two independent values, (L, nodes); shares keep the mean of A^p."""
    below, share = where
    laws = max(len(first), len(second))
    first, second = (np.broadcast_to(v, (laws, _NODES + 1)) for v in (first, second))
    parts = []
    for part in _slices(laws, _BATCH // below.size):
        pairs = (first[part, :, None] * second[part, None, :]).reshape(-1, below.size)
        offset = np.arange(len(pairs))[:, None] * (_NODES + 2)
        upper = pairs * share
        size = len(pairs) * (_NODES + 2)
        found = np.bincount((below + offset).ravel(), (pairs - upper).ravel(), size)
        found += np.bincount((below + 1 + offset).ravel(), upper.ravel(), size)
        parts.append(found.reshape(len(pairs), _NODES + 2)[:, :-1])
    return np.concatenate(parts)


def pooled_divergence(
    first: ZeroInflatedGamma, second: ZeroInflatedGamma, positions: int, name: str, p: float = 3.0
) -> Array:
    """KL(Z in the first class || Z in the second) of pooled features, for laws of batch shape (R,).

    Raises
    ------
    ValueError
        As `pooled_masses`, and for laws of different batch shapes.
    ArithmeticError
        Where the classes are so far apart that the second law is rounding noise where the first is not.
    """
    parameters = [np.broadcast_arrays(*_parameters(law)) for law in (first, second)]
    if first.batch_shape != second.batch_shape or len(first.batch_shape) != 1:
        raise ValueError(f"got batch shapes {first.batch_shape} and {second.batch_shape}, expected one (R,)")
    both = ZeroInflatedGamma(*(np.stack(pair, axis=1) for pair in zip(*parameters, strict=True)))
    masses = pooled_masses(both, positions, name, p)
    x, y = masses[:, 0], masses[:, 1]
    lost = np.sum(np.where((y <= 0) & (x > 0), x, 0.0), axis=1)
    if np.any(lost > _MOST_LOST):
        raise ArithmeticError(
            f"{lost.max():.1e} of the first law lies where the second is rounding noise, expected at most "
            f"{_MOST_LOST}: the classes are too far apart for a lattice; take fewer positions"
        )
    known = (x > 0) & (y > 0)
    return np.asarray(
        np.sum(np.where(known, x * np.log(np.where(known, x / np.where(known, y, 1.0), 1.0)), 0.0), axis=1)
    )


def information_efficiency(
    first: ZeroInflatedGamma, second: ZeroInflatedGamma, positions: int, name: str, p: float = 3.0
) -> Array:
    """eta = KL(Z)/(N KL(A)), the share of the information of N positions that pooling keeps; between 0 and 1."""
    whole = positions * kl_divergence(first, second)
    return np.asarray(pooled_divergence(first, second, positions, name, p) / whole)


def average_limit(first: ZeroInflatedGamma, second: ZeroInflatedGamma) -> Array:
    """Limit of eta of the average: Cramer's rate of the second class at the mean of the first, over KL(A)."""
    one = WeightedGammaSum(
        np.ones((*second.batch_shape, 1)),
        *(v[..., None] for v in (second.shape, second.scale, second.active)),
    )
    return np.asarray(cramer_rate(one, first.mean()).rate / kl_divergence(first, second))


def best_power(
    first: ZeroInflatedGamma,
    second: ZeroInflatedGamma,
    positions: int,
    powers: ArrayLike = (1, 1.5, 2, 3, 4, 6, 10),
) -> tuple[Array, Array]:
    """The power of the generalised mean, of some, that keeps most; and eta of all of them, (len(powers), R)."""
    tried = np.asarray(powers, float)
    found = np.array([information_efficiency(first, second, positions, "gem", float(p)) for p in tried])
    return tried[found.argmax(axis=0)], found
