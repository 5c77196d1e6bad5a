"""Predicted divergences against held-out outputs: what is observed, a perfect prediction, saturation, ties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import Normal, ShiftedGamma, WeightedGammaSum
from aggdist.divergence.bounded import bounded_kl
from aggdist.divergence.nearest_neighbour import knn_kl
from aggdist.prediction import (
    FittingImages,
    IndependentZeroInflatedGammas,
    NodeLaws,
    NodeSampler,
    Normals,
    ShrunkGammas,
    compare,
    counted,
    node_divergences,
    observe,
    relative_error,
)
from aggdist.prediction.projected_models import floored_gamma

NODES = 4


def true_laws(seed=61, skew=0.8, apart=1.3):
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 0.4, (NODES, NODES)) + apart * np.eye(NODES)
    law = floored_gamma(mean, rng.uniform(0.8, 1.2, mean.shape), rng.uniform(-skew, skew, mean.shape))
    return NodeLaws(law, np.ones(NODES))


def outputs_of(laws, each, rng):
    labels = np.repeat(np.arange(laws.nodes), each)
    return np.concatenate(NodeSampler(laws).by_label(np.full(laws.nodes, each), rng)), labels


# What is observed -----------------------------------------------------------------------------------------


def test_observed_one_by_one():
    rng = np.random.default_rng(62)
    outputs, labels = outputs_of(true_laws(), 80, rng)
    order = rng.permutation(len(labels))
    found = observe(outputs[order], labels[order], rng)
    for k in range(NODES):
        x, y = outputs[labels == k, k], outputs[labels != k, k]
        assert found.raw_values[k] == pytest.approx(knn_kl(x, y, 1))
        assert found.matched[k] == pytest.approx(knn_kl(x, y, 5))
        assert found.bounded[k] == pytest.approx(bounded_kl(x, y))
        assert found.auc[k] == pytest.approx(stats.mannwhitneyu(x, y).statistic / (x.size * y.size))
    assert found.ties == 0


def test_counting_is_the_matched_estimate():
    rng = np.random.default_rng(63)
    outputs, labels = outputs_of(true_laws(), 50, rng)
    np.testing.assert_allclose(
        counted(outputs, labels, rng), observe(outputs, labels, rng).matched, rtol=1e-12
    )


def test_intervals_hold_the_truth():
    """Half-sample intervals of 95 %: of 40 at least 34 hold the divergence of the laws."""
    inside, rng = [], np.random.default_rng(64)
    for seed in range(10):
        laws = true_laws(seed, apart=0.8)
        found = observe(*outputs_of(laws, 250, rng), rng)
        truth = node_divergences(laws).kl
        for estimate, value in zip(found.raw, truth, strict=True):
            assert estimate.low < estimate.value < estimate.high
            inside.append(estimate.low < value < estimate.high)
    assert sum(inside) >= 34


def test_bounded_divergence_and_area_are_near_those_of_the_laws():
    laws, rng = true_laws(), np.random.default_rng(65)
    truth = node_divergences(laws)
    found = observe(*outputs_of(laws, 1500, rng), rng)
    np.testing.assert_allclose(found.bounded, truth.bounded, atol=0.08)
    np.testing.assert_allclose(found.auc, truth.auc, atol=0.025)


def test_equal_outputs_are_counted_as_ties():
    rng = np.random.default_rng(18)
    outputs, labels = rng.normal(size=(60, 2)), np.repeat([0, 1], 30)
    outputs[5] = outputs[6]
    assert observe(outputs, labels, rng).ties == 2
    assert observe(rng.normal(size=(60, 2)), labels, rng).ties == 0


def test_ties_are_broken_and_change_nothing_else():
    """A tenth of the images of label 0 occur again under label 1: estimates of the other nodes hardly notice."""
    rng = np.random.default_rng(66)
    outputs, labels = outputs_of(true_laws(), 400, rng)
    before = observe(outputs, labels, rng)
    tied = outputs.copy()
    tied[np.flatnonzero(labels == 1)[:40]] = tied[np.flatnonzero(labels == 0)[:40]]
    after = observe(tied, labels, rng)
    assert after.ties == 40 * NODES
    assert np.all(np.isfinite(after.raw_values))
    np.testing.assert_allclose(after.matched[2:], before.matched[2:], atol=0.25)


# Predicted against observed -------------------------------------------------------------------------------


def test_a_perfect_prediction_is_within_its_floor():
    """Twelve held-out samples from the very laws: mean relative error as that of the draws among themselves."""
    laws, rng = true_laws(), np.random.default_rng(67)
    labels = np.repeat(np.arange(NODES), 150)
    errors, floors, scores = [], [], []
    for _ in range(12):
        outputs, _ = outputs_of(laws, 150, rng)
        observed, predicted = observe(outputs, labels, rng), compare(laws, labels, draws=8, rng=rng)
        errors.append(relative_error(predicted.matched, observed.matched))
        floors.append(predicted.floor().mean(axis=0))
        scores.append((observed.matched - predicted.matched) / predicted.draws.std(axis=0, ddof=1))
        assert predicted.floor().shape == predicted.auc_floor().shape == (8, NODES)
    assert 0.75 < np.mean(errors) / np.mean(floors) < 1.3
    # 48 scores: Student's t with 7 degrees of freedom, standard error of their mean about 0.2.
    assert abs(np.mean(scores)) < 0.7
    assert np.max(np.abs(scores)) < 6


def test_a_wrong_prediction_is_beyond_its_floor():
    laws, rng = true_laws(), np.random.default_rng(68)
    outputs, labels = outputs_of(laws, 300, rng)
    wrong = NodeLaws(floored_gamma(*_moments(laws, 1.6)), laws.priors)
    observed, predicted = observe(outputs, labels, rng), compare(wrong, labels, draws=6, rng=rng)
    error = np.median(relative_error(predicted.matched, observed.matched))
    assert error > 3 * np.median(predicted.floor())


def _moments(laws, factor):
    """Means that are farther apart by a factor."""
    centre = laws.law.mean().mean(axis=1, keepdims=True)
    return centre + factor * (laws.law.mean() - centre), laws.law.std(), np.zeros((NODES, NODES))


def test_predicted_values_are_those_of_the_quadrature():
    laws, labels = true_laws(), np.repeat(np.arange(NODES), 40)
    found = compare(laws, labels, draws=3, rng=np.random.default_rng(69))
    expected = node_divergences(laws)
    for key in ("kl", "bounded", "auc", "kl_error"):
        np.testing.assert_array_equal(getattr(found.predicted, key), getattr(expected, key))
    assert found.draws.shape == found.auc_draws.shape == (3, NODES)
    np.testing.assert_allclose(found.matched, found.draws.mean(axis=0))
    np.testing.assert_allclose(found.auc_floor(), np.abs(found.auc_draws - expected.auc))
    others = (found.draws.sum(axis=0) - found.draws) / 2
    np.testing.assert_allclose(found.floor(), np.abs(others / found.draws - 1))


def test_the_labels_set_the_sizes():
    """Of label 1 there are few: the draws of its node scatter more than with many."""
    laws = NodeLaws(Normal(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((2, 2))), np.ones(2))
    spread = {}
    for few in (20, 500):
        labels = np.repeat([0, 1], [500, few])
        spread[few] = compare(laws, labels, draws=12, rng=np.random.default_rng(70)).draws.std(axis=0)
    assert spread[20][1] > 2 * spread[500][1]


def test_independent_features_are_predicted_by_their_model():
    """Images of independent zero-inflated gammas; models fitted on other images than those that judge."""
    rng = np.random.default_rng(71)
    labels, channels = np.repeat(np.arange(3), 2400), 24
    scale = np.where(np.arange(channels) % 3 == np.arange(3)[:, None], 0.7, 0.5)
    features = (
        rng.standard_gamma(2.0, (7200, channels)) * scale[labels] * (rng.random((7200, channels)) < 0.8)
    )
    weights, bias = scale * 4 - 2.2, np.zeros(3)
    fit = np.arange(7200) % 2 == 0
    images, judged = FittingImages(features[fit], labels[fit], 3), labels[~fit]
    observed = observe(features[~fit] @ weights.T + bias, judged, rng)
    for model in (IndependentZeroInflatedGammas, ShrunkGammas):
        result = compare(model.fit_images(images).node_laws(weights, bias), judged, draws=6, rng=rng)
        spread = result.draws.std(axis=0, ddof=1)
        assert np.all(np.abs(observed.matched - result.matched) < 5 * spread + 0.1 * result.matched)
        np.testing.assert_allclose(observed.auc, result.predicted.auc, atol=0.03)
        assert np.all(np.abs(observed.raw_values - result.predicted.kl) < 0.1 + 0.15 * result.predicted.kl)


def test_a_joint_atom_is_on_both_sides():
    """All features 0 in a third of the images: outputs that are equal count half in the area, and as ties."""
    law = WeightedGammaSum(
        np.array([[[1.0, 0.6]], [[0.8, 1.2]]]),
        2.0,
        np.array([[1.0, 0.7], [0.7, 1.0]]),
        [[0.4, 0.4], [0.3, 0.4]],
        0.5,
    )
    laws, rng, each = NodeLaws(law, np.ones(2)), np.random.default_rng(74), 800
    labels = np.repeat([0, 1], each)
    outputs = law.sample(rng, 2 * each)[np.arange(2 * each), :, labels]
    observed, predicted = observe(outputs, labels, rng), compare(laws, labels, draws=8, rng=rng)
    assert observed.ties > each / 2
    # An area from n and n values has a standard deviation of at most 1/(2 sqrt(n)).
    np.testing.assert_allclose(
        predicted.auc_draws.mean(axis=0), predicted.predicted.auc, atol=5 / np.sqrt(32 * each)
    )
    np.testing.assert_allclose(observed.auc, predicted.predicted.auc, atol=2.5 / np.sqrt(each))
    spread = predicted.draws.std(axis=0, ddof=1)
    assert np.all(np.abs(observed.matched - predicted.matched) < 6 * spread)


# Saturation -----------------------------------------------------------------------------------------------


def test_well_separated_nodes_are_marked_saturated():
    rng = np.random.default_rng(17)
    labels = np.repeat(np.arange(2), 200)
    features = rng.gamma(50.0, 0.02, (400, 2)) + 8.0 * np.eye(2)[labels]
    laws = Normals.fit_images(FittingImages(features, labels, 2)).node_laws(np.eye(2), np.zeros(2))
    result = compare(laws, labels, draws=3, rng=rng)
    assert result.saturated.all()
    assert np.all(result.matched < 20)
    assert np.all(result.predicted.kl > 20)
    # What stays comparable: KL(in || all) is log 2 on both sides.
    observed = observe(features, labels, rng)
    np.testing.assert_allclose(observed.bounded, np.log(2), atol=0.01)
    np.testing.assert_allclose(result.predicted.bounded, np.log(2), atol=1e-6)


def test_one_node_is_saturated_and_another_is_not():
    mean = np.array([[30.0, 0.0, 0.0], [0.0, 1.4, 0.0], [0.0, 0.0, 1.4]])
    laws = NodeLaws(Normal(mean, np.ones((3, 3))), np.ones(3))
    labels = np.repeat(np.arange(3), 1500)
    found = compare(laws, labels, draws=6, rng=np.random.default_rng(72))
    assert list(found.saturated) == [True, False, False]
    # By its definition: the draws average more than a tenth below the law's own divergence.
    np.testing.assert_array_equal(found.saturated, found.matched < 0.9 * found.predicted.kl)


def test_an_infinite_divergence_is_saturated():
    low = np.array([[1.0, 0.0], [0.0, 1.0]])
    law = ShiftedGamma(low, 1.0, np.array([[0.0, 1.0], [0.8, 0.0]]))
    found = compare(NodeLaws(law, np.ones(2)), np.repeat([0, 1], 60), draws=2, rng=np.random.default_rng(73))
    assert np.all(np.isinf(found.predicted.kl))
    assert found.saturated.all()
    assert np.all(np.isfinite(found.matched))
