"""Checks of chapter T12: what aggregation makes invariant, and how far a shift can move what it does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import pool
from aggdist.aggregation.shift_bounds import flattening_bound, relative_change, shift_bound
from aggdist.equations.registry import Evidence, absolute_error, equation, relative_error, violation

Array = NDArray[np.float64]
_CHAPTER = "12_spatial_invariance"
_KINDS = (("avg", 1.0), ("gem", 1.7), ("gem", 3.0), ("lp", 3.0), ("lse", 1.0))
"""Name and power; log-sum-exp does not read the power."""


def sparse_maps(rng: np.random.Generator, shape: tuple[int, ...], active: float = 0.4) -> Array:
    """Zero-inflated exponential activations."""
    return np.asarray(rng.exponential(1.0, shape) * (rng.random(shape) < active))


@equation(
    "T12.1", "pooled features are those of the map in any other order of its positions", chapter=_CHAPTER
)
def _permutation() -> Evidence:
    rng = np.random.default_rng(1201)
    maps = sparse_maps(rng, (40, 3, 5, 7))
    order = rng.permutation(35)
    mixed = maps.reshape(40, 3, 35)[..., order].reshape(maps.shape)
    errors = [absolute_error(pool(mixed, n, p), pool(maps, n, p)) for n, p in (*_KINDS, ("max", 1.0))]
    turned = absolute_error(pool(np.roll(maps, (2, 3), axis=(2, 3)), "gem"), pool(maps, "gem"))
    return Evidence(max(*errors, turned), 1e-13, "40 maps of 3 channels and 35 positions, every aggregation")


@equation("T12.2", "a shift moves a feature by at most phi^-1(|in - out|/N)", chapter=_CHAPTER)
def _bound() -> Evidence:
    rng = np.random.default_rng(1202)
    worst = []
    for name, p in _KINDS:
        for active in (0.05, 0.4, 1.0):
            stay, out, into = (sparse_maps(rng, (2000, 1, m), active) for m in (12, 4, 4))
            before, after = (pool(np.concatenate([stay, x], axis=2), name, p) for x in (out, into))
            bound = shift_bound(out, into, 16, name, p)
            worst.append(violation(np.abs(after - before), bound + 1e-12))
    return Evidence(
        max(worst), 0.0, "30,000 maps of 16 positions, 4 replaced; average, GeM, L_p, log-sum-exp"
    )


@equation("T12.3", "the bound is attained where nothing stays, and by the average always", chapter=_CHAPTER)
def _attained() -> Evidence:
    rng = np.random.default_rng(1203)
    errors = []
    for name, p in _KINDS:
        stay, out = sparse_maps(rng, (500, 1, 12)), sparse_maps(rng, (500, 1, 4), 1.0)
        kept = stay if name == "avg" else np.zeros_like(stay)
        before, after = (pool(np.concatenate([kept, x], axis=2), name, p) for x in (out, 0 * out))
        bound = shift_bound(out, np.zeros_like(out), 16, name, p)
        errors.append(relative_error(np.abs(before - after), bound))
    return Evidence(max(errors), 1e-12, "zeros enter; 2,500 maps")


@equation("T12.4", "a maximum moves by at most the difference of the largest values", chapter=_CHAPTER)
def _maximum() -> Evidence:
    rng = np.random.default_rng(1204)
    stay, out, into = (sparse_maps(rng, (20_000, 1, m), 0.3) for m in (12, 4, 4))
    before, after = (pool(np.concatenate([stay, x], axis=2), "max") for x in (out, into))
    worst = violation(np.abs(after - before), shift_bound(out, into, 16, "max"))
    # The limit of the generalised mean's bound, (|in - out|/N)^(1/p), as p grows.
    limit = shift_bound(out[:200] + 0.1, into[:200] + 2.0, 16, "gem", p=600.0)
    largest = np.maximum(out[:200].max(-1) + 0.1, into[:200].max(-1) + 2.0)
    return Evidence(
        max(worst, absolute_error(limit / largest, 1.0) - 0.02), 0.0, "20,000 maps; p = 600 within 2 %"
    )


@equation("T12.5", "output nodes move by at most sum |w| |dZ| and |w| |dZ| (norms)", chapter=_CHAPTER)
def _outputs() -> Evidence:
    rng = np.random.default_rng(1205)
    before, after = (pool(sparse_maps(rng, (500, 30, 16)), "gem") for _ in range(2))
    w = rng.normal(size=(10, 30))
    change, moved = np.abs((after - before) @ w.T), np.abs(after - before)
    lengths = np.linalg.norm(moved, axis=1)[:, None] * np.linalg.norm(w, axis=1)
    worst = max(violation(change, moved @ np.abs(w).T), violation(change, lengths))
    return Evidence(worst, 1e-12, "500 pairs of maps, 30 channels, 10 nodes")


@equation(
    "T12.6", "a circular shift moves a flattening head by up to half the variation of w", chapter=_CHAPTER
)
def _flattening() -> Evidence:
    rng = np.random.default_rng(1206)
    w = rng.normal(size=(20, 10))
    corners = (np.arange(2**10)[:, None] >> np.arange(10)) & 1  # a linear function is largest in a corner
    change = np.abs((np.roll(corners, 1, axis=1) - corners) @ w.T).max(axis=0)
    alternating = np.where(np.arange(1000) % 2 == 0, 1.0, -1.0) / 1000
    both = np.append(change, 1.0), np.append(flattening_bound(w), flattening_bound(alternating))
    return Evidence(
        relative_error(*both), 1e-12, "all 1,024 corners of [0, 1]^10 for 20 heads; N = 1,000 by hand"
    )


@equation(
    "T12.7", "sd(dZ)/sd(Z) = sqrt((2m/W)(1 - rho) N_eff/N) where columns are replaced", chapter=_CHAPTER
)
def _typical() -> Evidence:
    height, width, got, expected = 5, 8, [], []
    n = height * width
    for rho in (0.0, 0.1, 0.6):
        # All positions of two maps that share their columns 3 to 7: one covariance matrix of n + 3 height values.
        covariance = (1 - rho) * np.eye(n + 3 * height) + rho
        before = np.concatenate([np.ones(n), np.zeros(3 * height)]) / n
        after = np.concatenate([np.zeros(3 * height), np.ones(n)]) / n
        change = after - before
        got.append(np.sqrt(change @ covariance @ change / (before @ covariance @ before)))
        expected.append(float(relative_change(3, width, n, rho)))
    return Evidence(
        relative_error(got, expected), 1e-12, "covariance matrices of 5 x 8 maps, 3 columns, 3 rho"
    )


def small_network(images: Array, kernel: Array) -> Array:
    """Images (n, W) -> correlation with a kernel of odd length, zero padding, ReLU, maximum of pairs: (n, W/2)."""
    reach = kernel.size // 2
    padded = np.pad(images, ((0, 0), (reach, reach)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.size, axis=1)
    active = np.maximum(windows @ kernel, 0.0)
    return np.asarray(active.reshape(len(images), -1, 2).max(axis=2))


@equation(
    "T12.8",
    "shifting an image by a multiple of the total stride shifts the map, off the borders",
    chapter=_CHAPTER,
)
def _equivariance() -> Evidence:
    rng = np.random.default_rng(1208)
    images, kernel = rng.normal(size=(200, 64)), rng.normal(size=5)
    steps = 3
    plain, shifted = (small_network(x, kernel) for x in (images, np.roll(images, 2 * steps, axis=1)))
    # Away from the borders: a position's receptive field is 6 wide, so 2 positions on either side are touched.
    inner = slice(2 + steps, -2)
    error = absolute_error(shifted[:, inner], np.roll(plain, steps, axis=1)[:, inner])
    between = small_network(np.roll(images, 1, axis=1), kernel)
    others = [absolute_error(between[:, 4:-4], np.roll(plain, k, axis=1)[:, 4:-4]) for k in (0, 1)]
    return Evidence(
        max(error, 0.1 - min(others)), 1e-12, "200 signals; a shift by half a stride is no shift of the map"
    )
