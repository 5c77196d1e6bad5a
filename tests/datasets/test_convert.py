from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest

from aggdist.datasets.convert import images_to_arrays, recordings_to_arrays, sentences_to_arrays


def test_images_become_uint8_in_their_order():
    # As torchvision's CIFAR10: an array of images and a list of labels.
    train = SimpleNamespace(data=np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), targets=[3, 1])
    test = SimpleNamespace(data=np.full((1, 2, 2, 3), 9, dtype=np.uint8), targets=[2])
    arrays = images_to_arrays(train, test)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(arrays["x_train"], train.data)
    np.testing.assert_array_equal(arrays["x_test"], test.data)
    assert arrays["y_train"].tolist() == [3, 1]
    assert arrays["y_test"].tolist() == [2]


def test_recordings_are_sorted_by_digit_speaker_and_number(wav):
    names = ["1_bob_5.wav", "0_bob_10.wav", "0_bob_9.wav", "0_ann_7.wav", "0_bob_4.wav", "0_bob_0.wav"]
    files = {name: wav(np.full(3 + i, i, dtype=np.int16)) for i, name in enumerate(names)}
    arrays = recordings_to_arrays(files)
    # 9 before 10: the index is a number.
    assert arrays["x_train"].tolist() == [3] * 6 + [2] * 5 + [1] * 4 + [0] * 3
    assert arrays["lengths_train"].tolist() == [6, 5, 4, 3]
    assert arrays["y_train"].tolist() == [0, 0, 0, 1]
    assert arrays["speaker_train"].tolist() == ["ann", "bob", "bob", "bob"]
    assert arrays["x_test"].tolist() == [5] * 8 + [4] * 7
    assert arrays["lengths_test"].tolist() == [8, 7]
    assert arrays["y_test"].tolist() == [0, 0]
    assert arrays["speaker_test"].tolist() == ["bob", "bob"]


def test_recordings_have_the_types_of_the_cache(wav):
    sound = wav(np.array([-32768, 32767], dtype=np.int16))
    arrays = recordings_to_arrays({"0_ann_0.wav": sound, "0_ann_5.wav": sound})
    for part in ("train", "test"):
        assert arrays[f"x_{part}"].dtype == np.int16
        assert arrays[f"lengths_{part}"].dtype == np.int32
        assert arrays[f"y_{part}"].dtype == np.uint8
        assert arrays[f"speaker_{part}"].dtype.kind == "U"
        assert arrays[f"x_{part}"].tolist() == [-32768, 32767]


def test_notes_beside_the_sound_do_not_matter(wav):
    # A chunk that scipy warns of, behind the sound.
    content = bytearray(wav(np.array([1, 2], dtype=np.int16)) + b"note" + struct.pack("<I", 4) + b"abcd")
    content[4:8] = struct.pack("<I", len(content) - 8)
    arrays = recordings_to_arrays({"0_ann_0.wav": bytes(content), "0_ann_5.wav": bytes(content)})
    assert arrays["x_train"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "name", ["ann_0_1.wav", "0_ann.wav", "10_ann_1.wav", "0_ann_1.WAV", "0_ann_1.wav.bak"]
)
def test_a_recording_of_another_name(name, wav):
    with pytest.raises(
        ValueError, match=rf"^recording '{name}': expected a name of the form digit_speaker_index\.wav$"
    ):
        recordings_to_arrays({name: wav(np.zeros(2, np.int16))})


@pytest.mark.parametrize(
    ("samples", "rate", "got"),
    [
        (np.zeros(4, np.int16), 16000, r"got 1 channel\(s\) of int16 at 16000 Hz"),
        (np.zeros((4, 2), np.int16), 8000, r"got 2 channel\(s\) of int16 at 8000 Hz"),
        (np.zeros(4, np.float32), 8000, r"got 1 channel\(s\) of float32 at 8000 Hz"),
    ],
    ids=["rate", "channels", "type"],
)
def test_a_recording_of_another_form(wav, samples, rate, got):
    with pytest.raises(
        ValueError, match=rf"^recording '0_ann_5\.wav': {got}, expected 1 of int16 at 8000 Hz$"
    ):
        recordings_to_arrays({"0_ann_5.wav": wav(samples, rate), "0_ann_0.wav": wav(np.zeros(4, np.int16))})


@pytest.mark.parametrize("content", [b"", b"RIFF", b"<html>"])
def test_a_recording_that_is_no_wav_file(content):
    with pytest.raises(ValueError, match=r"^recording '0_ann_5\.wav' is no readable wav file"):
        recordings_to_arrays({"0_ann_5.wav": content})


def test_a_recording_cut_short(wav):
    content = wav(np.zeros(100, np.int16))
    with pytest.raises(ValueError, match=r"^recording '0_ann_5\.wav' is no readable wav file"):
        recordings_to_arrays({"0_ann_5.wav": content[:20]})


@pytest.mark.parametrize(("index", "part"), [(0, "train"), (5, "test")])
def test_no_recordings_for_a_part(wav, index, part):
    with pytest.raises(
        ValueError, match=f"^got no recordings for {part} among 1 files, expected at least one$"
    ):
        recordings_to_arrays({f"0_ann_{index}.wav": wav(np.zeros(2, np.int16))})


def _reviews(n: int, word: str) -> bytes:
    return "".join(f"{word} {i} \n" for i in range(n)).encode("latin-1")


def test_sentences_are_stripped_shuffled_once_and_split():
    arrays = sentences_to_arrays(_reviews(5, "bad"), _reviews(6, "good"))
    assert [arrays[name].size for name in ("x_train", "y_train", "x_test", "y_test")] == [8, 8, 3, 3]
    sentences = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    both = [f"bad {i}" for i in range(5)] + [f"good {i}" for i in range(6)]
    order = np.random.default_rng(20260101).permutation(11)
    assert sentences.tolist() == [both[i] for i in order]
    assert labels.tolist() == [int(i >= 5) for i in order]
    assert labels.dtype == np.uint8


def test_sentences_are_latin_1_and_only_newlines_end_them():
    # \x85 is an ellipsis there, and a line's end for str.splitlines; \x96 a dash, \xe9 an accented e.
    negative = b"not good \x85 caf\xe9 \x96 no \nworse"
    arrays = sentences_to_arrays(negative, b"fine\n")
    found = {*arrays["x_train"].tolist(), *arrays["x_test"].tolist()}
    assert found == {"not good \x85 café \x96 no", "worse", "fine"}


@pytest.mark.parametrize(("negative", "positive", "n"), [(b"", b"", 0), (b"one\n", b"", 1)])
def test_too_few_sentences(negative, positive, n):
    with pytest.raises(ValueError, match=f"^got {n} sentences, expected at least two to split$"):
        sentences_to_arrays(negative, positive)
