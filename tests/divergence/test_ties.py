"""Equal values: broken, spread over what was rounded, or split off as an atom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import RectifiedNormal
from aggdist.divergence import break_ties, dither, kl_divergence, kl_with_atom, knn_kl


@pytest.fixture(scope="module")
def rectified():
    rng = np.random.default_rng(4)
    return np.maximum(rng.normal(0, 1, 8000), 0), np.maximum(rng.normal(1, 2, 8000), 0)


EXACT = float(kl_divergence(RectifiedNormal(0.0, 1.0), RectifiedNormal(1.0, 2.0)))


def test_the_exact_value_is_the_known_one():
    assert pytest.approx(0.3632, abs=1e-4) == EXACT


def test_ties_are_refused_and_can_be_broken(rectified):
    rng = np.random.default_rng(5)
    with pytest.raises(ValueError, match="neighbour distances that are zero, expected none"):
        knn_kl(*rectified)
    assert knn_kl(*break_ties(*rectified, rng=rng), 5) == pytest.approx(EXACT, abs=0.06)


def test_an_atom_is_split_off(rectified):
    assert kl_with_atom(*rectified, lambda x, y: knn_kl(x, y, 5)) == pytest.approx(EXACT, abs=0.05)


def test_an_atom_anywhere_gives_the_chain_rule_by_hand():
    x, y = np.array([2.0, 2.0, 2.0, 5.0]), np.array([2.0, 7.0])
    by_hand = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5) + 0.25 * 3.0
    assert kl_with_atom(x, y, lambda a, b: 3.0, at=2.0) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([0.0, 1.0], [1.0, 2.0], np.inf),  # an atom that y does not have
        ([0.0, 1.0], [0.0, 0.0], np.inf),  # a rest that y does not have
        ([0.0, 0.0], [0.0, 1.0], np.log(2)),  # no rest at all
        ([1.0, 2.0], [0.0, 1.0], np.log(2) + 7.0),  # no atom in x
        ([1.0, 2.0], [1.0, 3.0], 7.0),  # no atom at all
    ],
)
def test_shares_of_zero_and_one(x, y, expected):
    assert kl_with_atom(x, y, lambda a, b: 7.0) == pytest.approx(expected)


@given(st.integers(0, 10**6), st.sampled_from([np.float16, np.float32]))
def test_dithered_values_round_back(seed, dtype):
    rng = np.random.default_rng(seed)
    stored = rng.normal(0, 3, 50).astype(dtype).astype(float)
    spread = dither(stored, rng=rng, dtype=dtype)
    # Half an interval up or down rounds back, but at a power of two, below which intervals are half as wide.
    back = spread.astype(dtype).astype(float)
    wrong = back != stored
    assert np.all(np.log2(np.abs(stored[wrong])) % 1 == 0)
    assert np.unique(spread).size == 50


def test_dithering_restores_the_estimate_where_fine_noise_does_not():
    rng = np.random.default_rng(7)
    x, y = rng.normal(30, 1, 600), rng.normal(29, 1, 3000)
    rounded = [v.astype(np.float16).astype(float) for v in (x, y)]
    true = knn_kl(x, y)
    assert knn_kl(*(dither(v, rng=rng) for v in rounded)) == pytest.approx(true, abs=0.15)
    assert abs(knn_kl(*break_ties(*rounded, rng=rng)) - true) > 0.5


def test_bad_values():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="samples without any spread"):
        break_ties([1.0, 1.0], [1.0], rng=rng)
    with pytest.raises(ValueError, match="values: got some that float16 cannot hold"):
        dither([1.0, 1.0001], rng=rng)
    with pytest.raises(ValueError, match="values: got some that float16 cannot hold"):
        dither([1.0, 1e6], rng=rng)
    with pytest.raises(ValueError, match=r"y: got 0 values, expected at least 1"):
        kl_with_atom([1.0, 0.0], [], lambda a, b: 0.0)
