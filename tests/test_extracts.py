"""Making extracts: from a trained network to its file, and when one is current."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggdist import extracts, runs
from aggdist.aggregation import pool
from aggdist.capture import ExtractError, load_extract
from aggdist.capture.extract import extract_path
from aggdist.experiment import RunParameters
from aggdist.paths import repository_root
from aggdist.run_table import TABLE

RUN = RunParameters("digits", "digitcnn", "max", seed=1, epochs=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with the extract of a quickly trained network."""
    folder = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGGDIST_CACHE", str(folder / "cache"))
        extracts.make_extract(RUN, extract_path(RUN.name, folder), progress=False)
    return folder


def test_what_is_made_fits_together(root):
    extract = load_extract(RUN.name, root)
    pooled = pool(extract.maps, "max")
    assert extract.aggregation == "max"
    assert extract.maps.shape[1:] == (4, 4, 4)
    assert np.bincount(extract.map_labels).tolist() == [79, 79]
    assert np.bincount(extract.labels).tolist() == [30] * 10
    # Features of the same channels, by the captured statistics and by pooling the maps: two samples of one law.
    mean = extract.pooled_statistics.mean[:2, extract.channels]
    spread = np.sqrt(extract.pooled_statistics.variance()[:2, extract.channels] / 79)
    for label in (0, 1):
        ours = pooled[extract.map_labels == label].mean(axis=0)
        assert np.all(np.abs(ours - mean[label]) < 5 * spread[label] + 1e-3)
    active = (extract.maps > 0).mean(axis=(0, 2, 3))
    assert active[0] < active[-1]


def test_when_an_extract_is_current(root, monkeypatch):
    (planned,) = extracts.plan_extracts(root, (RUN,))
    assert (planned.execute, planned.reason) == (False, "up to date")
    (forced,) = extracts.plan_extracts(root, (RUN,), force=True)
    assert (forced.execute, forced.reason) == (True, "asked for with --force")
    (missing,) = extracts.plan_extracts(root, (replace(RUN, seed=2),))
    assert (missing.execute, missing.reason) == (True, "there is none")
    (other,) = extracts.plan_extracts(root, (replace(RUN, epochs=2),))
    assert other.reason == "the training code, torch or the data have changed"
    monkeypatch.setattr(extracts, "source_digest", lambda paths: "other")
    (older,) = extracts.plan_extracts(root, (RUN,))
    assert older.reason == "the extracting code has changed"


def test_a_damaged_extract_is_made_again_and_a_missing_dataset_is_named(root, tmp_path):
    path = extract_path(RUN.name, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    (planned,) = extracts.plan_extracts(tmp_path, (RUN,))
    assert planned.execute
    assert "is damaged" in planned.reason
    (absent,) = extracts.plan_extracts(tmp_path, (RunParameters("mnist", "greycnn", "avg"),))
    assert not absent.execute
    assert "dataset mnist is not here; get it with" in absent.reason


def test_balanced_samples_are_disjointly_counted():
    labels = np.repeat([0, 1, 2], [50, 10, 40])
    rng = np.random.default_rng(0)
    assert np.bincount(labels[extracts.balanced(labels, 60, rng)]).tolist() == [10, 10, 10]
    chosen = extracts.balanced(labels, 60, rng, (0, 2))
    assert np.bincount(labels[chosen]).tolist() == [30, 0, 30]
    assert len(set(chosen)) == 60


def test_channels_are_spread_from_sparse_to_dense():
    active = np.array([[0.5, 0.0, 0.1, 0.9, 0.3, 0.7], [0.5, 0.5, 0.1, 0.9, 0.3, 0.7]])
    assert extracts.spread_channels(active).tolist() == [2, 4, 5, 3]
    with pytest.raises(ExtractError, match="got 3 channels that are active for every label"):
        extracts.spread_channels(active[:, :4])


def test_the_table_names_runs_whose_extracts_are_there():
    root = repository_root()
    for run in runs.read_extracts(root):
        assert load_extract(run.name, root).about["dataset"] == run.dataset


def test_an_extract_of_no_run_is_an_error(tmp_path):
    path = tmp_path / TABLE
    path.parent.mkdir(parents=True)
    path.write_text(
        "tables:\n  full:\n    - {dataset: digits, network: digitcnn, aggregation: avg}\nextracts: [x]\n"
    )
    with pytest.raises(
        runs.RunTableError, match=r"extracts names x, expected runs of table 'full': digits-digitcnn"
    ):
        runs.read_extracts(tmp_path)
