"""The study of training: weights are kept, and the last are those of the cached network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aggdist import datasets, networks
from aggdist.studies import StudyRun, compute, epochs
from aggdist.studies.heads import trained_head

RUN = StudyRun("epochs", "digits", "digitcnn")


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record, for one head."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "EPOCH_HEADS", {"digits": ("avg",)})
        yield compute(RUN, progress=False)


def test_every_epoch_is_looked_at(record):
    found = record["heads"]["avg"]
    assert record["epochs"] == [1, 2]
    assert found["test_accuracy"][1] > found["test_accuracy"][0]
    assert all(len(values) == 2 for values in found.values())
    assert np.shape(found["kl"]) == np.shape(found["mean_in"]) == (2, 10)
    assert np.all(np.asarray(found["mean_in"][1]) > np.asarray(found["mean_out"][1]))


def test_the_last_weights_are_bit_for_bit_those_of_the_cached_network(record):
    data = datasets.load("digits")
    prepared = networks.prepare(data)
    cached = trained_head(data, RUN, "avg", prepared=prepared, progress=False)
    _, weights = epochs.weights_by_epoch(cached.recipe, prepared, progress=False)
    assert len(weights) == 2
    final = cached.network.state_dict()
    assert all(torch.equal(value, final[name]) for name, value in weights[-1].items())
    assert not torch.equal(weights[0]["head.weight"], weights[1]["head.weight"])


def test_weights_are_kept_at_the_beginning_of_chosen_steps():
    layer = torch.nn.Linear(2, 1)
    watched = epochs.Remembering(layer, [1])
    x = torch.ones(3, 2)
    watched.train()
    watched(x)
    with torch.no_grad():
        layer.weight.add_(1.0)
    watched.eval()
    watched(x)  # does not count
    watched.train()
    kept = layer.weight.clone()
    watched(x)
    with torch.no_grad():
        layer.weight.add_(1.0)
    assert len(watched.kept) == 1
    assert torch.equal(watched.kept[0]["weight"], kept)
