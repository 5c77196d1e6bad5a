"""Captures on disk."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from aggdist.capture import CaptureError, capture, load_captured
from aggdist.capture.stored import SUMMARY


@pytest.fixture
def stored(network, images, tmp_path):
    return capture(network, *images, 3, memory_budget=300_000, folder=tmp_path / "capture", progress=False)


def _same(a, b):
    for name in ("pooled", "nodes", "labels"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for kind in ("pooled_statistics", "activation_statistics"):
        for name, array in getattr(a, kind).arrays().items():
            np.testing.assert_array_equal(getattr(getattr(b, kind), name), array)
    assert a.batch_size == b.batch_size


def test_read_back(stored, network, images):
    assert isinstance(stored.pooled, np.memmap)
    assert not stored.pooled.flags.writeable
    _same(stored, load_captured(stored.folder))
    _same(stored, capture(network, *images, 3, memory_budget=300_000, progress=False))


def test_save_a_capture_from_memory(network, images, tmp_path):
    free = capture(network, *images, 3, progress=False)
    assert free.folder is None
    saved = free.save(tmp_path / "saved")
    assert saved.folder == tmp_path / "saved"
    _same(free, saved)


def test_loaded_statistics_can_be_merged(stored):
    again = load_captured(stored.folder)
    again.pooled_statistics.merge(stored.pooled_statistics)
    again.activation_statistics.merge(stored.activation_statistics)
    np.testing.assert_array_equal(again.pooled_statistics.count, 2 * stored.pooled_statistics.count)
    np.testing.assert_allclose(again.pooled_statistics.mean, stored.pooled_statistics.mean, rtol=1e-14)
    np.testing.assert_allclose(again.activation_statistics.second, 2 * stored.activation_statistics.second)


def test_replaces_an_older_capture(stored, network, images):
    x, y = images
    capture(network, x[:30], y[:30], 3, folder=stored.folder, progress=False)
    assert len(load_captured(stored.folder).labels) == 30


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["pooled.npy", "labels.npy", "pooled.comoment.npy", "activation.mean.npy"])
def test_damaged_array(stored, name):
    _flip(stored.folder / name)
    with pytest.raises(
        CaptureError, match=rf"{name} does not have the SHA-256 .* delete that folder and run again"
    ):
        load_captured(stored.folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "nodes.npy").unlink(), "FileNotFoundError"),
        (lambda f: (f / SUMMARY).unlink(), "FileNotFoundError"),
        (lambda f: (f / SUMMARY).write_text("{"), "JSONDecodeError"),
        (lambda f: (f / SUMMARY).write_text("[]"), "TypeError"),
        (lambda f: (f / SUMMARY).write_text(json.dumps({"format": 0})), "format 0, expected 1"),
    ],
)
def test_damaged_folder(stored, damage, message):
    damage(stored.folder)
    with pytest.raises(CaptureError, match=rf"is damaged .*{message}.*delete that folder"):
        load_captured(stored.folder)


def test_summary_without_an_array(stored):
    summary = json.loads((stored.folder / SUMMARY).read_text())
    del summary["files"]["activation.between.npy"]
    (stored.folder / SUMMARY).write_text(json.dumps(summary))
    with pytest.raises(CaptureError, match=r"TypeError.*between"):
        load_captured(stored.folder)


def test_full_disk_leaves_nothing(network, images, tmp_path, monkeypatch):
    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        capture(network, *images, 3, folder=tmp_path / "capture", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_keeps_the_older_capture(stored, monkeypatch):
    def full(*_args, **_keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        replace(stored, batch_size=1).save(stored.folder)
    monkeypatch.undo()
    _same(stored, load_captured(stored.folder))
