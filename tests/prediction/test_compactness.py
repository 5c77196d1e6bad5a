"""Merging features and averaging over blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import pool
from aggdist.prediction.compactness import block_means, kept_by_averaging, merged_separation, separation


@given(seed=st.integers(0, 100), rows=st.integers(1, 4))
def test_kept_and_lost_add_up_whatever_is_merged(seed, rows):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(6, 6))
    delta, sigma = rng.normal(size=6), root @ root.T + np.eye(6)
    kept, lost = merged_separation(delta, sigma, rng.normal(size=(rows, 6)))
    assert lost >= -1e-9
    assert kept + lost == pytest.approx(separation(delta, sigma))


def test_blocks_lead_from_the_average_to_the_flattened_map():
    maps = np.random.default_rng(0).random((5, 3, 4, 6))
    assert np.allclose(block_means(maps, 1), pool(maps, "avg"))
    assert np.allclose(block_means(maps, 100), maps.reshape(5, -1))
    assert block_means(maps, 2).shape == (5, 12)
    assert block_means(maps, 2)[0, 0] == pytest.approx(maps[0, 0, :2, :3].mean())
    assert block_means(maps[..., 0], 3)[0, 1] == pytest.approx(maps[0, 0, 1, 0])


def test_uneven_blocks_are_averages_of_their_own_positions():
    maps = np.arange(7.0).reshape(1, 1, 7)
    assert block_means(maps, 2).tolist() == [[1.0, 4.5]]


def test_an_average_keeps_all_of_equal_and_nothing_of_opposed_differences():
    means = np.zeros((2, 3, 4))
    means[1, 0], means[1, 1] = 1.0, [1, -1, 1, -1]
    found = kept_by_averaging(means, np.ones(3), np.full(3, 0.3))
    assert found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((1, 3)), r"P \(1, 3\), expected"),
        (np.ones((2, 4)), "P has 2 rows of rank 1, expected independent rows"),
        (np.eye(4), "P has 4 rows of rank 4, expected independent rows, fewer than 4"),
    ],
)
def test_mistakes_are_told(rows, message):
    with pytest.raises(ValueError, match=message):
        merged_separation(np.ones(4), np.eye(4), rows)


def test_maps_without_positions_are_refused():
    with pytest.raises(ValueError, match=r"got maps of shape \(2, 3\) and 1 blocks"):
        block_means(np.ones((2, 3)), 1)
