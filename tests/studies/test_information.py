"""The study of class information, on quickly trained networks for digits."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.aggregation import information_efficiency, pool
from aggdist.capture import ActivationStatistics
from aggdist.networks import prepare
from aggdist.studies import StudyRun, compute, information
from aggdist.studies.heads import maps, trained_head

RUN = StudyRun("information", "digits", "digitcnn")


@pytest.fixture(scope="module")
def record(quick_studies):
    """The whole record, on coarser cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(information_efficiency, "_CELLS", 2**10)
        patch.setattr(information_efficiency, "_NODES", 48)
        yield compute(RUN, progress=False)


def test_every_trunk_is_pooled_in_all_ways(record):
    assert set(record["accuracy"]) == set(record["trunks"]) == {"avg", "max", "gem"}
    for trunk in record["trunks"].values():
        for found in (trunk["measured"], *trunk["predicted"].values()):
            assert all(0.0 < found[name] < np.log(10) for name in ("avg", "max", "gem"))
        assert all(0.2 < trunk["probe"][name] <= 1.0 for name in ("avg", "max", "gem"))
        assert 1.0 < trunk["effective_positions"] < 100.0


def test_prediction_and_measurement_are_of_one_size(record):
    ratios = [
        trunk["predicted"]["dependent"][name] / trunk["measured"][name]
        for trunk in record["trunks"].values()
        for name in ("avg", "max", "gem")
    ]
    assert 0.6 < np.median(ratios) < 1.6


def test_maps_are_pooled_a_few_at_a_time_with_the_same_result(quick_studies, monkeypatch):
    from aggdist import datasets

    data = datasets.load("digits")
    prepared = prepare(data)
    checkpoint = trained_head(data, RUN, "avg", prepared=prepared, progress=False)
    x = prepared.x_test[:70]
    monkeypatch.setattr(information, "BATCH", 32)
    found = information.pooled_in_all_ways(checkpoint, x)
    assert np.allclose(found["gem"], pool(maps(checkpoint, x).astype(float), "gem"))


def test_fitted_laws_have_the_moments_of_the_activations():
    rng = np.random.default_rng(0)
    activations = rng.gamma(1.5, 0.7, (4000, 2, 9)) * (rng.random((4000, 2, 9)) < 0.4)
    statistics = ActivationStatistics.of(activations, np.repeat([0, 1], 2000), 2)
    law = information.activation_laws(statistics)
    assert law.mean() == pytest.approx(statistics.mean.T, rel=1e-6)
    assert law.var() == pytest.approx(statistics.variance().T, rel=1e-6)
    assert law.active == pytest.approx(np.full((2, 2), 0.4), abs=0.02)
