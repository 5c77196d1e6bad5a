"""Captures of checkpoints, found again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from aggdist.capture import CaptureError, cached, capture_folder, capture_key, captured
from aggdist.capture.cached import array_digest


@pytest.fixture
def checkpoint(network):
    """What `captured` reads of a checkpoint."""
    recipe = SimpleNamespace(training=SimpleNamespace(threads=1))
    return SimpleNamespace(network=network, key="k" * 64, spec=SimpleNamespace(n_classes=3), recipe=recipe)


def test_second_time_comes_from_the_cache(checkpoint, images, monkeypatch):
    first = captured(checkpoint, *images, progress=False)
    monkeypatch.setattr(cached, "capture", lambda *a, **k: pytest.fail("captured again"))
    again = captured(checkpoint, *images, progress=False)
    assert first.folder == again.folder
    np.testing.assert_array_equal(first.pooled, again.pooled)


def test_other_images_are_another_capture(checkpoint, images):
    x, y = images
    assert (
        captured(checkpoint, x, y, progress=False).folder
        != captured(checkpoint, x[:30], y[:30], progress=False).folder
    )


def test_key_depends_on_everything(monkeypatch):
    keys = [capture_key("a", "b"), capture_key("x", "b"), capture_key("a", "x"), capture_key("a", "b", 1)]
    monkeypatch.setattr(cached, "_source_digest", lambda: "other")
    keys.append(capture_key("a", "b"))
    assert len(set(keys)) == len(keys)


def test_damage_is_reported(checkpoint, images):
    found = captured(checkpoint, *images, progress=False)
    (found.folder / "nodes.npy").unlink()
    with pytest.raises(CaptureError, match="delete that folder and run again"):
        captured(checkpoint, *images, progress=False)
    assert capture_folder(found.folder.name) == found.folder


def test_array_digest_sees_bytes_shape_and_type():
    a = np.arange(6, dtype=np.int32)
    others = [a.reshape(2, 3), a.astype(np.int64), a[::-1], a.view(np.float32)]
    assert len({array_digest(x) for x in (a, *others)}) == 5
    assert array_digest(a) == array_digest(np.arange(12, dtype=np.int32)[::2] // 2)
