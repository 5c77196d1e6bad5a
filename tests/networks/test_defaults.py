"""The table of training defaults."""

from __future__ import annotations

import pytest

from aggdist.datasets import DATASETS
from aggdist.networks import DEFAULTS, NETWORKS, TrainingParameters, default


def test_every_dataset_has_a_known_network():
    assert set(DEFAULTS) == set(DATASETS)
    assert {entry.network for entry in DEFAULTS.values()} <= set(NETWORKS)


def test_changed_replaces_single_values():
    base = default("digits").training
    assert base.changed(epochs=2).epochs == 2
    assert base.changed(epochs=2).batch_size == base.batch_size
    assert base.changed() == base


def test_unknown_dataset():
    with pytest.raises(ValueError, match="no training defaults for dataset 'svhn': expected one of digits"):
        default("svhn")


def test_unknown_parameter():
    with pytest.raises(
        ValueError, match="unknown training parameters epoch, rate: expected some of batch_size"
    ):
        default("digits").training.changed(epoch=3, rate=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs = 0: expected at least 1"),
        ({"batch_size": 1}, "batch_size = 1: expected at least 2"),
        ({"learning_rate": 0.0}, "learning_rate = 0.0: expected positive"),
        ({"learning_rate": float("nan")}, "learning_rate = nan: expected positive"),
        ({"weight_decay": -1.0}, "weight_decay = -1.0: expected >= 0"),
        ({"warm_up": 1.0}, "warm_up = 1.0: expected between 0 and 1"),
        ({"shift": (0, -1)}, r"shift = \(0, -1\): expected two numbers >= 0"),
        ({"word_dropout": 1.0}, r"word_dropout = 1.0: expected in \[0, 1\)"),
        ({"threads": 0}, "threads = 0: expected at least 1"),
    ],
)
def test_impossible_parameters(values, message):
    with pytest.raises(ValueError, match=message):
        TrainingParameters(**({"epochs": 1, "batch_size": 2, "learning_rate": 0.1} | values))
