"""Fewer training examples: balanced, nested, with a digest of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggdist.datasets import Recordings, load, with_fewer_examples


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.mark.parametrize("count", [10, 37, 100, 400])
def test_classes_have_equally_many_examples_or_one_more(digits, count):
    few = with_fewer_examples(digits, count, seed=3)
    counts = np.bincount(few.y_train, minlength=10)
    assert counts.sum() == count == len(few.x_train)
    assert counts.max() - counts.min() <= 1
    assert few.x_test is digits.x_test
    assert not few.x_train.flags.writeable


def test_every_example_keeps_its_label(digits):
    few = with_fewer_examples(digits, 50, seed=0)
    for image, label in zip(few.x_train, few.y_train, strict=True):
        same = np.flatnonzero(np.all(digits.x_train == image, axis=(1, 2)))
        assert label in digits.y_train[same]


def test_a_larger_choice_of_the_same_seed_holds_the_smaller_one(digits):
    small, large = (with_fewer_examples(digits, count, seed=1).x_train for count in (40, 90))
    assert all(np.any(np.all(large == image, axis=(1, 2))) for image in small)


def test_the_digest_tells_choices_apart(digits):
    digests = {
        with_fewer_examples(digits, count, seed).digest() for count, seed in ((50, 0), (50, 1), (60, 0))
    }
    assert len(digests | {digits.digest()}) == 4
    assert with_fewer_examples(digits, 50, 0).digest() in digests


def test_recordings_are_cut_at_the_right_places(digits):
    lengths = np.array([3, 1, 2, 4], np.int32)
    samples = np.arange(10, dtype=np.int16)
    audio = replace(
        digits,
        task="audio",
        class_names=("a", "b"),
        x_train=Recordings(samples, lengths),
        y_train=np.array([0, 1, 0, 1], np.uint8),
        extra={"speaker_train": np.arange(4), "speaker_test": np.arange(2)},
    )
    few = with_fewer_examples(audio, 2, seed=0)
    starts = [int(part[0]) for part in few.x_train.split()]
    of_speaker = {0: 0, 1: 3, 2: 4, 3: 6}
    assert starts == [of_speaker[int(s)] for s in few.extra["speaker_train"]]
    assert few.x_train.lengths.tolist() == [int(lengths[s]) for s in few.extra["speaker_train"]]
    assert few.extra["speaker_test"].tolist() == [0, 1]


@pytest.mark.parametrize("count", [9, 1001])
def test_impossible_counts_are_refused(digits, count):
    with pytest.raises(ValueError, match=rf"count: got {count}, expected between 10 .* and 1000"):
        with_fewer_examples(digits, count, seed=0)


def test_a_class_with_too_few_examples_is_named(digits):
    y = np.zeros(1000, np.uint8)
    y[:9] = np.arange(1, 10)
    lopsided = replace(digits, y_train=y)
    with pytest.raises(ValueError, match=r"class \d has 1 training examples, expected at least 3"):
        with_fewer_examples(lopsided, 30, seed=0)
