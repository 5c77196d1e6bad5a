"""The accumulator of pooled features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aggdist.capture import ActivationStatistics, PooledStatistics

CLASSES, CHANNELS = 3, 4


def _features(seed, n, offset=0.0):
    rng = np.random.default_rng(seed)
    values = np.maximum(rng.gamma(0.7, 2.0, size=(n, CHANNELS)) - 0.5, 0.0) * (rng.random(CHANNELS) * 10)
    return values + offset, rng.integers(0, CLASSES, size=n)


def _close(found, expected, features):
    """Every array to 1e-12 of its own natural scale: n times a spread to the power r, as sums may cancel."""
    top, spread = 1.0 + float(features.max()), 1.0 + float(np.ptp(features))
    scales = {"count": 0.0, "positives": 0.0, "mean": top, "comoment": spread**2, "third": spread**3}
    scales["log_sum"] = 1.0 + abs(np.log(top))
    for name, array in expected.arrays().items():
        error = np.abs(getattr(found, name) - array).max()
        assert error <= 1e-12 * scales[name] * (len(features) if name != "mean" else 1), name


def _split_update(features, labels, cuts):
    found = PooledStatistics.empty(CLASSES, CHANNELS)
    for part in np.split(np.arange(len(features)), cuts):
        if len(part):
            found.update(features[part], labels[part])
    return found


cuts = st.lists(st.integers(0, 60), max_size=5).map(sorted)


@given(st.integers(0, 10**6), cuts, st.sampled_from([0.0, 1000.0]))
def test_batches_equal_one_pass(seed, cuts, offset):
    features, labels = _features(seed, 60, offset)
    _close(_split_update(features, labels, cuts), PooledStatistics.of(features, labels, CLASSES), features)


@given(st.integers(0, 10**6), st.integers(1, 59))
def test_merged_parts_equal_one_pass(seed, cut):
    features, labels = _features(seed, 60)
    merged = PooledStatistics.of(features[:cut], labels[:cut], CLASSES)
    merged.merge(PooledStatistics.of(features[cut:], labels[cut:], CLASSES))
    _close(merged, PooledStatistics.of(features, labels, CLASSES), features)


@given(st.integers(0, 10**6))
def test_merging_is_commutative_and_empty_is_neutral(seed):
    features, labels = _features(seed, 40)
    parts = [(features[:13], labels[:13]), (features[13:], labels[13:])]
    forth, back = PooledStatistics.empty(CLASSES, CHANNELS), PooledStatistics.empty(CLASSES, CHANNELS)
    for part in parts:
        forth.merge(PooledStatistics.of(*part, CLASSES))
    for part in reversed(parts):
        back.merge(PooledStatistics.of(*part, CLASSES))
    _close(forth, back, features)
    before = {name: array.copy() for name, array in forth.arrays().items()}
    forth.merge(PooledStatistics.empty(CLASSES, CHANNELS))
    for name, array in forth.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("label", range(CLASSES))
def test_against_scipy_class_by_class(label):
    features, labels = _features(5, 200)
    own = features[labels == label]
    found = PooledStatistics.of(features, labels, CLASSES)
    assert found.count[label] == len(own)
    np.testing.assert_allclose(found.mean[label], own.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance()[label], own.var(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(found.covariance()[label], np.cov(own.T), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.third_cumulant()[label], [stats.kstat(c, 3) for c in own.T], rtol=1e-10)
    np.testing.assert_allclose(found.active()[label], (own > 0).mean(axis=0))
    np.testing.assert_allclose(found.log_sum[label], [np.log(c[c > 0]).sum() for c in own.T], rtol=1e-12)


def test_a_channel_that_is_always_zero():
    features, labels = _features(6, 60)
    features[:, 1] = 0.0
    found = PooledStatistics.of(features, labels, CLASSES)
    for array in (found.mean, found.active(), found.variance(), found.third_cumulant(), found.log_sum):
        assert (array[:, 1] == 0.0).all()


def test_tiny_spread_on_a_large_mean_keeps_its_digits():
    rng = np.random.default_rng(8)
    small = rng.normal(size=(300, 2)) + 5.0
    labels = np.zeros(300, dtype=int)
    exact = PooledStatistics.of(small, labels, 1).covariance()
    shifted = PooledStatistics.empty(1, 2)
    for part in np.split(np.arange(300), 10):
        shifted.update(small[part] + 2.0**20, labels[part])
    np.testing.assert_allclose(
        shifted.covariance(), exact, rtol=1e-7
    )  # 2^20 costs the input six digits itself


@pytest.mark.parametrize(
    ("method", "needed"), [("active", 1), ("variance", 2), ("covariance", 2), ("third_cumulant", 3)]
)
def test_too_few_images_names_the_class(method, needed):
    labels = np.repeat([0, 2], 5)
    labels = np.concatenate([labels, np.ones(needed - 1, dtype=int)])
    found = PooledStatistics.of(np.ones((len(labels), 2)), labels, 3)
    with pytest.raises(ValueError, match=f"class 1 has {needed - 1}; expected at least {needed} per class"):
        getattr(found, method)()


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.full((2, 3), np.nan), [0, 1], "NaN or infinity"),
        (np.full((2, 3), np.inf), [0, 1], "NaN or infinity"),
        (np.full((2, 3), -1.0), [0, 1], "negative .smallest -1"),
        (np.ones((2, 2)), [0, 1], r"shape \(2, 2\): expected \(images, 3\)"),
        (np.ones(3), [0], r"shape \(3,\): expected \(images, 3\)"),
        (np.ones((0, 3)), [], "got no images"),
        (np.ones((2, 3)), [0, 2], "labels run from 0 to 2: expected 0 to 1 for 2 classes"),
        (np.ones((2, 3)), [-1, 0], "labels run from -1 to 0"),
        (np.ones((2, 3)), [0], r"labels of shape \(1,\) for 2 images"),
        (np.ones((2, 3)), [[0], [1]], r"labels of shape \(2, 1\) for 2 images"),
    ],
)
def test_bad_batches_change_nothing(features, labels, message):
    found = PooledStatistics.empty(2, 3)
    with pytest.raises(ValueError, match=message):
        found.update(features, np.array(labels, dtype=int))
    assert all((array == 0).all() for array in found.arrays().values())


def test_labels_that_are_no_integers():
    with pytest.raises(TypeError, match="labels of type float64: expected integers 0 to 1"):
        PooledStatistics.of(np.ones((2, 3)), [0.0, 1.0], 2)


def test_of_needs_a_matrix():
    with pytest.raises(ValueError, match=r"expected \(images, channels\)"):
        PooledStatistics.of(np.ones(3), [0, 0, 0], 1)


def test_merging_what_does_not_belong_together():
    found = PooledStatistics.empty(2, 3)
    with pytest.raises(ValueError, match="both parts must come from the same network and classes"):
        found.merge(PooledStatistics.empty(2, 4))
    with pytest.raises(TypeError, match="cannot merge ActivationStatistics into PooledStatistics"):
        found.merge(ActivationStatistics.empty(2, 3, 4))
