"""Pooling in numpy, by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggdist.aggregation import AGGREGATIONS, aggregation, check_power, layer, pool

MAPS = arrays(np.float64, (3, 2, 4, 2), elements=st.floats(0.0, 100.0))


def test_known_values():
    maps = np.array([[[0.0, 1.0, 2.0]]])
    assert pool(maps, "avg") == pytest.approx(1.0)
    assert pool(maps, "max") == 2.0
    assert pool(maps, "gem") == pytest.approx(3.0 ** (1.0 / 3.0))
    assert pool(maps, "gem", p=2.0) == pytest.approx(np.sqrt(5.0 / 3.0))
    assert pool(maps, "lp", p=2.0) == pytest.approx(np.sqrt(5.0))
    assert pool(maps, "lp", p=1.0) == pytest.approx(3.0)
    assert pool(maps, "lse") == pytest.approx(np.log((1 + np.e + np.e**2) / 3))
    assert pool(maps, "lse", r=2.0) == pytest.approx(np.log((1 + np.e**2 + np.e**4) / 3) / 2)


@given(MAPS)
def test_between_average_and_maximum(maps):
    average, gem, largest = (pool(maps, name) for name in ("avg", "gem", "max"))
    slack = 1e-9 * (1.0 + largest)
    assert (average <= gem + slack).all()
    assert (gem <= largest + slack).all()


@given(MAPS, st.floats(1e-3, 1e3))
def test_log_sum_exp_is_between_average_and_maximum_and_grows_with_the_sharpness(maps, r):
    average, soft, sharper, largest = (
        pool(maps, "avg"),
        pool(maps, "lse", r=r),
        pool(maps, "lse", r=2 * r),
        pool(maps, "max"),
    )
    slack = 1e-9 * (1.0 + largest)
    assert (average <= soft + slack).all()
    assert (soft <= sharper + slack).all()
    assert (sharper <= largest + slack).all()
    assert (largest - soft <= np.log(8) / r + slack).all()


@given(MAPS)
def test_power_one_is_the_average(maps):
    np.testing.assert_allclose(pool(maps, "gem", p=1.0), pool(maps, "avg"), rtol=1e-12, atol=1e-300)


@given(MAPS, st.permutations(range(8)))
def test_permuting_positions_changes_nothing(maps, order):
    flat = maps.reshape(3, 2, 8)
    for name in AGGREGATIONS:
        np.testing.assert_allclose(pool(flat[:, :, order], name), pool(maps, name), rtol=1e-12)


@pytest.mark.parametrize("name", AGGREGATIONS)
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_homogeneous_without_overflow(name, scale):
    maps = np.random.default_rng(1).gamma(1.0, size=(4, 3, 5))
    # The sharpness has the inverse unit of the activations.
    found = pool(scale * maps, name, r=1.0 / scale)
    np.testing.assert_allclose(found, scale * pool(maps, name), rtol=1e-12)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_all_zero_map_gives_exact_zero(name):
    assert (pool(np.zeros((2, 3, 4)), name) == 0.0).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_shape_and_type(name):
    maps = np.ones((2, 3, 4, 5), dtype=np.float32)
    assert pool(maps, name).dtype == np.float32
    assert pool(maps, name).shape == (2, 3)
    assert pool(maps.astype(int), name).dtype == np.float64
    assert pool(np.ones((6, 7)), name, axis=1).shape == (6,)
    assert pool(maps, name, axis=(-1, 0)).shape == (3, 4)


def test_unknown_name_lists_the_known():
    with pytest.raises(
        ValueError, match="unknown aggregation 'mean': expected one of avg, max, gem, lp, lse"
    ):
        pool(np.ones((1, 1, 1)), "mean")
    with pytest.raises(ValueError, match="unknown aggregation 'mean'"):
        layer("mean")
    with pytest.raises(ValueError, match="unknown aggregation"):
        aggregation("")


@pytest.mark.parametrize("p", [0.5, 0.0, -1.0, np.nan, np.inf])
def test_impossible_power(p):
    with pytest.raises(ValueError, match="expected a finite number >= 1"):
        check_power(p)
    with pytest.raises(ValueError, match="expected a finite number >= 1"):
        pool(np.ones((1, 1, 2)), "gem", p=p)


@pytest.mark.parametrize("r", [0.0, -1.0, np.nan, np.inf])
def test_impossible_sharpness(r):
    with pytest.raises(ValueError, match="expected a finite number > 0"):
        pool(np.ones((1, 1, 2)), "lse", r=r)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.ones((2, 3)), r"shape \(2, 3\): expected \(images, channels, \*positions\)"),
        (np.ones((2, 0, 3)), "are empty"),
        (np.array([[[np.nan, 1.0]]]), "NaN or infinite"),
        (np.array([[[np.inf, 1.0]]]), "NaN or infinite"),
        (np.array([[[-0.5, 1.0]]]), "negative activations .smallest -0.5"),
    ],
)
def test_bad_maps(maps, message):
    with pytest.raises(ValueError, match=message):
        pool(maps, "avg")
