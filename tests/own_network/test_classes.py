"""Choosing classes, and what is said of small and unequal ones."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from aggdist.own_network.classes import check_counts, choose_classes, count_warnings


def test_names():
    assert choose_classes(None, None, 3, None).names == ("0", "1", "2")
    assert choose_classes(None, {1: "one"}, 3, None).names == ("0", "one", "2")
    folder = SimpleNamespace(classes=["a", "b", "c"])
    assert choose_classes(None, None, 3, SimpleNamespace(dataset=folder)).names == ("a", "b", "c")
    assert choose_classes(None, None, 2, folder).names == ("0", "1")  # not this head's names
    chosen = choose_classes(["c", 0, "c"], None, 3, folder)
    assert (chosen.numbers, chosen.names) == ((2, 0), ("c", "a"))


def test_labels_of_chosen_classes():
    mask, labels = choose_classes([2, 0], None, 3, None).keep(np.array([0, 1, 2, 2]))
    assert mask.tolist() == [True, False, True, True]
    assert labels.tolist() == [1, 0, 0]


def test_bad_classes():
    for classes, message in (
        ([0], "classes: got 1, expected at least two"),
        (["cat", 0], "classes: got 'cat', expected names such as 0, 1, 2"),
        ([0, 3], "classes: got 3, expected numbers from 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            choose_classes(classes, None, 3, None)
    with pytest.raises(ValueError, match="class_names: got 2, expected 3"):
        choose_classes(None, ["a", "b"], 3, None)
    with pytest.raises(ValueError, match="labels run from 1 to 3: expected 0 to 2"):
        choose_classes(None, None, 3, None).keep(np.array([1, 3]))


def test_counts():
    names = [f"c{j}" for j in range(12)]
    check_counts(np.full(12, 12), names)
    with pytest.raises(ValueError, match=r"too few images: c0 has 11, .* and 2 more;.*with enough: c10, c11"):
        check_counts(np.array([11] * 10 + [12, 12]), names)
    with pytest.raises(ValueError, match="with enough: none"):
        check_counts(np.zeros(2, int), names)
    counts = np.array([400, 40, 38])
    assert count_warnings(counts[:2], counts[:2] // 2, names) == []
    few, imbalance = count_warnings(counts, counts // 2, names)
    assert few.startswith("fewer than 20 fitting images: c2 (19); ")
    assert imbalance.startswith("imbalance: c0 has 400 images and c2 38")
