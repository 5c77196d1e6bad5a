"""The accumulator of activations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.capture import ActivationStatistics, image_sums

CLASSES, CHANNELS, SIDE = 3, 2, 3
N = SIDE * SIDE


def _maps(seed, n):
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(n, CHANNELS, 1, 1))
    maps = np.maximum(level + rng.normal(size=(n, CHANNELS, SIDE, SIDE)), 0.0) * 3.0
    return maps, rng.integers(0, CLASSES, size=n)


def _close(found, expected, n):
    top = 20.0
    orders = {"mean": 1, "second": 2, "third": 3, "between": 2, "log_sum": 2}
    for name, array in expected.arrays().items():
        tolerance = 1e-12 * top ** orders.get(name, 0) * (n * N if name in orders and name != "mean" else 1)
        assert np.abs(getattr(found, name) - array).max() <= tolerance, name


@given(st.integers(0, 10**6), st.lists(st.integers(1, 39), max_size=4).map(sorted))
def test_batches_and_merged_parts_equal_one_pass(seed, cuts):
    maps, labels = _maps(seed, 40)
    batches = ActivationStatistics.empty(CLASSES, CHANNELS, N)
    merged = ActivationStatistics.empty(CLASSES, CHANNELS, N)
    for part in np.split(np.arange(40), cuts):
        if len(part):
            batches.update(maps[part], labels[part])
            merged.merge(ActivationStatistics.of(maps[part], labels[part], CLASSES))
    whole = ActivationStatistics.of(maps, labels, CLASSES)
    _close(batches, whole, 40)
    _close(merged, whole, 40)


@pytest.mark.parametrize("label", range(CLASSES))
def test_against_numpy_class_by_class(label):
    maps, labels = _maps(1, 120)
    own = np.moveaxis(maps[labels == label], 1, 0).reshape(CHANNELS, -1, N)
    values = own.reshape(CHANNELS, -1)
    found = ActivationStatistics.of(maps, labels, CLASSES)
    deviations = values - values.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.mean[label], values.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.second[label], (deviations**2).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.third[label], (deviations**3).sum(axis=1), rtol=1e-11)
    np.testing.assert_allclose(found.third_cumulant()[label], (deviations**3).mean(axis=1), rtol=1e-11)
    np.testing.assert_allclose(found.active()[label], (values > 0).mean(axis=1))
    np.testing.assert_allclose(found.log_sum[label], [np.log(v[v > 0]).sum() for v in values], rtol=1e-11)
    np.testing.assert_allclose(found.image_mean_variance()[label], own.mean(axis=2).var(axis=1, ddof=1))


def test_correlation_is_the_mean_covariance_between_positions():
    maps, labels = _maps(2, 400)
    found = ActivationStatistics.of(maps, np.zeros_like(labels), 1)
    flat = maps.reshape(400, CHANNELS, N)
    centred = flat - flat.mean(
        axis=(0, 2), keepdims=True
    )  # one mean for all positions: T6's, given the label
    covariance = np.einsum("ncs,nct->cst", centred, centred) / 400
    diagonal = np.einsum("css->c", covariance)
    rho = (covariance.sum(axis=(1, 2)) - diagonal) / (N - 1) / diagonal
    np.testing.assert_allclose(
        found.correlation()[0], rho, atol=0.005
    )  # differs by the factor n/(n-1) of Var Z
    np.testing.assert_allclose(
        found.effective_positions(), N / (1 + (N - 1) * found.correlation()), rtol=1e-12
    )


def test_independent_positions_are_all_effective():
    rng = np.random.default_rng(3)
    maps = rng.exponential(2.0, size=(20000, 1, 16))
    found = ActivationStatistics.of(maps, np.zeros(20000, dtype=int), 1)
    # Standard error of a variance ratio over 20,000 images: about sqrt(2/20000) = 1 % of N.
    assert found.effective_positions()[0, 0] == pytest.approx(16.0, rel=0.05)
    assert found.correlation()[0, 0] == pytest.approx(0.0, abs=0.005)
    assert found.variance()[0, 0] == pytest.approx(4.0, rel=0.03)
    assert found.third_cumulant()[0, 0] == pytest.approx(16.0, rel=0.1)


def test_variance_is_unbiased_for_few_correlated_images():
    rng = np.random.default_rng(4)
    sets, images = 4000, 3
    level = rng.gamma(2.0, 1.0, size=(sets * images, 1, 1))
    maps = level * np.ones((1, 1, 5))  # positions of one image are all equal: N_eff = 1
    found = ActivationStatistics.of(maps, np.repeat(np.arange(sets), images), sets)
    error = found.variance().std() / np.sqrt(sets)
    assert found.variance().mean() == pytest.approx(2.0, abs=5 * error)
    np.testing.assert_allclose(found.correlation(), 1.0, rtol=1e-9)


def test_a_dead_channel_has_no_correlation():
    maps = np.ones((6, 2, 4))
    maps[:, 0] = 0.0
    found = ActivationStatistics.of(maps, np.zeros(6, dtype=int), 1)
    assert np.isnan(found.effective_positions()).all()
    assert np.isnan(found.correlation()).all()
    assert (found.variance() == 0.0).all()
    assert found.active().tolist() == [[0.0, 1.0]]


def test_one_position_has_no_correlation():
    maps, labels = _maps(5, 30)
    found = ActivationStatistics.of(maps[:, :, :1, :1], labels, CLASSES)
    assert np.isnan(found.correlation()).all()
    np.testing.assert_allclose(found.effective_positions(), 1.0, rtol=0.2)


def test_channels_last_memory_gives_the_same_sums():
    maps, _ = _maps(6, 20)
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(maps.astype(np.float32), 1, 3)), 3, 1)
    plain, strided = image_sums(maps.astype(np.float32)), image_sums(last)
    for name in ("positives", "mean", "second", "third", "log_sum"):
        np.testing.assert_allclose(getattr(strided, name), getattr(plain, name), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.full((2, 2, 4), np.nan), "activations hold NaN or infinity"),
        (np.full((2, 2, 4), np.inf), "activations hold NaN or infinity"),
        (
            np.full((2, 2, 4), -0.25),
            "activations are negative .smallest -0.25.: expected >= 0; end the trunk",
        ),
        (np.ones((2, 2)), r"maps of shape \(2, 2\): expected \(images, channels, \*positions\)"),
        (np.ones((0, 2, 4)), r"maps of shape \(0, 2, 4\)"),
        (np.ones((2, 3, 4)), "maps of 3 channels at 4 positions: expected 2 channels at 4"),
        (np.ones((2, 2, 5)), "maps of 2 channels at 5 positions"),
    ],
)
def test_bad_maps_change_nothing(maps, message):
    found = ActivationStatistics.empty(2, 2, 4)
    with pytest.raises(ValueError, match=message):
        found.update(maps, np.zeros(len(maps), dtype=int))
    assert (found.images == 0).all()
    assert (found.mean == 0).all()


def test_bad_labels():
    with pytest.raises(ValueError, match="labels run from 0 to 5"):
        ActivationStatistics.of(np.ones((2, 2, 4)), [0, 5], 2)


@pytest.mark.parametrize("method", ["variance", "image_mean_variance", "third_cumulant", "correlation"])
def test_too_few_images_names_the_class(method):
    found = ActivationStatistics.of(np.ones((3, 2, 4)), [0, 0, 1], 2)
    with pytest.raises(ValueError, match="class 1 has 1; expected at least 2"):
        getattr(found, method)()


def test_merging_other_positions():
    with pytest.raises(ValueError, match="cannot merge maps of 9 positions into maps of 4"):
        ActivationStatistics.empty(2, 2, 4).merge(ActivationStatistics.empty(2, 2, 9))
