"""Shifts, mirror images and dropped words."""

from __future__ import annotations

import pytest
import torch

from aggdist.networks import TrainingParameters
from aggdist.networks.augment import augment
from aggdist.networks.sentences import PADDING, UNKNOWN

BASE = TrainingParameters(1, 2, 0.1)


def _generator():
    return torch.Generator().manual_seed(0)


def _batch(n=200):
    """Every pixel has its own value, so that its source can be read off."""
    return torch.arange(2 * 5 * 6, dtype=torch.uint8).view(1, 2, 5, 6).repeat(n, 1, 1, 1)


def test_nothing_asked_nothing_done():
    batch = _batch(2)
    assert augment(batch, BASE, _generator()) is batch


def test_shifts_reach_all_offsets_and_repeat_edges():
    batch = _batch()
    moved = augment(batch, BASE.changed(shift=(1, 2)), _generator())
    assert moved.dtype == torch.uint8
    padded = torch.nn.functional.pad(batch[:1].float(), (2, 2, 1, 1), mode="replicate")
    windows = {(r, c): padded[0, :, r : r + 5, c : c + 6].to(torch.uint8) for r in range(3) for c in range(5)}
    found = [next(k for k, w in windows.items() if torch.equal(image, w)) for image in moved]
    assert set(found) == set(windows)


def test_flip_mirrors_about_half():
    batch = _batch()
    moved = augment(batch, BASE.changed(flip=True), _generator())
    mirrored = [torch.equal(m, b.flip(2)) for m, b in zip(moved, batch, strict=True)]
    kept = [torch.equal(m, b) for m, b in zip(moved, batch, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 70 < sum(mirrored) < 130


def test_words_are_dropped_but_never_padding():
    words = torch.full((100, 20), 7, dtype=torch.int32)
    words[:, 15:] = PADDING
    dropped = augment(words, BASE.changed(word_dropout=0.3), _generator())
    assert (dropped[:, 15:] == PADDING).all()
    fraction = float((dropped[:, :15] == UNKNOWN).double().mean())
    assert fraction == pytest.approx(0.3, abs=0.05)  # 4 standard errors
    assert torch.equal(augment(words, BASE, _generator()), words)


def test_same_generator_same_result():
    parameters = BASE.changed(shift=(1, 1), flip=True)
    assert torch.equal(
        augment(_batch(), parameters, _generator()), augment(_batch(), parameters, _generator())
    )
