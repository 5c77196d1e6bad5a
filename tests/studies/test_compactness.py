"""The study of compact features, on digits."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.studies import StudyRun, compactness, compute


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record, for two trunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compactness, "TRUNKS", ("avg", "flatten"))
        patch.setattr(compactness, "FITTED", 600)
        yield compute(StudyRun("compactness", "digits", "digitcnn"), progress=False)


def test_features_run_from_pooled_to_flattened(record):
    assert (record["positions"], record["blocks"]) == (16, [1, 4, 16])
    for trunk in record["trunks"].values():
        assert trunk["features"] == [32, 128, 512]
        assert all(0.3 < a <= 1 for a in trunk["accuracy"])
        assert trunk["accuracy"][-1] >= trunk["accuracy"][0]
        assert 0 < trunk["kept"] < 1


def test_a_trunk_trained_with_pooling_loses_less(record):
    kept = {name: trunk["bounded"][0] / trunk["bounded"][-1] for name, trunk in record["trunks"].items()}
    assert kept["avg"] > kept["flatten"]


def test_the_share_kept_along_means_is_predicted(record):
    for trunk in record["trunks"].values():
        predicted, measured = (np.asarray(trunk["pairs"][key]) for key in ("predicted", "measured"))
        assert predicted.shape == measured.shape == (6, 3)
        assert (
            abs(np.median(predicted[:, 0] / predicted[:, 2]) - np.median(measured[:, 0] / measured[:, 2]))
            < 0.15
        )


def test_sizes_that_cut_alike_are_taken_once():
    assert compactness._different((4, 4)) == [1, 2, 4]
    assert compactness._different((7, 7)) == [1, 2, 4, 1000]
