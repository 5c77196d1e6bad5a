"""Datasets as model inputs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from aggdist.networks import InputSpec, prepare


def test_grey_images(images):
    inputs = prepare(images)
    assert inputs.x_train.shape == (96, 1, 8, 8)
    assert inputs.x_train.dtype == np.uint8
    assert inputs.y_train.dtype == np.int64
    assert inputs.spec.shape == (1, 8, 8)
    assert inputs.spec.mean[0] == pytest.approx(images.x_train.mean())
    assert inputs.spec.std[0] == pytest.approx(images.x_train.std())


def test_colour_images_get_channels_first_and_their_own_constants(make):
    made = make.images((10, 8, 3))
    made.x_train[..., 1] //= 2
    inputs = prepare(made)
    np.testing.assert_array_equal(inputs.x_train[5, 2], made.x_train[5, :, :, 2])
    np.testing.assert_allclose(inputs.spec.mean, made.x_train.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(inputs.spec.std, made.x_train.std(axis=(0, 1, 2)))


def test_constants_come_from_the_training_part_alone(images):
    bright = replace(images, x_test=np.full_like(images.x_test, 255))
    assert prepare(bright).spec == prepare(images).spec


def test_constant_images_are_divided_by_one(images):
    assert prepare(replace(images, x_train=np.full_like(images.x_train, 9))).spec.std == (1.0,)


def test_recordings(make):
    inputs = prepare(make.recordings())
    assert inputs.x_train.shape == (12, 1, 32, 62)
    assert inputs.x_train.dtype == np.float32
    assert np.isfinite(inputs.x_train).all()


def test_sentences_know_only_training_words(make):
    made = make.sentences()
    inputs = prepare(replace(made, x_test=np.array(["good nonsense"] * len(made.x_test))))
    assert inputs.x_train.dtype == np.int32
    assert inputs.x_test[0, 1] == 1
    words = {word for sentence in made.x_train for word in sentence.split()}
    assert inputs.spec.vocabulary == len(words) + 2


@pytest.mark.parametrize("kind", ["images", "recordings", "sentences"])
def test_spec_survives_json(make, kind):
    spec = prepare(getattr(make, kind)()).spec
    assert InputSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "video"}, "task 'video' of dataset 'digits': expected 'image', 'audio' or 'text'"),
        ({"x_train": np.zeros((96, 8, 8))}, "expected uint8 of shape"),
        ({"x_train": np.zeros((96, 8, 8, 2), np.uint8)}, "expected uint8 of shape"),
        ({"y_train": np.zeros(95, np.uint8)}, "train part of 'digits': got 96 inputs and 95 labels"),
        (
            {"x_test": np.zeros((0, 8, 8), np.uint8), "y_test": np.zeros(0)},
            "test part of 'digits': got 0 inputs",
        ),
        ({"n_classes": 2}, "train labels of 'digits' run from 0 to 2: expected 0 to 1"),
    ],
)
def test_bad_datasets(images, changes, message):
    with pytest.raises(ValueError, match=message):
        prepare(replace(images, **changes))
