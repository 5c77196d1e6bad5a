"""Fitting and judging images: disjoint, of the stated sizes, at random, and the few among them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.halves import few_of_each, split_in_halves


@st.composite
def labelled(draw):
    """Labels of two to five classes of at least four images, in any order, and a seed."""
    counts = draw(st.lists(st.integers(4, 40), min_size=2, max_size=5))
    seed = draw(st.integers(0, 10_000))
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)), seed


def test_sizes_of_three_classes():
    labels = np.repeat([0, 1, 2], [40, 9, 100])
    fit, judge = split_in_halves(labels, 30, np.random.default_rng(0))
    assert list(np.bincount(labels[fit])) == [20, 4, 30]
    assert list(np.bincount(labels[judge])) == [20, 5, 50]


@given(labelled(), st.integers(2, 60))
def test_halves_are_disjoint_and_of_the_stated_sizes(data, most):
    """At most half of a class is for fitting; what is for judging is never less."""
    labels, seed = data
    fit, judge = split_in_halves(labels, most, np.random.default_rng(seed))
    assert np.all(np.diff(fit) > 0)
    assert np.all(np.diff(judge) > 0)
    assert not set(fit) & set(judge)
    counts = np.bincount(labels)
    ours, theirs = np.bincount(labels[fit]), np.bincount(labels[judge])
    np.testing.assert_array_equal(ours, np.minimum(most, counts // 2))
    np.testing.assert_array_equal(theirs, np.minimum(np.maximum(most, counts // 2), counts - ours))
    assert np.all(theirs >= ours)


@given(labelled())
def test_without_a_limit_every_image_is_in_one_half(data):
    labels, seed = data
    fit, judge = split_in_halves(labels, len(labels), np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate([fit, judge])), np.arange(len(labels)))


@given(labelled(), st.integers(1, 50))
def test_few_of_each_class(data, count):
    labels, seed = data
    chosen = few_of_each(labels, count, np.random.default_rng(seed))
    assert np.all(np.diff(chosen) > 0)
    np.testing.assert_array_equal(np.bincount(labels[chosen]), np.minimum(count, np.bincount(labels)))


def test_a_class_that_is_not_there_is_left_out():
    labels = np.array([2, 0, 2, 0, 2])
    assert sorted(labels[few_of_each(labels, 2, np.random.default_rng(0))]) == [0, 0, 2, 2]


def test_the_seed_decides():
    labels = np.arange(200) % 2
    for function in (
        lambda rng: split_in_halves(labels, 60, rng)[0],
        lambda rng: few_of_each(labels, 60, rng),
    ):
        first, again, other = (function(np.random.default_rng(s)) for s in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert set(first) != set(other)


def test_every_image_has_the_same_chance():
    """Of 12 images of a class 6 are for fitting, 4 of them few: frequencies within five standard errors."""
    labels, rng, repeats = np.arange(24) % 2, np.random.default_rng(3), 2000
    fitted, judged, few = np.zeros((3, 24))
    for _ in range(repeats):
        fit, judge = split_in_halves(labels, 6, rng)
        fitted[fit] += 1
        judged[judge] += 1
        few[fit[few_of_each(labels[fit], 4, rng)]] += 1
    for times, chance in ((fitted, 1 / 2), (judged, 1 / 2), (few, 1 / 3)):
        assert np.all(np.abs(times / repeats - chance) < 5 * np.sqrt(chance * (1 - chance) / repeats))


def test_fewer_than_four_images_of_a_class_are_refused():
    with pytest.raises(ValueError, match="class 1 has 3 images, expected at least four"):
        split_in_halves(np.repeat([0, 1], [10, 3]), 5, np.random.default_rng(0))
