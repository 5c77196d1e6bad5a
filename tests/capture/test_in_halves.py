"""A capture in two halves: together they are the whole, apart they are the statistics of their own images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from aggdist.capture import (
    ActivationStatistics,
    MarginalStatistics,
    PooledStatistics,
    cached,
    captured,
    captured_in_halves,
    in_halves,
)

CLASSES = 3


@pytest.fixture
def checkpoint(network):
    """What `captured` reads of a checkpoint."""
    recipe = SimpleNamespace(training=SimpleNamespace(threads=1))
    return SimpleNamespace(
        network=network, key="k" * 64, spec=SimpleNamespace(n_classes=CLASSES), recipe=recipe
    )


@pytest.fixture
def halves(checkpoint, images):
    return captured_in_halves(checkpoint, *images, seed=0, progress=False)


def assert_same_statistics(found, expected, rtol=1e-12):
    """Relative to the largest of each array: third moments of single channels may cancel."""
    assert type(found) is type(expected)
    for name, array in expected.arrays().items():
        np.testing.assert_allclose(
            getattr(found, name), array, rtol=rtol, atol=rtol * np.abs(array).max(), err_msg=name
        )


def test_together_they_are_the_whole(halves, checkpoint, images):
    whole = captured(checkpoint, *images, progress=False)
    assert_same_statistics(halves.all_activations(), whole.activation_statistics)
    assert_same_statistics(halves.all_features(), whole.pooled_statistics)
    np.testing.assert_array_equal(halves.pooled, whole.pooled)
    np.testing.assert_array_equal(halves.nodes, whole.nodes)
    np.testing.assert_array_equal(halves.labels, images[1])


def test_putting_them_together_leaves_them_as_they_are(halves):
    before = [part.arrays() for part in (*halves.activations, *halves.features)]
    copies = [{name: array.copy() for name, array in arrays.items()} for arrays in before]
    halves.all_activations()
    halves.all_features()
    for part, copy in zip((*halves.activations, *halves.features), copies, strict=True):
        for name, array in part.arrays().items():
            np.testing.assert_array_equal(array, copy[name])


def test_apart_they_are_the_statistics_of_their_images(halves, network, images):
    import torch

    x, labels = images
    with torch.no_grad():
        maps = network.maps(torch.from_numpy(x)).double().numpy()
    for half, activations, features in zip(
        (halves.first, ~halves.first), halves.activations, halves.features, strict=True
    ):
        # Maps of other batches differ in the last digits of single precision.
        expected = ActivationStatistics.of(maps[half], labels[half], CLASSES)
        assert_same_statistics(activations, expected, rtol=1e-5)
        own = PooledStatistics.of(halves.pooled[half], labels[half], CLASSES)
        assert_same_statistics(features, own, rtol=1e-12)


def test_halves_of_each_class_are_disjoint_and_equally_large(halves, images):
    labels = images[1]
    counts = np.bincount(labels)
    np.testing.assert_array_equal(np.bincount(labels[halves.first]), counts // 2)
    for part, expected in zip(halves.features, (counts // 2, counts - counts // 2), strict=True):
        np.testing.assert_array_equal(part.count, expected)
    for part, expected in zip(halves.activations, (counts // 2, counts - counts // 2), strict=True):
        np.testing.assert_array_equal(part.images, expected)


def test_the_seed_decides_which_images(checkpoint, images, halves):
    again, other = (captured_in_halves(checkpoint, *images, seed=s, progress=False) for s in (0, 1))
    np.testing.assert_array_equal(halves.first, again.first)
    assert not np.array_equal(halves.first, other.first)
    np.testing.assert_array_equal(halves.nodes, other.nodes)


def test_the_second_time_it_comes_from_the_cache(checkpoint, images, halves, monkeypatch):
    monkeypatch.setattr(cached, "capture", lambda *a, **k: pytest.fail("captured again"))
    again = captured_in_halves(checkpoint, *images, seed=0, progress=False)
    np.testing.assert_array_equal(halves.pooled, again.pooled)
    for ours, theirs in zip(
        (*halves.activations, *halves.features), (*again.activations, *again.features), strict=True
    ):
        assert_same_statistics(ours, theirs, rtol=0)


def test_it_is_another_capture_than_that_of_the_whole(checkpoint, images, halves, monkeypatch):
    """The cache does not take one for the other."""
    calls = []
    original = cached.capture
    monkeypatch.setattr(cached, "capture", lambda *a, **k: calls.append(1) or original(*a, **k))
    whole = captured(checkpoint, *images, progress=False)
    assert calls == [1]
    assert len(whole.pooled_statistics.count) == CLASSES


def test_labels_may_have_any_integer_type(checkpoint, images, halves):
    x, labels = images
    again = in_halves.captured_in_halves(checkpoint, x, labels.astype(np.uint8), seed=0, progress=False)
    assert again.labels.dtype == np.int64
    np.testing.assert_array_equal(again.first, halves.first)
    assert_same_statistics(again.all_features(), halves.all_features(), rtol=0)


def test_a_class_too_small_for_two_halves(checkpoint, images):
    x, _ = images
    with pytest.raises(ValueError, match="class 2 has 3 images, expected at least four"):
        captured_in_halves(checkpoint, x, np.repeat([0, 1, 2], [25, 22, 3]), seed=0, progress=False)


# Some of the labels, and sums of single channels ----------------------------------------------------------


def some(seed=1, n=90):
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(0.2, 1.0, (n, 4, 2, 2)), 0), np.arange(n) % CLASSES


def test_statistics_of_some_labels_are_those_of_their_images():
    maps, labels = some()
    both = (
        ActivationStatistics.of(maps, labels, CLASSES),
        PooledStatistics.of(maps.max((2, 3)), labels, CLASSES),
    )
    later = labels >= 1
    expected = (
        ActivationStatistics.of(maps[later], labels[later] - 1, 2),
        PooledStatistics.of(maps[later].max((2, 3)), labels[later] - 1, 2),
    )
    for found, own in zip(both, expected, strict=True):
        assert_same_statistics(found.of_labels(slice(1, None)), own)


def test_statistics_of_some_labels_are_a_copy():
    maps, labels = some()
    for whole in (
        ActivationStatistics.of(maps, labels, CLASSES),
        PooledStatistics.of(maps.max((2, 3)), labels, CLASSES),
    ):
        before = {name: array.copy() for name, array in whole.arrays().items()}
        part = whole.of_labels(slice(None))
        part.merge(whole)
        for name, array in whole.arrays().items():
            np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("kind", ["plain", "silent channel", "missing label"])
def test_sums_of_single_channels_are_those_of_the_accumulator(kind):
    maps, labels = some()
    features = maps.mean(axis=(2, 3)) + 100.0 * (kind == "plain")
    if kind == "silent channel":
        features[:, 2] = 0.0
    if kind == "missing label":
        labels = labels % 2
    found = MarginalStatistics.of(features, labels, CLASSES)
    expected = PooledStatistics.of(features, labels, CLASSES).marginals()
    for name in ("count", "positives", "mean", "squares", "third", "log_sum"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max(), err_msg=name)


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones(3), [0, 0, 0], r"shape \(3,\): expected \(images, channels\)"),
        (np.full((2, 3), np.nan), [0, 1], "NaN or infinity"),
        (np.full((2, 3), -1.0), [0, 1], "negative .smallest -1"),
        (np.ones((0, 3)), [], "got no images"),
        (np.ones((2, 3)), [0, 3], "labels run from 0 to 3"),
    ],
)
def test_sums_of_single_channels_refuse_bad_features(features, labels, message):
    with pytest.raises(ValueError, match=message):
        MarginalStatistics.of(features, np.array(labels, int), CLASSES)
