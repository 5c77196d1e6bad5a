"""Extracts: read back within half precision, small, and damaged ones are errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggdist.capture import ActivationStatistics, Extract, ExtractError, PooledStatistics, load_extract
from aggdist.capture.extract import extract_path, save_extract
from aggdist.paths import repository_root


def made(channels: int = 5) -> Extract:
    """An extract of features that are made here."""
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 3
    maps = np.maximum(rng.normal(size=(60, channels, 2, 4)), 0.0) * np.float64(1.2345)
    pooled = maps.mean(axis=(2, 3))
    weights = rng.normal(size=(3, channels))
    return Extract(
        maps=maps[:20, :2],
        map_labels=labels[:20],
        channels=np.array([0, 1]),
        pooled=pooled,
        labels=labels,
        weights=weights,
        bias=np.zeros(3),
        nodes=pooled @ weights.T,
        node_labels=labels,
        activation_statistics=ActivationStatistics.of(maps, labels, 3),
        pooled_statistics=PooledStatistics.of(pooled, labels, 3).marginals(),
        about={"name": "x", "aggregation": "avg", "class_names": ["a", "b", "c"]},
    )


def test_read_back(tmp_path):
    extract = made()
    save_extract(extract, extract_path("x", tmp_path))
    found = load_extract("x", tmp_path)
    np.testing.assert_allclose(found.maps, extract.maps, rtol=5e-4)
    np.testing.assert_array_equal(found.maps == 0, extract.maps == 0)
    np.testing.assert_allclose(found.pooled, extract.pooled, rtol=5e-4)
    np.testing.assert_allclose(found.nodes, extract.nodes, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(found.labels, extract.labels)
    np.testing.assert_allclose(found.activation_statistics.active(), extract.activation_statistics.active())
    np.testing.assert_allclose(
        found.pooled_statistics.third_cumulant(), extract.pooled_statistics.third_cumulant(), rtol=1e-5
    )
    assert (found.name, found.aggregation, found.class_names) == ("x", "avg", ("a", "b", "c"))
    assert found.positions == 8
    assert found.maps.dtype == np.float64


def test_a_tiny_positive_activation_stays_positive(tmp_path):
    extract = made()
    extract.maps[0, 0, 0, 0] = 1e-12
    save_extract(extract, extract_path("x", tmp_path))
    assert load_extract("x", tmp_path).maps[0, 0, 0, 0] > 0


def test_marginal_statistics_are_those_of_the_whole():
    rng = np.random.default_rng(5)
    statistics = PooledStatistics.of(rng.gamma(2.0, size=(50, 4)), np.arange(50) % 2, 2)
    marginal = statistics.marginals()
    np.testing.assert_array_equal(marginal.variance(), statistics.variance())
    np.testing.assert_array_equal(marginal.active(), statistics.active())
    np.testing.assert_array_equal(marginal.third_cumulant(), statistics.third_cumulant())


def test_a_missing_extract_names_those_that_are_there(tmp_path):
    save_extract(made(), extract_path("x", tmp_path))
    with pytest.raises(ExtractError, match=r"no extract 'y' in .*: there are x; make runs makes them"):
        load_extract("y", tmp_path)
    with pytest.raises(ExtractError, match="there are none"):
        load_extract("y", tmp_path / "elsewhere")


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "not an archive", "old"])
def test_a_damaged_extract_is_an_error(tmp_path, monkeypatch, how):
    path = extract_path("x", tmp_path)
    if how == "old":
        monkeypatch.setattr("aggdist.capture.extract.FORMAT", 0)
    save_extract(made(), path)
    monkeypatch.undo()
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        data[data.index(b"maps.npy") + 60] ^= 0xFF
        path.write_bytes(data)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "not an archive":
        path.write_text("no archive")
    with pytest.raises(ExtractError, match=r"x\.npz is damaged .*: take it from git again"):
        load_extract("x", tmp_path)


def test_a_large_extract_is_not_written(tmp_path):
    extract = made()
    noise = np.random.default_rng(0).gamma(1.0, size=(3000, 60))
    with pytest.raises(ExtractError, match=r"got an extract of \d+ bytes, expected at most 300000"):
        save_extract(replace(extract, pooled=noise), extract_path("x", tmp_path))
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    "path", sorted((repository_root() / "results" / "extracts").glob("*.npz")), ids=lambda path: path.stem
)
def test_committed_extracts_are_whole_and_consistent(path):
    extract = load_extract(path.stem)
    assert extract.name == path.stem
    assert path.stat().st_size <= 300_000
    assert np.all(extract.maps >= 0)
    assert set(np.unique(extract.labels)) == set(range(len(extract.class_names)))
    # The head on the pooled features gives nodes of the same law: the same mean for each label.
    replayed = extract.pooled @ extract.weights.T + extract.bias
    spread = extract.nodes.std(axis=0)
    for label in range(len(extract.class_names)):
        ours = replayed[extract.labels == label].mean(axis=0)
        theirs = extract.nodes[extract.node_labels == label].mean(axis=0)
        assert np.all(np.abs(ours - theirs) < spread)
