"""A head for a trunk: a regression on what the network pools, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

import aggdist
from aggdist.own_network import with_head


@pytest.fixture(scope="module")
def digits():
    found = load_digits()
    return torch.tensor(found.images[:, None] / 16).float(), found.target


@pytest.fixture
def trunk():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 48, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(48), nn.ReLU()).train()


@pytest.mark.parametrize("aggregation", ["avg", "max", "gem"])
def test_it_classifies_images_that_it_has_not_seen(trunk, digits, aggregation):
    x, y = digits
    network = with_head(trunk, x[:1200], y[:1200], aggregation)
    with torch.no_grad():
        right = network(x[1200:]).argmax(dim=1).numpy() == y[1200:]
    assert right.mean() > 0.6
    assert not network.training


def test_two_classes_have_two_nodes_and_the_probabilities_of_the_regression(trunk, digits):
    x, y = digits
    of_two = y < 2
    x, y = x[of_two], y[of_two]
    network = with_head(trunk, x, y)
    with torch.no_grad():
        pooled = network[:2](x).double().numpy()
        found = torch.softmax(network(x).double(), dim=1).numpy()
    deviation = pooled.std(axis=0)
    scaled = (pooled - pooled.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    expected = LogisticRegression(C=1.0, max_iter=2000).fit(scaled, y).predict_proba(scaled)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_network_is_one_that_can_be_analysed(trunk, digits):
    x, y = digits
    network = with_head(trunk, x[:800], y[:800])
    report = aggdist.analyse(network, (x[800:], torch.tensor(y[800:])), splits=1, draws=2, progress=False)
    assert len(report.rows()) == 10
    assert report.record["path"]["channels"] == 48


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 0], r"expected integers of shape \(4,\)"),
        ([0.0, 1.0, 0.0, 1.0], "got float64"),
        ([0, 0, 0, 0], "at least two"),
        ([0, 0, 2, 2], r"\[2, 0, 2\] images"),
        ([-1, 0, 1, 1], "got -1 as the smallest"),
        ([0, 0, 0, 1], "at least 2 images each"),
    ],
)
def test_labels_that_do_not_fit_are_refused(trunk, labels, message):
    with pytest.raises(ValueError, match=message):
        with_head(trunk, torch.rand(4, 1, 8, 8), labels)


def test_a_trunk_without_maps_is_refused(digits):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU())
    with pytest.raises(ValueError, match=r"got outputs of shape \(1, 5\) for one image, expected maps"):
        with_head(flat, digits[0][:20], np.arange(20) % 2)
