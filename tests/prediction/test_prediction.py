"""Feature models by name, the images they are fitted on, and the laws of heads, on features whose laws are known."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import Normal, NormalInverseGaussian, WeightedGammaSum, ZeroInflatedGamma
from aggdist.prediction import (
    COSTLY_MODELS,
    DEFAULT_MODEL,
    FEATURE_MODELS,
    FittingImages,
    IndependentGammas,
    IndependentZeroInflatedGammas,
    NodeLaws,
    NodeSampler,
    Normals,
    StatisticsModel,
    feature_model,
)

LABELS, CHANNELS = 3, 24


@pytest.fixture(scope="module")
def head():
    rng = np.random.default_rng(11)
    return rng.normal(0, 0.5, (LABELS, CHANNELS)), rng.normal(size=LABELS)


@pytest.fixture(scope="module")
def independent(head):
    """Independent zero-inflated gamma features: the law that the second model describes exactly."""
    rng = np.random.default_rng(12)
    active = rng.uniform(0.5, 1.0, (LABELS, CHANNELS))
    shape, scale = rng.uniform(0.8, 4, (LABELS, CHANNELS)), rng.uniform(0.2, 1, (LABELS, CHANNELS))
    labels = np.repeat(np.arange(LABELS), 1500)
    features = (
        rng.standard_gamma(shape[labels]) * scale[labels] * (rng.random((4500, CHANNELS)) < active[labels])
    )
    return features, labels


@pytest.fixture(scope="module")
def images(independent):
    return FittingImages(*independent, LABELS)


@pytest.fixture(scope="module")
def statistics(images):
    return images.statistics


# What models are fitted on --------------------------------------------------------------------------------


def test_images_are_put_in_order_once(images, independent):
    features, labels = independent
    assert images.statistics is images.statistics
    assert images.marginals is images.marginals
    assert [len(own) for own in images.by_label] == [1500] * LABELS
    for j, own in enumerate(images.by_label):
        np.testing.assert_array_equal(own, features[labels == j])
    for name in ("count", "positives", "mean", "squares", "third", "log_sum"):
        both = getattr(images.marginals, name), getattr(images.statistics.marginals(), name)
        np.testing.assert_allclose(*both, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize(
    "name", [n for n, model in FEATURE_MODELS.items() if issubclass(model, StatisticsModel)]
)
def test_accumulators_are_enough_for_some_models(name, images, head):
    """Also those of two parts of the images, merged."""
    features, labels = images.features, images.labels
    merged = PooledStatistics.of(features[::2], labels[::2], LABELS)
    merged.merge(PooledStatistics.of(features[1::2], labels[1::2], LABELS))
    from_images = feature_model(name).fit_images(images).node_laws(*head)
    from_statistics = feature_model(name).fit(merged).node_laws(*head)
    np.testing.assert_allclose(from_images.law.mean(), from_statistics.law.mean(), rtol=1e-10)
    np.testing.assert_allclose(from_images.law.var(), from_statistics.law.var(), rtol=1e-10)
    np.testing.assert_array_equal(from_images.priors, from_statistics.priors)


@pytest.mark.parametrize("name", FEATURE_MODELS)
def test_every_model_offers_the_same(name, images, head):
    model = feature_model(name).fit_images(images)
    assert model.channels == CHANNELS
    assert model.pooled_law().batch_shape == (LABELS, CHANNELS)
    assert (model.name, bool(model.title)) == (name, True)
    np.testing.assert_array_equal(model.counts, [1500.0] * LABELS)
    laws = model.node_laws(*head, priors=[2, 1, 1])
    assert laws.law.batch_shape == (LABELS, LABELS)
    np.testing.assert_allclose(laws.priors, [0.5, 0.25, 0.25])
    # The bias moves the node, whatever the model.
    moved = model.node_laws(head[0], head[1] + 5.0)
    np.testing.assert_allclose(moved.law.mean() - laws.law.mean(), 5.0)
    np.testing.assert_allclose(moved.law.std(), laws.law.std())


def test_names_that_are_used_elsewhere_are_known():
    assert {DEFAULT_MODEL, *COSTLY_MODELS} <= set(FEATURE_MODELS)
    assert DEFAULT_MODEL not in COSTLY_MODELS


# Laws of features and of heads ----------------------------------------------------------------------------


def test_gamma_model_matches_mean_and_variance(statistics):
    law = IndependentGammas.fit(statistics).pooled_law()
    np.testing.assert_allclose(law.mean(), statistics.mean, rtol=1e-12)
    np.testing.assert_allclose(law.var(), statistics.variance(), rtol=1e-12)


def test_zero_inflated_model_matches_mean_and_zeros(statistics):
    law = IndependentZeroInflatedGammas.fit(statistics).pooled_law()
    (atom,) = law.atoms()
    np.testing.assert_allclose(1 - atom.mass, statistics.active(), atol=1e-3)
    np.testing.assert_allclose(law.mean(), statistics.mean, rtol=2e-3)


def test_normal_model_keeps_mean_and_variance_of_every_head(statistics, independent, head):
    features, labels = independent
    weights, bias = head
    laws = Normals.fit(statistics).node_laws(weights, bias).law
    outputs = features @ weights.T + bias
    for j in range(LABELS):
        own = outputs[labels == j]
        np.testing.assert_allclose(laws.mean()[:, j], own.mean(axis=0), rtol=1e-10)
        np.testing.assert_allclose(laws.var()[:, j], own.var(axis=0, ddof=1), rtol=1e-10)


def test_correlated_channels_break_the_independent_models_but_not_the_normal_one(head):
    weights, bias = head
    rng = np.random.default_rng(13)
    labels = np.repeat(np.arange(LABELS), 800)
    brightness = rng.gamma(4.0, 0.25, (2400, 1))
    features = brightness * rng.gamma(8.0, 0.1, (2400, CHANNELS)) * (1 + (labels[:, None] == 1))
    statistics = PooledStatistics.of(features, labels, LABELS)
    true = (features @ weights.T)[labels == 0].var(axis=0, ddof=1)
    normal = Normals.fit(statistics).node_laws(weights, bias).law.var()[:, 0]
    independent = IndependentGammas.fit(statistics).node_laws(weights, bias).law.var()[:, 0]
    np.testing.assert_allclose(normal, true, rtol=1e-9)
    assert np.max(np.abs(np.log(independent / true))) > 0.5


@pytest.mark.parametrize("channels", [500, 501])
def test_beyond_500_channels_four_cumulants_stand_for_the_sum(channels):
    """Exact below; above it the normal-inverse Gaussian law with the cumulants of the sum, near to it."""
    rng = np.random.default_rng(19)
    law = ZeroInflatedGamma(
        rng.uniform(0.4, 1, (2, channels)),
        rng.uniform(0.5, 2, (2, channels)),
        rng.uniform(0.5, 1.5, (2, channels)),
    )
    weights, bias = rng.normal(0.3, 1.0, (2, channels)), np.array([1.0, -2.0])
    found = IndependentZeroInflatedGammas(law, np.ones(2)).node_laws(weights, bias).law
    assert isinstance(found, WeightedGammaSum if channels == 500 else NormalInverseGaussian)
    # Cumulants of the channels, weighted.
    np.testing.assert_allclose(found.mean(), bias[:, None] + weights @ law.mean().T, rtol=1e-9)
    np.testing.assert_allclose(found.var(), weights**2 @ law.var().T, rtol=1e-9)
    np.testing.assert_allclose(found.cumulant(3), weights**3 @ law.cumulant(3).T, rtol=1e-6)
    np.testing.assert_allclose(found.cumulant(4), weights**4 @ law.cumulant(4).T, rtol=1e-6)
    exact = WeightedGammaSum(weights[:, None], law.shape, law.scale, law.active, bias[:, None]).tabulate(200)
    np.testing.assert_allclose(found.cdf(exact.x), exact.cdf, atol=1e-4)


def test_dead_and_constant_channels(head):
    weights, bias = head
    rng = np.random.default_rng(14)
    labels = np.repeat(np.arange(LABELS), 20)
    features = rng.gamma(2.0, 1.0, (60, CHANNELS))
    features[labels == 1, 3] = 0.0
    features[:, 5] = 1.25
    for name, model in FEATURE_MODELS.items():
        fitted = model.fit_images(FittingImages(features, labels, LABELS))
        laws = fitted.node_laws(weights, bias)
        assert np.all(np.isfinite(laws.law.mean())), name
        assert np.all(laws.law.var() > 0), name
        pooled = fitted.pooled_law()
        assert pooled.mean()[1, 3] == 0, name
        # 20 of 20 active is estimated 20.5 / 21.
        assert pooled.mean()[0, 5] == pytest.approx(1.25, rel=0.03), name


@pytest.mark.parametrize("name", list(FEATURE_MODELS))
def test_simulated_outputs_have_the_predicted_moments(name, images, head):
    laws = feature_model(name).fit_images(images).node_laws(*head)
    law, counts = laws.law, np.full(LABELS, 40_000)
    for j, own in enumerate(NodeSampler(laws).by_label(counts, np.random.default_rng(16))):
        error = law.std()[:, j] / np.sqrt(40_000)
        assert np.all(np.abs(own.mean(axis=0) - law.mean()[:, j]) < 5 * error)
        np.testing.assert_allclose(own.std(axis=0), law.std()[:, j], rtol=0.03)


@pytest.mark.parametrize(
    ("weights", "bias", "message"),
    [
        (np.ones((3, 5)), np.zeros(3), rf"weights: got shape \(3, 5\), expected \(K, {CHANNELS}\)"),
        (np.ones((3, CHANNELS)), np.zeros(2), r"bias: got shape \(2,\), expected \(3,\)"),
        (np.full((3, CHANNELS), np.nan), np.zeros(3), "weights or bias: got NaN"),
    ],
)
def test_bad_heads(statistics, weights, bias, message):
    with pytest.raises(ValueError, match=message):
        Normals.fit(statistics).node_laws(weights, bias)


def test_more_bad_input(statistics):
    with pytest.raises(
        ValueError, match=r"feature model: got 'gama', expected one of gamma, zero_inflated_gamma"
    ):
        feature_model("gama")
    with pytest.raises(
        ValueError, match=r"output node 1 has variance 0.0 given label 0, expected a positive"
    ):
        Normals.fit(statistics).node_laws(np.diag([1.0, 0.0, 1.0]) @ np.ones((3, CHANNELS)), np.zeros(3))
    with pytest.raises(ValueError, match="laws of 2 nodes given 3 labels"):
        NodeLaws(Normal(np.zeros((2, 3)), 1.0), np.ones(3))
    with pytest.raises(ValueError, match="expected 2 positive frequencies"):
        NodeLaws(Normal(np.zeros((2, 2)), 1.0), np.array([1.0, 0.0]))
