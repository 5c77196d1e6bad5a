"""Log-mel spectrograms of short recordings, with scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

RATE = 8000  # samples per second
SECONDS = 1.0  # every recording is padded or cropped to this
WINDOW = 256  # samples per frame, 32 ms
HOP = 125  # samples between frames, 15.6 ms: 62 frames per second
POINTS = 512  # Fourier points per frame: the window is zero-padded so that low mel bands are not empty
BANDS = 32
FLOOR = 1e-7  # power added before the logarithm, of a full-scale signal: digital silence stays finite


def split(samples: NDArray[np.integer], lengths: NDArray[np.integer]) -> NDArray[np.float32]:
    """Recordings stored end to end -> one row each, scaled to [-1, 1], cropped or zero-padded to one second.

    Raises
    ------
    ValueError
        If the lengths do not add up to the number of samples, or one is not positive.
    """
    if int(lengths.sum()) != samples.size or (lengths.size and int(lengths.min()) < 1):
        raise ValueError(
            f"lengths of recordings sum to {int(lengths.sum())} (smallest {int(lengths.min(initial=0))}), got"
            f" {samples.size} samples: expected positive lengths that add up; fetch the dataset again"
        )
    size = round(RATE * SECONDS)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)[:-1]])
    offsets = np.arange(size)
    inside = offsets < lengths[:, None]
    index = np.where(inside, starts[:, None] + offsets, 0)
    rows: NDArray[np.float32] = np.where(inside, samples[index] / np.float32(32768.0), 0.0).astype(np.float32)
    return rows


def mel_filters() -> NDArray[np.float64]:
    """Triangular filters (BANDS, POINTS/2 + 1) from 0 Hz to RATE/2, equally spaced in mel.

    mel = 2595 log10(1 + f/700), f in Hz.

    References
    ----------
    O'Shaughnessy, Speech Communication: Human and Machine, 1987 (the mel formula).
    """
    top = 2595.0 * np.log10(1.0 + RATE / 2.0 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, BANDS + 2) / 2595.0) - 1.0)
    frequencies = np.linspace(0.0, RATE / 2.0, POINTS // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def log_mel(recordings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Natural logarithm of the mel power spectrogram: recordings (n, samples) -> (n, BANDS, frames)."""
    window = signal.get_window("hann", WINDOW).astype(np.float32)
    filters = mel_filters().astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(recordings, WINDOW, axis=1)[:, ::HOP]
    result = np.empty((recordings.shape[0], BANDS, frames.shape[1]), dtype=np.float32)
    # In blocks: the windowed frames of all recordings at once would take hundreds of megabytes.
    for start in range(0, recordings.shape[0], 256):
        block = slice(start, start + 256)
        spectrum = fft.rfft(frames[block] * window, n=POINTS, axis=-1)
        power = (spectrum.real**2 + spectrum.imag**2) / np.float32(window.sum() ** 2)
        result[block] = np.log(np.moveaxis(power @ filters.T, -1, 1) + np.float32(FLOOR))
    return result
