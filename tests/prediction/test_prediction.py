"""Feature models, laws of output nodes and their divergences, on features whose laws are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from aggdist.capture.statistics import PooledStatistics
from aggdist.distributions import Normal, WeightedGammaSum
from aggdist.prediction import (
    FEATURE_MODELS,
    IndependentGammas,
    IndependentZeroInflatedGammas,
    NodeLaws,
    Normals,
    compare,
    feature_model,
    node_divergences,
    observe,
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
def statistics(independent):
    features, labels = independent
    return PooledStatistics.of(features, labels, LABELS)


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


def test_dead_and_constant_channels(head):
    weights, bias = head
    rng = np.random.default_rng(14)
    labels = np.repeat(np.arange(LABELS), 20)
    features = rng.gamma(2.0, 1.0, (60, CHANNELS))
    features[labels == 1, 3] = 0.0
    features[:, 5] = 1.25
    statistics = PooledStatistics.of(features, labels, LABELS)
    for name, model in FEATURE_MODELS.items():
        fitted = model.fit(statistics)
        laws = fitted.node_laws(weights, bias)
        assert np.all(np.isfinite(laws.law.mean())), name
        assert np.all(laws.law.var() > 0), name
        pooled = fitted.pooled_law()
        assert pooled.mean()[1, 3] == 0, name
        assert pooled.mean()[0, 5] == pytest.approx(1.25, rel=0.03), (
            name
        )  # 20 of 20 active is estimated 20.5 / 21


def test_normal_nodes_give_the_closed_form():
    mean, std = np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[1.0, 1.5], [0.7, 2.0]])
    result = node_divergences(NodeLaws(Normal(mean, std), np.array([1.0, 1.0])))
    m1, s1, m2, s2 = mean[[0, 1], [0, 1]], std[[0, 1], [0, 1]], mean[[0, 1], [1, 0]], std[[0, 1], [1, 0]]
    np.testing.assert_allclose(
        result.kl, np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5, rtol=1e-9
    )
    np.testing.assert_allclose(result.auc, stats.norm.cdf((m1 - m2) / np.hypot(s1, s2)), atol=1e-8)
    assert np.all(result.kl_error < 1e-9)


def test_out_of_class_is_the_mixture_of_the_other_labels():
    mean, priors = np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [1.0, 2.0, 0.0]]), np.array([0.5, 0.2, 0.3])
    result = node_divergences(NodeLaws(Normal(mean, np.ones((3, 3))), priors))
    others = [stats.norm(1.0, 1.0), stats.norm(4.0, 1.0)]

    def integrand(y):
        p = stats.norm.pdf(y)
        q = 0.4 * others[0].pdf(y) + 0.6 * others[1].pdf(y)
        return p * np.log(p / q)

    assert result.kl[0] == pytest.approx(integrate.quad(integrand, -12, 12)[0], rel=1e-8)


def test_one_gamma_channel_gives_the_closed_form_and_unreachable_support_is_infinite():
    shape, scale = np.array([[2.0], [3.0]]), np.array([[1.5], [1.0]])
    weights = np.array([[1.0], [1.0]])[:, None, :]
    laws = NodeLaws(WeightedGammaSum(weights, shape, scale, 1.0, 0.5), np.array([1.0, 1.0]))
    # Gamma(2, 1.5) against Gamma(3, 1), closed form in 20 digits.
    assert node_divergences(laws).kl[0] == pytest.approx(0.05396752113698502409, rel=1e-6)
    mirrored = WeightedGammaSum(
        np.array([[1.0, 1.0], [-1.0, -1.0]])[..., None] * np.array([[1.0], [-1.0]]), 2.0, 1.0
    )
    assert np.all(np.isinf(node_divergences(NodeLaws(mirrored, np.array([1.0, 1.0]))).kl))


def test_atoms_count():
    # One channel: KL of zero-inflated gammas in closed form, p0 = .2, (2, 1.5) against q0 = .5, (3, 1).
    law = WeightedGammaSum(
        np.ones((2, 1, 1)), np.array([[2.0], [3.0]]), np.array([[1.5], [1.0]]), np.array([[0.8], [0.5]])
    )
    result = node_divergences(NodeLaws(law, np.array([1.0, 1.0])))
    assert result.kl[0] == pytest.approx(0.23591877393134545, rel=1e-5)
    gamma_part = integrate.quad(lambda x: stats.gamma.pdf(x, 2, scale=1.5) * stats.gamma.cdf(x, 3), 0, 80)[0]
    assert result.auc[0] == pytest.approx(0.8 * (0.5 + 0.5 * gamma_part) + 0.2 * 0.5 * 0.5, rel=1e-5)


def test_predictions_agree_with_held_out_outputs_where_the_model_is_right(statistics, head):
    weights, bias = head
    rng = np.random.default_rng(15)
    model = IndependentZeroInflatedGammas.fit(statistics)
    labels = np.repeat(np.arange(LABELS), 1200)
    outputs = model.sample_outputs(weights, bias, labels, rng)
    observed = observe(outputs, labels, rng)
    result = compare(model, weights, bias, labels, draws=6, rng=rng)
    spread = result.draws.std(axis=0, ddof=1)
    assert np.all(np.abs(observed.matched - result.matched) < 5 * spread + 0.02)
    np.testing.assert_allclose(observed.auc, result.predicted.auc, atol=0.03)
    raw = np.array([e.value for e in observed.raw])
    assert np.all(np.abs(raw - result.predicted.kl) < 0.15 + 0.15 * result.predicted.kl)
    assert result.floor().shape == (6, LABELS)


@pytest.mark.parametrize("name", list(FEATURE_MODELS))
def test_simulated_outputs_have_the_predicted_moments(name, statistics, head):
    weights, bias = head
    model = feature_model(name).fit(statistics)
    labels = np.repeat(np.arange(LABELS), 40_000)
    outputs = model.sample_outputs(weights, bias, labels, np.random.default_rng(16))
    law = model.node_laws(weights, bias).law
    for j in range(LABELS):
        own = outputs[labels == j]
        error = law.std()[:, j] / np.sqrt(40_000)
        assert np.all(np.abs(own.mean(axis=0) - law.mean()[:, j]) < 5 * error)
        np.testing.assert_allclose(own.std(axis=0), law.std()[:, j], rtol=0.03)


def test_well_separated_nodes_are_marked_saturated(head):
    rng = np.random.default_rng(17)
    labels = np.repeat(np.arange(2), 200)
    features = rng.gamma(50.0, 0.02, (400, 2)) + 8.0 * np.eye(2)[labels]
    model = Normals.fit(PooledStatistics.of(features, labels, 2))
    result = compare(model, np.eye(2), np.zeros(2), labels, draws=3, rng=rng)
    assert result.saturated.all()
    assert np.all(result.matched < 20)
    assert np.all(result.predicted.kl > 20)


def test_equal_outputs_are_counted_as_ties():
    rng = np.random.default_rng(18)
    outputs, labels = rng.normal(size=(60, 2)), np.repeat([0, 1], 30)
    outputs[5] = outputs[6]
    assert observe(outputs, labels, rng).ties == 2
    assert observe(rng.normal(size=(60, 2)), labels, rng).ties == 0


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
