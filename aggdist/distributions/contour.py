"""Inversion along a parabola through the saddlepoint: exact for few terms and small total shape.

`f(x) = (1/2 pi i) int exp(K(s) - s x) ds` along `s = s0 + alpha u^2 + i u`. The parabola bends towards the
cut on the side of `x`, where `exp(-s x)` falls off, so the integrand decays exponentially even when the
characteristic function itself falls off only like a power. Nodes `u = width * sinh(v)` with equal steps in
`v` make the trapezoidal rule converge geometrically (Takahasi and Mori 1974). Each point has a contour of
its own, so the relative error is small in both tails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from aggdist.distributions.gamma_terms import Array, GammaTerms
from aggdist.distributions.saddlepoint import solve_saddlepoint

NODES = 96
_MOST_NODES = 96 * 2**7
_LONGEST = 24.0
_SETTLED = 1e-6
_NOISE = 1e-14
_WILD = 30.0  # times its value on the axis: what cancellation may cost of the digits
_FLATTENINGS = 10
_PROBES = np.linspace(0.75, _LONGEST, 32)
_CHUNK = 2_000_000  # complex numbers held at once
_SMALL_SHAPE = 12.0  # up to this total shape the contour follows the steepest descent


def contour_log_density(terms: GammaTerms, x: Array) -> Array:
    """Log density of the continuous part of sums with offset 0.

    Parameters
    ----------
    terms
        Terms of shape `(L, C)`, one row for each point.
    x : array, shape (L,)
        Points inside the support.

    Returns
    -------
    array of shape `(L,)`, relative error of the density near 1e-13.
    """
    return np.concatenate([_log_density(part, at) for part, at in _chunks(terms, x)])


def contour_log_tails(terms: GammaTerms, x: Array) -> tuple[Array, Array]:
    """Logarithms of cdf and survival function, joint atom included; parameters as in `contour_log_density`."""
    parts = [_log_tails(part, at) for part, at in _chunks(terms, x)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _chunks(terms: GammaTerms, x: Array) -> Iterator[tuple[GammaTerms, Array]]:
    rows = max(1, _CHUNK // (NODES * terms.b.shape[-1]))
    for start in range(0, len(x), rows):
        index = np.arange(start, min(start + rows, len(x)))
        yield terms.take(index), x[index]


def _log_density(terms: GammaTerms, x: Array) -> Array:
    return _integral(terms, x, solve_saddlepoint(terms, x, continuous=True), pole=False)


def _log_tails(terms: GammaTerms, x: Array) -> tuple[Array, Array]:
    crossing = _away_from_zero(terms, solve_saddlepoint(terms, x, continuous=True))
    continuous = _integral(terms, x, crossing, pole=True)
    # A crossing right of the pole gives P(Y > x), left of it P(Y < x), both without the atom at 0.
    upper = crossing > 0
    atom_is_there = np.where(upper, x < 0, x >= 0)
    near = np.minimum(np.logaddexp(continuous, np.where(atom_is_there, terms.log_atom(), -np.inf)), 0.0)
    with np.errstate(divide="ignore"):
        far = np.log(-np.expm1(near))
    return np.where(upper, far, near), np.where(upper, near, far)


def _away_from_zero(terms: GammaTerms, saddle: Array) -> Array:
    """A crossing of the real axis near the saddlepoint that keeps clear of the pole at 0."""
    low, high = terms.domain()
    step = 0.7 / np.sqrt(terms.cumulant(2))
    right = np.minimum(step, 0.5 * high)
    left = np.maximum(-step, 0.5 * low)
    # On the side that has no singularity the step is always available.
    near = np.where(saddle >= 0, np.maximum(saddle, right), np.minimum(saddle, left))
    return near


@dataclass(frozen=True)
class _Path:
    """Parabolas `s = crossing + bend u^2 + i u`, `u = width sinh(v)`, 0 <= v <= reach; arrays of shape (L,)."""

    crossing: Array
    bend: Array
    width: Array
    reach: Array
    log_base: Array

    def take(self, index: NDArray[np.intp]) -> _Path:
        return _Path(*(getattr(self, f.name)[index] for f in fields(self)))


def _integral(terms: GammaTerms, x: Array, crossing: Array, *, pole: bool) -> Array:
    """Logarithm of the (positive) integral along the whole parabola, shape (L,)."""
    path = _path(terms, x, crossing)
    total, gap, noise = _trapezoid(terms, x, path, NODES, pole)
    todo = np.flatnonzero(gap > np.maximum(_SETTLED * np.abs(total), noise))
    nodes = NODES
    # Convergence is geometric: where 2h and h agree to 1e-6, the error at h is near 1e-12.
    while todo.size and nodes < _MOST_NODES:
        nodes *= 2
        part = _trapezoid(terms.take(todo), x[todo], path.take(todo), nodes, pole)
        total[todo], gap, noise[todo] = part
        todo = todo[gap > np.maximum(_SETTLED * np.abs(total[todo]), noise[todo])]
    if todo.size:
        raise ArithmeticError(
            f"the contour integral of a weighted sum did not converge with {nodes} nodes at x = {x[todo[0]]:g} "
            "(offset 0); its terms differ too much in scale for this point"
        )
    # In a gap between two modes the integral cancels; what is left there is not smaller than its rounding noise.
    return np.log(np.maximum(total, noise)) + path.log_base - crossing * x


def _path(terms: GammaTerms, x: Array, crossing: Array) -> _Path:
    tilted = terms.tilt(crossing)
    k2, k3 = tilted.continuous_moments()[1], tilted.cumulant(3)
    bend, width = _bend(terms, x, crossing, k2, k3), 1 / np.sqrt(k2)
    path = _Path(crossing, bend, width, np.full(x.shape, _LONGEST), _log_continuous(terms, crossing))
    size = _size(terms, x, path)
    # Beside a wide term a narrow one has its cut far out; a parabola that bends for the wide one may graze it, where
    # the integrand grows and cancels. Such a parabola is made flatter.
    for _ in range(_FLATTENINGS):
        wild = np.flatnonzero(size.max(axis=1) > _WILD)
        if not wild.size:
            break
        path.bend[wild] /= 2
        size[wild] = _size(terms.take(wild), x[wild], path.take(wild))
    with np.errstate(divide="ignore"):
        enough = np.log(size) < -42.0
    # To where the integrand has fallen below 1e-18 of its value on the axis.
    first = np.where(enough.any(axis=1), np.argmax(enough, axis=1), _PROBES.size - 1)
    return replace(path, reach=_PROBES[first])


def _size(terms: GammaTerms, x: Array, path: _Path) -> Array:
    """Modulus of the integrand in v at the probes, of shape (L, probes), over its value on the axis."""
    # Far out along the parabola the integrand may overflow before the probe where it is found to have vanished.
    with np.errstate(over="ignore", invalid="ignore"):
        size = np.abs(_values(terms, x, path, _PROBES)[0]) * np.cosh(_PROBES)
    return np.asarray(np.where(np.isnan(size), np.inf, size))


def _values(
    terms: GammaTerms, x: Array, path: _Path, v: Array
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], Array]:
    """Integrand without the oscillation on the axis, `s`, and `u`; `v` of shape (N,) or (L, N)."""
    u = path.width[:, None] * np.sinh(v)
    s = path.crossing[:, None] + path.bend[:, None] * u**2 + 1j * u
    spread = GammaTerms(terms.b[:, None, :], terms.shape[:, None, :], terms.active[:, None, :])
    scale = path.log_base[:, None] + path.bend[:, None] * u**2 * x[:, None]
    return spread.continuous_mgf(s, scale) * np.exp(-1j * u * x[:, None]), s, u


def _trapezoid(
    terms: GammaTerms, x: Array, path: _Path, nodes: int, pole: bool
) -> tuple[Array, Array, Array]:
    """The integral with steps h, its distance to that with steps 2h, and its rounding noise."""
    v = np.arange(nodes + 1) * (path.reach / nodes)[:, None]
    value, s, u = _values(terms, x, path, v)
    jacobian = (1 - 2j * path.bend[:, None] * u) * path.width[:, None] * np.cosh(v)
    integrand = (value * jacobian / (s if pole else 1.0)).real
    integrand[:, 0] *= 0.5
    scale = path.reach / (nodes * np.pi) * (np.sign(path.crossing) if pole else 1.0)
    total = integrand.sum(axis=1) * scale
    gap = np.abs(total - 2 * integrand[:, ::2].sum(axis=1) * scale)
    return total, gap, _NOISE * np.abs(integrand).sum(axis=1) * np.abs(scale)


def _bend(terms: GammaTerms, x: Array, crossing: Array, k2: Array, k3: Array) -> Array:
    """Curvature of the parabola: that of the steepest descent, kept on the side of `x`.

    With a large total shape the characteristic function falls off fast by itself, and a parabola that bends as
    the one dominant term wants would run close to the cuts of the many others: so it bends less.
    """
    side = np.where(x >= 0, 1.0, -1.0)
    low, high = terms.domain()
    distance = np.where(x >= 0, high - crossing, crossing - low)
    steepest = side * k3 / (6 * k2)
    unit = np.where(np.isfinite(distance), 1 / (3 * distance), np.abs(k3) / (6 * k2))
    total_shape = np.sum(np.where(terms.b == 0, 0.0, terms.shape), axis=-1)
    return side * np.clip(steepest, 0.15 * unit, unit) * np.minimum(1.0, _SMALL_SHAPE / total_shape)


def _log_continuous(terms: GammaTerms, s: Array) -> Array:
    """Logarithm of the moment generating function without the joint atom, at real s."""
    whole = terms.log_mgf(s)
    return whole + np.log(-np.expm1(terms.tilt(s).log_atom()))
