"""Maximum of many smooth functions of a few variables at once, by damped Newton steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STEP = 1e-4
_HALVINGS = 12


def maximise(
    value: Callable[[Array], Array], start: Array, iterations: int = 60, tolerance: float = 1e-7
) -> tuple[Array, NDArray[np.bool_]]:
    """Maximise `value` (parameters of shape (D, *batch) to values of shape batch) for the whole batch.

    Gradient and Hessian are central differences; a step is halved until the value does not fall, and where
    the Hessian is not negative definite its eigenvalues are made so. Parameters should be of order one in
    scale; `value` returns -inf outside its domain.

    Returns
    -------
    The maximisers, and where the iteration converged (gradient small in the metric of the Hessian).
    """
    at = np.array(start)
    best = value(at)
    converged = np.zeros(best.shape, bool)
    for _ in range(iterations):
        gradient, hessian = _differences(value, at, best)
        step, decrement = _newton_step(gradient, hessian)
        converged = np.isfinite(best) & (decrement <= tolerance**2 * (1 + np.abs(best)))
        if np.all(converged):
            break
        at, best = _line_search(value, at, best, np.where(converged, 0.0, step))
    return at, converged


def _differences(value: Callable[[Array], Array], at: Array, centre: Array) -> tuple[Array, Array]:
    """Gradient (D, *batch) and Hessian (D, D, *batch)."""
    count = len(at)
    shift = _STEP * np.eye(count).reshape(count, count, *(1,) * centre.ndim)
    up, down = [value(at + s) for s in shift], [value(at - s) for s in shift]
    gradient = (np.stack(up) - np.stack(down)) / (2 * _STEP)
    hessian = np.empty((count, *at.shape))
    for i in range(count):
        hessian[i, i] = (up[i] - 2 * centre + down[i]) / _STEP**2
        for j in range(i):
            both = value(at + shift[i] + shift[j]) - up[i] - up[j] + 2 * centre - down[i] - down[j]
            both = both + value(at - shift[i] - shift[j])
            hessian[i, j] = hessian[j, i] = both / (2 * _STEP**2)
    return gradient, hessian


def _newton_step(gradient: Array, hessian: Array) -> tuple[Array, Array]:
    """Ascent direction (D, *batch) and the squared Newton decrement."""
    g = np.moveaxis(np.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0), 0, -1)
    h = np.moveaxis(np.nan_to_num(hessian, nan=0.0, posinf=0.0, neginf=0.0), (0, 1), (-2, -1))
    eigenvalues, vectors = np.linalg.eigh(h)
    along = np.einsum("...ij,...i->...j", vectors, g)
    floor = 1e-6 * np.max(np.abs(eigenvalues), axis=-1, keepdims=True) + 1e-3 * np.abs(along) + 1e-300
    size = np.maximum(np.abs(eigenvalues), floor)
    step = np.einsum("...ij,...j->...i", vectors, along / size)
    decrement = np.sum(along**2 / size, axis=-1)
    # No step longer than one unit: the parameters are logarithms or in units of the spread.
    step = step / np.maximum(1.0, np.linalg.norm(step, axis=-1, keepdims=True))
    valid = np.all(np.isfinite(gradient), axis=0) & np.all(np.isfinite(hessian), axis=(0, 1))
    return np.moveaxis(step, -1, 0), np.where(valid, decrement, np.inf)


def _line_search(value: Callable[[Array], Array], at: Array, best: Array, step: Array) -> tuple[Array, Array]:
    """Halve each step until the value does not fall; keep the place where none helps."""
    todo = np.ones(best.shape, bool)
    for _ in range(_HALVINGS):
        trial = at + np.where(todo, step, 0.0)
        found = value(trial)
        accept = todo & (found >= best)
        at, best = np.where(accept, trial, at), np.where(accept, found, best)
        todo &= ~accept
        if not np.any(todo):
            break
        step = step / 2
    return at, best
