from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import strategies as st

from aggdist.datasets import DatasetError, DatasetMissing, load, specification, status
from aggdist.datasets.digits import read_digits, stratified_split


@st.composite
def labels_and_n_train(draw):
    labels = np.array(draw(st.lists(st.integers(0, 5), min_size=1, max_size=80)), dtype=np.uint8)
    return labels, draw(st.integers(0, labels.size))


@given(labels_and_n_train(), st.integers(0, 1000))
def test_a_split_keeps_all_examples_and_the_proportions(given, seed):
    labels, n_train = given
    train, test = stratified_split(labels, n_train, seed)
    assert train.size == n_train
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(labels.size))
    share = n_train * np.bincount(labels) / labels.size
    assert np.all(np.abs(np.bincount(labels[train], minlength=share.size) - share) < 1)


def test_a_split_is_fixed_by_its_seed():
    labels = np.arange(100) % 10
    first, again, other = (stratified_split(labels, 60, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_split_is_shuffled():
    train, test = stratified_split(np.repeat([0, 1], 50), 60, 0)
    assert not np.array_equal(train, np.sort(train))
    assert not np.array_equal(test, np.sort(test))


@pytest.mark.parametrize("n_train", [-1, 11])
def test_a_split_of_impossible_size_is_an_error(n_train):
    with pytest.raises(
        ValueError, match=f"^n_train: got {n_train}, expected 0 to 10, the number of examples$"
    ):
        stratified_split(np.zeros(10, dtype=int), n_train, 0)


def test_digits_are_those_of_scikit_learn_and_need_no_file():
    digits, bunch = load("digits"), sklearn.datasets.load_digits()
    x = np.concatenate([digits.x_train, digits.x_test])
    y = np.concatenate([digits.y_train, digits.y_test])
    assert (x.dtype, x.min(), x.max()) == (np.uint8, 0, 16)

    def rows(images, labels):
        return sorted(map(tuple, np.column_stack([images.reshape(-1, 64), labels]).astype(int).tolist()))

    assert rows(x, y) == rows(bunch.images, bunch.target)


def test_digits_of_another_scikit_learn_are_refused(monkeypatch):
    right = sklearn.datasets.load_digits()
    images = right.images.copy()
    images[7, 0, 0] += 1
    changed = SimpleNamespace(images=images, target=right.target)
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda: changed)
    message = (
        r"^dataset digits: scikit-learn \S+ with NumPy \S+ gives other data: array x_t\w+ has SHA-256 .*; "
        r"install the versions of this project's constraints file"
    )
    with pytest.raises(DatasetError, match=message):
        read_digits(specification("digits"))
    assert status("digits").startswith("damaged: array x_t")


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    message = "^dataset digits: it comes with scikit-learn, which is not installed; run `pip install"
    with pytest.raises(DatasetMissing, match=message):
        load("digits")
    assert status("digits") == "no"
