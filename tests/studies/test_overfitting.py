"""The study of few training examples, on digits."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.studies import StudyRun, compute, overfitting


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record, with fewer and shorter trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overfitting, "SIZES", {"digits": (40,)})
        patch.setattr(overfitting, "SEEN", 400)
        patch.setattr(overfitting, "TRAINED_HEADS", ("avg", "flatten"))
        patch.setattr(overfitting, "DRAWS", 4)
        yield compute(StudyRun("overfitting", "digits", "digitcnn"), progress=False)


def test_heads_and_sizes_are_told(record):
    assert tuple(record["sizes"]) == (40, 1000)
    assert (record["channels"], record["positions"]) == (32, 16)
    assert record["head_parameters"] == {"avg": 330, "flatten": 5130}


def test_more_examples_help(record):
    for found in record["trained"].values():
        assert found["test_accuracy"][1] > found["test_accuracy"][0]
        assert all(np.all(np.isfinite(values)) for values in found.values())


def test_the_frozen_trunk_follows_the_theory(record):
    frozen = record["frozen"]
    assert frozen["examples"] == [3, 5, 10, 20]
    for kind, dimension in (("pooled", 32), ("flattened", 512)):
        found = {key: np.asarray(values, float) for key, values in frozen[kind].items()}
        assert np.all(found["dimension"] == dimension)
        assert np.all(found["effective_dimension"] < dimension)
        assert np.median(np.abs(found["test"] / found["predicted_test"] - 1)) < 0.2
        assert np.all(found["predicted_train"] > found["predicted_test"])


def test_few_examples_are_seen_often_in_small_batches(monkeypatch):
    monkeypatch.setattr(overfitting, "SEEN", 10_000)
    assert overfitting.training_for("digits", 100) == {"batch_size": 25, "epochs": 100}
    assert overfitting.training_for("fashionmnist", 10_000) == {"batch_size": 128, "epochs": 4}
