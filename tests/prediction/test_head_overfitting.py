"""Training and test separation of a learnt head: laws, limits, and mistakes that are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.prediction import head_overfitting as theory

NUMBERS = st.floats(0.1, 100)


@given(delta2=NUMBERS, d=st.integers(1, 5000), n=st.integers(1, 5000))
def test_training_looks_better_than_it_is_and_both_tend_to_the_truth(delta2, d, n):
    moments = theory.whitened(delta2, d)
    train, test = theory.training_separation(moments, n), theory.held_out_separation(moments, n)
    assert test <= delta2 * (1 + 1e-12) <= train * (1 + 1e-9)
    assert theory.held_out_separation(moments, 1e12) == pytest.approx(delta2)
    assert theory.training_separation(moments, 1e12) == pytest.approx(delta2)


@given(a=NUMBERS, ratio=st.floats(1.001, 5.0), c=st.integers(1, 300), positions=st.integers(2, 100))
def test_below_the_break_even_point_averaging_is_better(a, ratio, c, positions):
    f = a * ratio
    n = float(theory.break_even(a, f, c, positions))
    if n == 0:
        n = 1.0
        assert theory.held_out_separation(theory.whitened(a, c), n) <= theory.held_out_separation(
            theory.whitened(f, c * positions), n
        ) * (1 + 1e-9)
        return
    for factor, sign in ((0.5, 1), (2.0, -1)):
        if factor * n < 1:
            continue
        lead = theory.held_out_separation(theory.whitened(a, c), factor * n) - theory.held_out_separation(
            theory.whitened(f, c * positions), factor * n
        )
        assert sign * lead > 0


def test_nothing_lost_is_an_infinite_break_even_point():
    assert theory.break_even(3.0, 3.0, 10, 4) == np.inf
    assert theory.break_even(1.0, 10.0, 10, 4) == 0.0


@given(seed=st.integers(0, 50), rho=st.floats(-0.1, 0.9))
def test_the_map_knows_at_least_what_its_average_knows(seed, rho):
    delta = np.random.default_rng(seed).normal(size=(5, 8))
    flat, averaged = theory.exchangeable_separation(delta, 1.3, rho)
    assert np.all(averaged <= flat + 1e-12)
    equal = theory.exchangeable_separation(np.full(8, 0.4), 1.3, rho)
    assert equal[0] == pytest.approx(equal[1])


def test_the_effective_dimension_counts_directions_that_vary():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(400, 30)) * np.r_[np.ones(3), np.full(27, 0.01)] for _ in range(2))
    assert theory.difference_moments(x, y).effective_dimension() == pytest.approx(3.0, rel=0.05)
    assert theory.whitened(4.0, 30).effective_dimension() == 30.0


def test_a_sample_kl_is_that_of_two_normals():
    rng = np.random.default_rng(1)
    x, y = 2.0 + rng.normal(size=200_000), rng.normal(size=200_000)
    assert theory.sample_kl(x, y) == pytest.approx(2.0, rel=0.02)
    assert theory.sample_kl(x, y) == pytest.approx(theory.sample_kl(y, x))


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r"examples of each class: got 0\.0, expected at least 1"):
        theory.held_out_separation(theory.whitened(1.0, 2), 0)
    with pytest.raises(
        ValueError, match=r"correlation 1.0, expected a positive variance and a correlation between"
    ):
        theory.exchangeable_separation([1.0, 2.0], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(5, 3\), expected .* at least 3 rows"):
        theory.difference_moments(np.ones((2, 3)), np.ones((5, 3)))
