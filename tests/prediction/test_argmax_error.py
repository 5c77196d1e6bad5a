"""The error of the largest node from the laws of all nodes."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.distributions import Normal, ZeroInflatedGamma
from aggdist.prediction import NodeLaws
from aggdist.prediction.argmax_error import (
    copula_accuracy,
    independent_accuracy,
    node_correlations,
    pairwise_errors,
)


def normal_nodes(lead, nodes=4):
    return NodeLaws(Normal(lead * np.eye(nodes), np.ones((nodes, nodes))), np.arange(1.0, nodes + 1))


def test_nodes_that_say_nothing_are_right_by_chance():
    found = independent_accuracy(normal_nodes(0.0))
    assert np.allclose(found.recall, 0.25, atol=1e-6)
    assert found.error == pytest.approx(0.75, abs=1e-6)
    assert independent_accuracy(normal_nodes(20.0)).error == pytest.approx(0.0, abs=1e-8)


def test_without_correlation_the_copula_is_independence():
    laws = normal_nodes(1.5)
    expected = independent_accuracy(laws).recall
    found = copula_accuracy(laws, np.tile(np.eye(4), (4, 1, 1)), draws=60_000, rng=np.random.default_rng(3))
    assert np.all(np.abs(found.recall - expected) < 4 * found.standard_error)


def test_laws_that_are_not_normal_keep_their_margins():
    shape = np.where(np.eye(3, dtype=bool), 4.0, 1.0)
    laws = NodeLaws(ZeroInflatedGamma(np.ones((3, 3)), shape, np.ones((3, 3))), np.ones(3))
    expected = independent_accuracy(laws).recall
    found = copula_accuracy(laws, np.tile(np.eye(3), (3, 1, 1)), draws=60_000, rng=np.random.default_rng(4))
    assert np.all(np.abs(found.recall - expected) < 4 * found.standard_error + 1e-3)
    rng = np.random.default_rng(5)
    y = rng.gamma(shape[:, 0], size=(200_000, 3))
    assert expected[0] == pytest.approx(np.mean(y.argmax(1) == 0), abs=0.005)


def test_what_nodes_share_does_no_harm():
    laws = normal_nodes(1.0)
    shared = np.tile(0.95 + 0.05 * np.eye(4), (4, 1, 1))
    found = copula_accuracy(laws, shared, rng=np.random.default_rng(0))
    assert np.all(found.recall > independent_accuracy(laws).recall + 0.2)


def test_correlations_are_those_of_the_images_of_each_label():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1, 2], 4000)
    y = rng.normal(size=(12_000, 3))
    y[labels == 1, 0] += 2 * y[labels == 1, 2]
    found = node_correlations(y, labels, 3)
    assert np.allclose(found[0], np.eye(3), atol=0.06)
    assert found[1, 0, 2] == pytest.approx(2 / np.sqrt(5), abs=0.03)


def test_pairs_bound_the_error():
    laws = normal_nodes(1.0)
    pairs, error = pairwise_errors(laws), 1 - independent_accuracy(laws).recall
    assert np.all(np.diag(pairs) == 0)
    assert np.all(pairs.max(axis=1) <= error)
    assert np.all(error <= pairs.sum(axis=1))


def test_mistakes_are_told():
    laws = normal_nodes(1.0)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"got shape \(4, 4\), expected \(4, 4, 4\)"):
        copula_accuracy(laws, np.eye(4), rng=rng)
    with pytest.raises(ValueError, match="smallest eigenvalue of -"):
        copula_accuracy(laws, np.tile(2 * np.ones((4, 4)) - np.eye(4), (4, 1, 1)), rng=rng)
    with pytest.raises(ValueError, match="label 1 has 2 images, expected at least three"):
        node_correlations(np.ones((6, 2)), np.array([0, 0, 0, 0, 1, 1]), 2)
    with pytest.raises(ValueError, match="node 1 is constant given a label"):
        node_correlations(np.c_[np.arange(6.0), np.ones(6)], np.array([0, 0, 0, 1, 1, 1]), 2)
    silent = NodeLaws(ZeroInflatedGamma(np.full((2, 2), 0.5), np.ones((2, 2)), np.ones((2, 2))), np.ones(2))
    for function in (independent_accuracy, pairwise_errors):
        with pytest.raises(ValueError, match="with an atom, expected continuous laws"):
            function(silent)
