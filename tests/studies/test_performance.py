"""The study of performance, on digits."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.studies import StudyRun, compute, performance


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record, in two halvings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(performance, "SPLITS", 2)
        patch.setattr(performance, "DRAWS", 2000)
        patch.setattr(performance, "AGGREGATING", ("avg",))
        yield compute(StudyRun("performance", "digits", "digitcnn"), progress=False)


def test_recall_is_that_of_the_confusions(record):
    found = record["heads"]["avg"]
    confusion = np.asarray(found["confusion"])
    assert confusion.sum() == 797
    assert found["recall"] == pytest.approx(np.diag(confusion) / confusion.sum(axis=1))
    assert found["accuracy"] == pytest.approx(np.trace(confusion) / 797)


def test_the_error_of_the_classifier_is_predicted(record):
    found = record["heads"]["avg"]
    for model in performance.MODELS:
        predicted = found["predicted"][model]
        assert len(predicted["splits"]) == 2
        assert np.mean(predicted["splits"]) == pytest.approx(predicted["error"] - found["observed_error"])
    assert abs(found["predicted"]["copula"]["error"] - found["observed_error"]) < 0.1
    assert found["few"] == {}  # digits has too few images of each class


def test_nodes_and_directions_are_told(record):
    found = record["heads"]["avg"]
    assert all(len(found[key]) == 10 for key in ("kl", "auc", "bounded", "observed_auc", "saturated"))
    assert np.all(np.asarray(found["auc"]) > 0.5)
    chain = found["chain"]
    assert len(chain["pairs"]) == 6
    assert np.median(chain["difference"]) > np.median(chain["channel"]) - 0.5


def test_the_best_direction_separates_most():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, 4)) + np.array([1, 0.5, 0, 0]), rng.normal(size=(500, 4))
    x[:, 3] = y[:, 3] = 0.0  # a silent channel
    best, channel = performance._best_directions(x, y)
    assert channel.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert best[0] / best[1] == pytest.approx(2.0, rel=0.4)
    assert best[3] == 0.0
