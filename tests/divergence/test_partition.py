"""The partition estimate: by hand, unbiased where it should be, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.divergence import default_bins, equiprobable_edges, partition_kl


def test_by_hand():
    y, x = np.arange(1.0, 9.0), np.array([0.5, 1.5, 7.0, 7.5, 8.5])
    np.testing.assert_allclose(equiprobable_edges(y, 4), [2.5, 4.5, 6.5])
    raw = 0.4 * np.log(0.4 / 0.25) + 0.6 * np.log(0.6 / 0.25)
    assert partition_kl(x, y, 4) == pytest.approx(raw - 1 / 10 - 3 / 16)


@given(st.integers(0, 10**6), st.integers(2, 40), st.integers(40, 120))
def test_bins_hold_equally_many(seed, bins, size):
    sample = np.random.default_rng(seed).normal(size=size)
    edges = equiprobable_edges(sample, bins)
    counts = np.bincount(np.searchsorted(edges, sample), minlength=bins)
    assert counts.max() - counts.min() <= 1


@given(st.integers(0, 10**6), st.floats(0.1, 5.0), st.floats(-3, 3))
def test_does_not_change_under_an_increasing_map(seed, scale, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(1, 1, 80), rng.normal(size=200)
    # Borders lie halfway between two y, so a map that is not affine may move an x across.
    assert partition_kl(scale * x + shift, scale * y + shift, 7) == pytest.approx(partition_kl(x, y, 7))


@pytest.mark.parametrize(("n", "m"), [(300, 300), (200, 1800), (1500, 300)])
def test_unbiased_for_equal_laws(n, m):
    rng = np.random.default_rng(2)
    values = [partition_kl(rng.normal(size=n), rng.normal(size=m)) for _ in range(150)]
    bins = default_bins(m, n)
    uncorrected = (bins - 1) / 2 * (1 / n + 1 / m)
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * error + 0.1 * uncorrected
    assert 4 * error < uncorrected


def test_below_the_true_value_and_below_the_logarithm_of_the_bins():
    rng = np.random.default_rng(3)
    for shift, low in ((1.0, 0.9), (2.0, 0.8)):
        true = shift**2 / 2
        value = np.mean([partition_kl(rng.normal(shift, 1, 1000), rng.normal(size=9000)) for _ in range(20)])
        assert low * true < value < 1.02 * true
    assert partition_kl(rng.normal(50, 1, 500), rng.normal(size=500), 20) == pytest.approx(
        np.log(20) - 19 / 1000
    )


def test_atoms_and_ties_only_merge_bins():
    rng = np.random.default_rng(4)
    x, y = np.maximum(rng.normal(0, 1, 4000), 0), np.maximum(rng.normal(1, 2, 4000), 0)
    edges = equiprobable_edges(y, 20)
    assert edges.size < 19
    assert edges[0] == 0
    assert partition_kl(x, y, 20) == pytest.approx(0.3632, abs=0.04)


def test_fixed_edges_and_a_bin_that_the_second_sample_misses():
    x, y = np.array([0.5, 1.5, 2.5, 3.5]), np.array([0.2, 0.7, 1.2, 1.8])
    assert partition_kl(x, y, edges=[2.0]) == np.inf
    p = np.array([0.25, 0.75])
    raw = np.sum(p * np.log(p / 0.5))
    assert partition_kl(x, y, edges=[1.0]) == pytest.approx(raw - 1 / 8 - 1 / 8)


def test_default_bins():
    assert default_bins(9000, 1000) == 62
    assert default_bins(9000, 100) == 20
    assert default_bins(10, 4) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": 1}, "bins: got 1, expected 2 to 3"),
        ({"bins": 4}, "bins: got 4, expected 2 to 3, the number of values"),
        ({"edges": [2.0, 1.0]}, r"edges: got shape \(2,\), expected one axis .* strictly increasing"),
        ({"edges": [1.0, np.nan]}, "edges: got shape"),
        ({"edges": []}, "edges: got shape"),
    ],
)
def test_bad_bins(arguments, message):
    with pytest.raises(ValueError, match=message):
        partition_kl([1.0, 2.0], [1.0, 2.0, 3.0], **arguments)


def test_samples_are_checked():
    with pytest.raises(ValueError, match="x: got 1 values, expected at least 2"):
        partition_kl([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="y: got NaN or infinite values"):
        partition_kl([1.0, 2.0], [1.0, np.nan])


def test_values_that_are_all_equal_leave_one_border():
    assert partition_kl([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], 2) == pytest.approx(-1 / 6)
