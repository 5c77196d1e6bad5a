"""Log-mel spectrograms."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.networks.spectrogram import BANDS, FLOOR, RATE, log_mel, mel_filters, split


def test_split_pads_crops_and_scales():
    samples = np.concatenate([np.full(3, 16384), np.full(9000, -32768)]).astype(np.int16)
    rows = split(samples, np.array([3, 9000], dtype=np.int32))
    assert rows.shape == (2, 8000)
    assert rows.dtype == np.float32
    assert (rows[0, :3] == 0.5).all()
    assert (rows[0, 3:] == 0.0).all()
    assert (rows[1] == -1.0).all()


@pytest.mark.parametrize("lengths", [[3, 4], [10, -2], [8, 0]])
def test_lengths_that_do_not_fit(lengths):
    with pytest.raises(ValueError, match="expected positive lengths that add up; fetch the dataset again"):
        split(np.zeros(8, dtype=np.int16), np.array(lengths, dtype=np.int32))


def test_filters_cover_the_band_and_overlap_by_half():
    filters = mel_filters()
    assert filters.shape == (BANDS, 257)
    assert (filters.max(axis=1) > 0.3).all()
    inside = slice(int(np.argmax(filters[0])), int(np.argmax(filters[-1])) + 1)
    np.testing.assert_allclose(filters.sum(axis=0)[inside], 1.0, atol=1e-12)


def test_a_tone_lights_its_band():
    time = np.arange(RATE) / RATE
    tones = np.array([300.0, 1000.0, 3000.0])
    spectrogram = log_mel(np.sin(2 * np.pi * tones[:, None] * time).astype(np.float32))
    assert spectrogram.shape == (3, BANDS, 62)
    brightest = spectrogram.mean(axis=2).argmax(axis=1)
    centre = np.linspace(0, 4000, 257)[mel_filters().argmax(axis=1)]
    assert (np.abs(centre[brightest] - tones) < 0.1 * tones).all()


def test_silence_is_finite():
    np.testing.assert_allclose(log_mel(np.zeros((1, RATE), dtype=np.float32)), np.log(FLOOR), rtol=1e-6)


def test_doubling_the_amplitude_adds_ln_four():
    sound = np.random.default_rng(0).normal(0.0, 0.2, size=(1, RATE)).astype(np.float32)
    np.testing.assert_allclose(log_mel(2 * sound) - log_mel(sound), np.log(4.0), atol=0.01)
