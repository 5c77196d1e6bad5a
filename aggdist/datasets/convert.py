"""From what the origins publish to the arrays of the cache: pure functions, no files and no network."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aggdist.datasets.cache import Arrays

#: Samples a second of the recordings.
SAMPLE_RATE = 8000
#: Recordings of an index below this are the test set, the dataset's own split.
TEST_INDICES = 5
#: Seed of the one order in which the sentences are.
SENTENCE_SEED = 20260101

_RECORDING = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<index>\d+)\.wav")


class ImagesAndLabels(Protocol):
    """What a torchvision dataset has: `data` (n, H, W[, 3]) uint8 and `targets` (n,), tensors or arrays."""

    data: Any
    targets: Any


def images_to_arrays(train: ImagesAndLabels, test: ImagesAndLabels) -> Arrays:
    """Images and labels of two torchvision datasets, as uint8 arrays in their order."""
    return {
        "x_train": np.asarray(train.data, dtype=np.uint8),
        "y_train": np.asarray(train.targets, dtype=np.uint8),
        "x_test": np.asarray(test.data, dtype=np.uint8),
        "y_test": np.asarray(test.targets, dtype=np.uint8),
    }


@dataclass(frozen=True, order=True)
class _Recording:
    """What a file's name says; the order of the fields is the order of the recordings."""

    digit: int
    speaker: str
    index: int


def _parsed(name: str) -> _Recording:
    match = _RECORDING.fullmatch(name)
    if match is None:
        raise ValueError(f"recording {name!r}: expected a name of the form digit_speaker_index.wav")
    return _Recording(int(match["digit"]), match["speaker"], int(match["index"]))


def _samples(name: str, content: bytes) -> NDArray[np.int16]:
    """The samples of one wav file (n,), which must be 16 bit, mono, 8 kHz."""
    # Imported here: who loads a dataset from the cache doesn't wait for scipy.io.
    from scipy.io import wavfile

    with warnings.catch_warnings():
        # Chunks of notes beside the sound; what matters, the samples, is checked by SHA-256.
        warnings.simplefilter("ignore", wavfile.WavFileWarning)
        try:
            rate, samples = wavfile.read(io.BytesIO(content))
        except (ValueError, EOFError, struct.error) as error:
            raise ValueError(f"recording {name!r} is no readable wav file ({error})") from error
    if rate != SAMPLE_RATE or samples.dtype != np.int16 or samples.ndim != 1:
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        raise ValueError(
            f"recording {name!r}: got {channels} channel(s) of {samples.dtype} at {rate} Hz, "
            f"expected 1 of int16 at {SAMPLE_RATE} Hz"
        )
    return np.asarray(samples, dtype=np.int16)


def recordings_to_arrays(files: Mapping[str, bytes]) -> Arrays:
    """Spoken digits as arrays: recordings sorted by digit, speaker and index, samples end to end.

    Parameters
    ----------
    files
        Content of each wav file by its name, {digit}_{speaker}_{index}.wav: 16 bit, mono, 8 kHz.

    Returns
    -------
    For "train" and "test" (index below 5): x (sum of lengths,) int16; lengths (n,) int32, samples of each
    recording; y (n,) uint8, the digit; speaker (n,) str.

    Raises
    ------
    ValueError
        If a name or a file is not of that form, or either part would be empty.
    """
    ordered = sorted((_parsed(name), name) for name in files)
    parts = {
        "train": [entry for entry in ordered if entry[0].index >= TEST_INDICES],
        "test": [entry for entry in ordered if entry[0].index < TEST_INDICES],
    }
    arrays: Arrays = {}
    for part, entries in parts.items():
        if not entries:
            raise ValueError(f"got no recordings for {part} among {len(files)} files, expected at least one")
        sound = [_samples(name, files[name]) for _, name in entries]
        arrays[f"x_{part}"] = np.concatenate(sound)
        arrays[f"lengths_{part}"] = np.array([samples.size for samples in sound], dtype=np.int32)
        arrays[f"y_{part}"] = np.array([recording.digit for recording, _ in entries], dtype=np.uint8)
        arrays[f"speaker_{part}"] = np.array([recording.speaker for recording, _ in entries], dtype=np.str_)
    return arrays


def _lines(content: bytes) -> list[str]:
    # Not splitlines: it would also cut at \x85, which is an ellipsis in these reviews.
    lines = content.decode("latin-1").split("\n")
    return [line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)]


def sentences_to_arrays(negative: bytes, positive: bytes) -> Arrays:
    """Review sentences as arrays: negative (0) and positive (1), in one seeded order, four fifths to train.

    Parameters
    ----------
    negative, positive
        Content of rt-polarity.neg and rt-polarity.pos: one tokenised sentence a line, Latin-1.

    Returns
    -------
    x_train, x_test (n,) str, stripped; y_train, y_test (n,) uint8.

    Raises
    ------
    ValueError
        If there are fewer than two sentences.
    """
    below, above = _lines(negative), _lines(positive)
    n = len(below) + len(above)
    if n < 2:
        raise ValueError(f"got {n} sentences, expected at least two to split")
    sentences = np.array(below + above, dtype=np.str_)
    labels = np.repeat(np.array([0, 1], dtype=np.uint8), [len(below), len(above)])
    order = np.random.default_rng(SENTENCE_SEED).permutation(n)
    train, test = np.split(order, [n * 4 // 5])
    return {
        "x_train": sentences[train],
        "y_train": labels[train],
        "x_test": sentences[test],
        "y_test": labels[test],
    }
