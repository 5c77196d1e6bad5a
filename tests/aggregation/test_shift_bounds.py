"""Bounds of what a shift does to a pooled feature: laws for all maps, limits, and mistakes that are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aggdist.aggregation import pool
from aggdist.aggregation.shift_bounds import flattening_bound, relative_change, shift_bound

ACTIVATIONS = st.floats(0.0, 50.0, allow_subnormal=False)


@given(
    stay=hnp.arrays(float, 6, elements=ACTIVATIONS),
    out=hnp.arrays(float, 3, elements=ACTIVATIONS),
    into=hnp.arrays(float, 3, elements=ACTIVATIONS),
    name=st.sampled_from(["avg", "max", "gem", "lp", "lse"]),
    p=st.floats(1.0, 8.0),
)
def test_no_map_moves_its_feature_beyond_the_bound(stay, out, into, name, p):
    before, after = (pool(np.concatenate([stay, x])[None, None], name, p, r=0.5)[0, 0] for x in (out, into))
    bound = shift_bound(out, into, 9, name, p, r=0.5)
    assert abs(after - before) <= bound + 1e-9 * (1 + before + after)


@given(values=hnp.arrays(float, (4, 3), elements=ACTIVATIONS), name=st.sampled_from(["avg", "max", "gem"]))
def test_what_leaves_and_comes_back_moves_nothing(values, name):
    assert np.all(shift_bound(values, values[:, ::-1], 9, name) <= 1e-4 * (1 + values.max()))


def test_large_powers_do_not_overflow_and_tend_to_the_largest_value():
    out, into = np.array([3.0, 90.0]), np.array([0.0, 1.0])
    assert shift_bound(out, into, 9, "gem", p=500.0) == pytest.approx(90.0, rel=0.01)
    assert shift_bound(0 * out, 0 * into, 9, "gem") == 0.0


@given(weights=hnp.arrays(float, (3, 7), elements=st.floats(-5, 5)), seed=st.integers(0, 10))
def test_no_map_moves_a_flattening_head_beyond_its_bound(weights, seed):
    maps = np.random.default_rng(seed).random((50, 7))
    change = np.abs((np.roll(maps, 1, axis=1) - maps) @ weights.T)
    assert np.all(change <= flattening_bound(weights) + 1e-9)


def test_equal_weights_are_average_pooling():
    assert flattening_bound(np.full(9, 0.3)) == 0.0


def test_the_typical_change_is_that_of_simulated_maps():
    rng = np.random.default_rng(0)
    n, images = 16, 40_000
    shared = rng.normal(size=(images, 1))
    old, new = (np.sqrt(0.3) * shared + np.sqrt(0.7) * rng.normal(size=(images, n)) for _ in range(2))
    moved = np.concatenate([old[:, 8:], new[:, :8]], axis=1)  # half of the columns
    got = (moved.mean(1) - old.mean(1)).std() / old.mean(1).std()
    assert got == pytest.approx(float(relative_change(2, 4, n, 0.3)), rel=0.02)
    assert relative_change(1, 7, [10, 1000], 0.0) == pytest.approx(np.sqrt(2 / 7))


@pytest.mark.parametrize(
    ("out", "into", "name", "message"),
    [
        (
            [1.0],
            [1.0, 2.0],
            "avg",
            r"leave of shape \(1,\) and that enter of shape \(2,\), expected the same",
        ),
        ([1.0] * 5, [1.0] * 5, "avg", "with between 1 and 4 of them"),
        ([-1.0], [1.0], "avg", "that leave hold NaN or negative values"),
        ([1.0], [np.nan], "max", "that enter hold NaN or negative values"),
        ([1.0], [1.0], "mean", "unknown aggregation 'mean'"),
    ],
)
def test_mistakes_are_told(out, into, name, message):
    with pytest.raises(ValueError, match=message):
        shift_bound(out, into, 4, name)
