from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from aggdist.datasets import DatasetMissing, Recordings, is_available, load, specification, status
from aggdist.datasets.dataset import from_arrays


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_is_always_there(digits):
    assert is_available("digits")
    assert (digits.name, digits.task, digits.n_classes) == ("digits", "image", 10)
    assert (digits.n_train, digits.n_test) == (1000, 797)
    assert digits.x_train.shape == (1000, 8, 8)
    assert digits.x_test.shape == (797, 8, 8)
    assert digits.class_names == tuple("0123456789")


def test_the_arrays_cannot_be_changed(digits):
    for array in (digits.x_train, digits.y_train, digits.x_test, digits.y_test):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_digest_is_that_of_the_specification(digits):
    assert digits.digest() == specification("digits").digest()
    assert digits.checksums == specification("digits").checksums


def test_the_representation_is_one_line(digits):
    assert repr(digits) == "Dataset(digits: image, 10 classes, 1,000 to train, 797 to test)"


def test_a_dataset_that_is_not_here():
    assert status("mnist") == "no"
    assert not is_available("mnist")
    with pytest.raises(
        DatasetMissing, match=r"mnist\.npz is not there; run `python -m aggdist datasets fetch mnist`"
    ):
        load("mnist")


def test_a_dataset_that_is_damaged(data_folder):
    (data_folder / "mnist.npz").write_bytes(b"PK")
    assert status("mnist") == "damaged: it cannot be read (2 bytes that are no whole zip archive)"
    assert not is_available("mnist")


@pytest.mark.parametrize("ask", [load, status, is_available])
def test_an_unknown_dataset(ask):
    with pytest.raises(ValueError, match="unknown dataset: got 'svhn', expected one of digits"):
        ask("svhn")


def test_recordings_are_cut_where_their_lengths_say():
    sound = Recordings(np.arange(7, dtype=np.int16), np.array([3, 0, 4], dtype=np.int32))
    assert sound.offsets.tolist() == [0, 3, 3, 7]
    assert [part.tolist() for part in sound.split()] == [[0, 1, 2], [], [3, 4, 5, 6]]
    samples, lengths = sound
    assert samples is sound.samples
    assert lengths is sound.lengths
    assert all(np.shares_memory(part, samples) for part in sound.split() if part.size)


def test_offsets_do_not_overflow():
    sound = Recordings(np.zeros(0, np.int16), np.array([2**31 - 1, 2**31 - 1], dtype=np.int32))
    assert sound.offsets.tolist() == [0, 2**31 - 1, 2**32 - 2]


def test_audio_is_ragged_and_keeps_what_else_is_known(specification_of):
    arrays = {
        f"{name}_{part}": array
        for part in ("train", "test")
        for name, array in {
            "x": np.arange(5, dtype=np.int16),
            "lengths": np.array([2, 3], dtype=np.int32),
            "y": np.array([0, 1], dtype=np.uint8),
            "speaker": np.array(["ann", "bob"]),
        }.items()
    }
    dataset = from_arrays(specification_of(arrays, task="audio"), arrays)
    assert isinstance(dataset.x_test, Recordings)
    assert dataset.x_train.offsets.tolist() == [0, 2, 5]
    assert set(dataset.extra) == {"speaker_train", "speaker_test"}
    assert (dataset.n_train, dataset.n_test) == (2, 2)


def test_importing_the_room_is_light():
    heavy = "('torch', 'torchvision', 'sklearn', 'scipy', 'tqdm')"
    code = f"import sys, aggdist.datasets; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
