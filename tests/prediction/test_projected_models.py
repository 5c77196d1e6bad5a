"""Projected cumulants: exact moments of every head, shrunk skewnesses, the floor, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from aggdist.distributions import Mixture, Normal, ShiftedGamma, SkewNormal, ZeroInflatedGeneralisedGamma
from aggdist.prediction import (
    FittingImages,
    ProjectedGammas,
    ShrunkGammas,
    ShrunkSkewNormals,
    ShrunkTails,
    node_divergences,
)
from aggdist.prediction.projected_models import (
    drawn_together,
    floored_gamma,
    projected_moments,
    shrunk_skewness,
)

ALL = (ProjectedGammas, ShrunkGammas, ShrunkSkewNormals, ShrunkTails)
MOST_SKEW, MOST_SKEW_NORMAL = 1.2, 0.99


def skewed(seed, counts, channels=7):
    """Positive features of every label that depend on each other; heads of both signs of skewness."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    common = rng.standard_gamma(2.0, (len(labels), 2)) @ rng.uniform(0, 1, (2, channels))
    return FittingImages(common + rng.standard_gamma(1.5, common.shape), labels, len(counts))


def head(seed, nodes, channels=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(nodes, channels)), rng.normal(size=nodes)


def k_statistics(images, weights, bias):
    """Mean, second and third cumulant (K, J) of the fitting images' outputs, by scipy."""
    outputs = [own @ weights.T + bias for own in images.by_label]
    return (np.stack([stats.kstat(y, r, axis=0) for y in outputs], axis=1) for r in (1, 2, 3))


def assert_same_laws(law, other):
    """The same moments and densities, on points within and beyond the bulk."""
    x = other.mean() + other.std() * np.array([-6.0, -2.0, -0.5, 0.0, 1.0, 3.0, 6.0])[:, None, None]
    np.testing.assert_allclose(law.mean(), other.mean(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(law.std(), other.std(), rtol=1e-12)
    np.testing.assert_allclose(law.logpdf(x), other.logpdf(x), rtol=1e-9, atol=1e-9)


# Moments of heads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(60, 40, 25), (4, 3, 90), (30, 20)])
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_mean_variance_and_third_cumulant_of_every_head_are_the_samples(counts, seed):
    """Two and three labels, also with as few images as there may be; skewnesses beyond 1.2 are cut there."""
    images, (weights, bias) = skewed(seed, counts), head(seed + 1, len(counts))
    law = ProjectedGammas.fit_images(images).node_laws(weights, bias).law
    mean, variance, third = k_statistics(images, weights, bias)
    cut = np.clip(third / variance**1.5, -MOST_SKEW, MOST_SKEW)
    np.testing.assert_allclose(law.mean(), mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(law.var(), variance, rtol=1e-10)
    np.testing.assert_allclose(law.cumulant(3) / variance**1.5, cut, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("model", "most"),
    [(ShrunkGammas, MOST_SKEW), (ShrunkSkewNormals, MOST_SKEW_NORMAL), (ShrunkTails, np.inf)],
)
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_shrinking_changes_the_third_cumulant_alone(model, most, seed):
    images, (weights, bias) = skewed(seed, (60, 40, 25)), head(seed + 1, 3)
    law = model.fit_images(images).node_laws(weights, bias).law
    mean, variance, third = k_statistics(images, weights, bias)
    shrunk = np.clip(shrunk_skewness(third / variance**1.5, np.array([60.0, 40.0, 25.0])), -most, most)
    np.testing.assert_allclose(law.mean(), mean, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(law.var(), variance, rtol=1e-8)
    np.testing.assert_allclose(law.cumulant(3) / variance**1.5, shrunk, rtol=1e-6, atol=1e-6)


def test_third_cumulants_decide_where_normals_are_wrong():
    """Heads that are skewed gammas: KL of the true laws, by the same quadrature, against both predictions."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 4000)
    true = ShiftedGamma(np.array([[9.0, 7.0], [6.0, 8.0]]), 1.0, np.array([[1.0, 1.0], [-0.8, -0.8]]))
    features = np.moveaxis(true.sample(rng, 8000), 0, 2)[:, labels, np.arange(8000)].T
    images, identity = FittingImages(features, labels, 2), np.eye(2)
    found = node_divergences(ProjectedGammas.fit_images(images).node_laws(identity, np.zeros(2))).kl
    # Independent reference: by scipy's adaptive quadrature over the true laws where the first one lives.
    y = true[0, 0], true[0, 1]
    x = np.linspace(7.0 + 1e-9, 30.0, 200_001)
    p, q = y[0].pdf(x), y[1].pdf(x)
    expected = np.trapezoid(np.where(p > 0, p * np.log(np.where(p > 0, p / q, 1.0)), 0.0), x)
    normal = ((9.0 - 7.0) ** 2) / 2
    assert found[0] == pytest.approx(expected, rel=0.05)
    assert abs(normal / expected - 1) > 0.15


def test_weights_and_biases_act_as_on_the_outputs():
    """Scaling a node, mirroring it and moving it are the same for its law."""
    images, (weights, bias) = skewed(4, (50, 40, 30)), head(5, 3)
    for model in ALL:
        fitted = model.fit_images(images)
        law = fitted.node_laws(weights, bias).law
        moved = fitted.node_laws(-2.5 * weights, 7 - 2.5 * bias).law
        np.testing.assert_allclose(moved.mean(), 7 - 2.5 * law.mean(), rtol=1e-10)
        np.testing.assert_allclose(moved.std(), 2.5 * law.std(), rtol=1e-10)
        x = law.mean() + law.std() * np.array([-2.0, 0.3, 2.5])[:, None, None]
        np.testing.assert_allclose(
            moved.logpdf(7 - 2.5 * x), law.logpdf(x) - np.log(2.5), rtol=1e-7, atol=1e-7
        )


@pytest.mark.parametrize("model", ALL)
def test_on_its_own_outputs_a_model_says_the_same_again(model):
    images, (weights, bias) = skewed(6, (50, 40, 30)), head(7, 3)
    fitted = model.fit_images(images)
    laws = fitted.node_laws(weights, bias)
    again = fitted.refitted([own @ weights.T + bias for own in images.by_label])
    assert_same_laws(again.law, laws.law)
    np.testing.assert_allclose(again.priors, laws.priors)
    fewer = fitted.refitted([own[:20] @ weights.T + bias for own in images.by_label])
    np.testing.assert_allclose(fewer.priors, 1 / 3)
    few = FittingImages(*(np.concatenate(part) for part in zip(*_first(images, 20), strict=True)), 3)
    assert_same_laws(fewer.law, model.fit_images(few).node_laws(weights, bias).law)


def _first(images, count):
    return [(own[:count], np.full(count, j)) for j, own in enumerate(images.by_label)]


def test_order_of_images_and_of_channels_does_not_matter():
    images, (weights, bias) = skewed(8, (30, 40)), head(9, 2)
    rng = np.random.default_rng(10)
    order, channels = rng.permutation(70), rng.permutation(7)
    shuffled = FittingImages(images.features[order][:, channels], images.labels[order], 2)
    for model in ALL:
        law = model.fit_images(images).node_laws(weights, bias).law
        assert_same_laws(model.fit_images(shuffled).node_laws(weights[:, channels], bias).law, law)


def test_the_priors_are_the_frequencies_of_the_fitting_images_unless_given():
    fitted = ShrunkGammas.fit_images(skewed(11, (30, 10)))
    np.testing.assert_allclose(fitted.node_laws(*head(12, 2)).priors, [0.75, 0.25])
    np.testing.assert_allclose(fitted.node_laws(*head(12, 2), priors=[1, 4]).priors, [0.2, 0.8])


@pytest.mark.parametrize("counts", [(60, 40, 25), (30, 200), (4, 3, 90)])
@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_tails_have_the_fourth_cumulants_drawn_together(counts, seed):
    """As scipy's k-statistics say, raised to 1.75 squared skewnesses; three images have no fourth cumulant."""
    images, (weights, bias) = skewed(seed, counts), head(seed + 1, len(counts))
    law = ShrunkTails.fit_images(images).node_laws(weights, bias).law
    mean, variance, third = k_statistics(images, weights, bias)
    outputs = [own @ weights.T + bias for own in images.by_label]
    zeros = np.zeros(len(counts))
    fourth = np.stack([stats.kstat(y, 4, axis=0) if len(y) > 3 else zeros for y in outputs], axis=1)
    skew = drawn_together(third / variance**1.5, 6 / np.array(counts))
    excess = np.maximum(drawn_together(fourth / variance**2, 24 / np.array(counts)), 1.75 * skew**2)
    np.testing.assert_allclose(law.mean(), mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(law.var(), variance, rtol=1e-10)
    np.testing.assert_allclose(law.cumulant(3) / variance**1.5, skew, atol=1e-8)
    np.testing.assert_allclose(law.cumulant(4) / variance**2, np.maximum(excess, 1e-4), atol=1e-8)


# The floor ------------------------------------------------------------------------------------------------


@given(
    mean=st.floats(-50, 50),
    std=st.floats(1e-3, 100),
    skew=st.floats(-1.2, 1.2),
)
def test_the_mixture_with_its_floor_keeps_three_moments(mean, std, skew):
    law = floored_gamma(*np.array([[[mean]], [[std]], [[skew]]]))
    assert law.mean() == pytest.approx(mean, rel=1e-12, abs=1e-12 * std)
    assert law.std() == pytest.approx(std, rel=1e-12)
    assert law.cumulant(3) == pytest.approx(skew * std**3, rel=1e-9, abs=1e-12 * std**2 * (std + abs(mean)))


@pytest.mark.parametrize("skew", [1.2, -0.7])
def test_beyond_the_end_point_there_is_the_floor_alone(skew):
    """A share of 0.001 of a normal 1.5 times as wide; near the mean it hardly counts."""
    law = floored_gamma(np.full((1, 1), 3.0), np.full((1, 1), 2.0), np.full((1, 1), skew))
    assert isinstance(law, Mixture)
    floor = stats.norm(3.0, 3.0)
    end = 3.0 - 2 * 2.0 / skew
    beyond = end - np.sign(skew) * np.array([0.1, 1.0, 4.0])
    np.testing.assert_allclose(law.pdf(beyond[:, None, None])[:, 0, 0], 1e-3 * floor.pdf(beyond), rtol=1e-9)
    inside = np.array([1.5, 3.0, 5.0])
    gamma = ShiftedGamma(3.0, 2.0, skew).pdf(inside)
    np.testing.assert_allclose(law.pdf(inside[:, None, None])[:, 0, 0], gamma, rtol=0.01)


def test_a_larger_skewness_is_cut():
    one = np.ones((1, 1))
    assert_same_laws(floored_gamma(one, one, 5 * one), floored_gamma(one, one, MOST_SKEW * one))
    assert_same_laws(floored_gamma(one, one, -5 * one), floored_gamma(one, one, -MOST_SKEW * one))


def test_nothing_outside_of_the_bulk_of_a_mixture():
    law = floored_gamma(np.zeros((2, 2)), np.ones((2, 2)), np.array([[1.2, -1.2], [0.0, 0.4]]))
    for nats in (10.0, 37.0):
        low, high = law.bulk(nats)
        most = 1.01 * max(
            np.exp(-nats), np.finfo(float).eps
        )  # quantiles are no finer than rounding of the levels
        assert np.all(law.cdf(low) <= most)
        assert np.all(law.sf(high) <= most)
        assert np.all((low < law.mean()) & (law.mean() < high))
    # A component that does not count is not looked at.
    mixed = Mixture(Normal(np.array([0.0, 1e6]), 1.0), np.array([1.0, 0.0]))
    np.testing.assert_allclose(mixed.bulk(20.0), Normal(0.0, 1.0).bulk(20.0))


# Shrinking ------------------------------------------------------------------------------------------------


@st.composite
def skewnesses(draw):
    nodes = draw(st.integers(2, 6))
    skew = draw(arrays(float, (nodes, nodes), elements=st.floats(-3, 3)))
    counts = draw(arrays(float, nodes, elements=st.integers(3, 2000).map(float)))
    return skew, counts


def groups(skew):
    inside = np.eye(len(skew), dtype=bool)
    return inside, ~inside


@given(skewnesses())
def test_the_formula_one_by_one(pair):
    skew, counts = pair
    found = shrunk_skewness(skew, counts)
    for group in groups(skew):
        places = list(zip(*np.nonzero(group), strict=True))
        mean = sum(skew[p] for p in places) / len(places)
        scatter = sum((skew[p] - mean) ** 2 for p in places) / len(places)
        excess = max(scatter - sum(6 / counts[j] for _, j in places) / len(places), 0.0)
        for k, j in places:
            kept = excess / (excess + 6 / counts[j])
            assert found[k, j] == pytest.approx(mean + kept * (skew[k, j] - mean), abs=1e-9)


@given(skewnesses())
def test_skewnesses_have_a_noise_of_six_over_n(pair):
    skew, counts = pair
    np.testing.assert_array_equal(shrunk_skewness(skew, counts), drawn_together(skew, 6 / counts))


@given(skewnesses())
def test_between_its_own_and_the_mean(pair):
    skew, counts = pair
    found = shrunk_skewness(skew, counts)
    for group in groups(skew):
        own, mean = skew[group], skew[group].mean()
        assert np.all(found[group] >= np.minimum(own, mean) - 1e-12)
        assert np.all(found[group] <= np.maximum(own, mean) + 1e-12)


@given(skewnesses(), st.floats(0.1, 10), st.sampled_from([-1.0, 1.0]), st.floats(-2, 2))
def test_scale_sign_and_shift(pair, scale, sign, shift):
    """Noise has the scale of the skewness: a times the skewnesses, of images a^2 times fewer."""
    skew, counts = pair
    found = shrunk_skewness(skew, counts)
    moved = shrunk_skewness(sign * scale * skew + shift, counts / scale**2)
    np.testing.assert_allclose(moved, sign * scale * found + shift, atol=1e-8 * max(scale, 1))


@given(skewnesses(), st.randoms(use_true_random=False))
def test_the_numbering_of_the_labels_does_not_matter(pair, random):
    skew, counts = pair
    order = np.array(random.sample(range(len(skew)), len(skew)))
    expected = shrunk_skewness(skew, counts)[np.ix_(order, order)]
    np.testing.assert_allclose(
        shrunk_skewness(skew[np.ix_(order, order)], counts[order]), expected, atol=1e-9
    )


@given(skewnesses(), st.integers(0, 100))
def test_in_class_and_out_of_class_know_nothing_of_each_other(pair, seed):
    skew, counts = pair
    other = np.random.default_rng(seed).normal(size=skew.shape)
    found = shrunk_skewness(skew, counts)
    for group in groups(skew):
        changed = shrunk_skewness(np.where(group, skew, other), counts)
        np.testing.assert_array_equal(changed[group], found[group])


@given(st.integers(2, 8), st.integers(0, 10_000))
def test_scatter_below_the_noise_is_taken_for_noise(nodes, seed):
    """50 images: a noise of sqrt(6/50) = 0.35; skewnesses within 0.3 of each other all become the mean."""
    skew = 0.7 + np.random.default_rng(seed).uniform(-0.15, 0.15, (nodes, nodes))
    found = shrunk_skewness(skew, np.full(nodes, 50.0))
    for group in groups(skew):
        np.testing.assert_allclose(found[group], skew[group].mean(), rtol=1e-12)


def test_scatter_far_above_the_noise_stays():
    skew = np.random.default_rng(13).normal(size=(5, 5))
    np.testing.assert_allclose(shrunk_skewness(skew, np.full(5, 1e7)), skew, atol=1e-5)


def test_labels_with_fewer_images_are_drawn_further():
    skew = np.array([[0.0, 1.0, -1.0], [1.0, 0.0, 1.0], [-1.0, -1.0, 0.0]])
    found = shrunk_skewness(skew, np.array([20.0, 100.0, 1000.0]))
    out = np.abs(found)[~np.eye(3, dtype=bool)].reshape(3, 2)
    by_label = [out[1, 0], out[0, 0], out[0, 1]]  # labels 0, 1 and 2: all of them 1 before
    assert by_label[0] < by_label[1] < by_label[2] < 1


def test_two_labels_have_two_members_in_a_group():
    found = shrunk_skewness(np.array([[1.0, 0.2], [-0.2, 0.0]]), np.array([60.0, 60.0]))
    # In class: mean 0.5, scatter 0.25, noise 0.1. Out of class: mean 0, scatter 0.04 below the noise.
    np.testing.assert_allclose(found, [[0.5 + 0.5 * 0.6, 0.0], [0.0, 0.5 - 0.5 * 0.6]], atol=1e-12)


def _errors(shape, repeats=20, nodes=10, images=50):
    """Root mean square errors of raw and of shrunk skewnesses; nodes are (mirrored) gammas of this shape."""
    rng = np.random.default_rng(14)
    sign = np.where(np.eye(nodes) > 0, 1.0, -1.0)
    raw, shrunk = [], []
    for _ in range(repeats):
        values = rng.normal(size=(images, nodes, nodes))
        if shape is not None:
            values = sign * rng.standard_gamma(shape, (images, nodes, nodes))
        true = 0.0 if shape is None else sign * 2 / np.sqrt(shape)
        found = stats.skew(values, axis=0, bias=False)
        raw.append(found - true)
        shrunk.append(shrunk_skewness(found, np.full(nodes, float(images))) - true)
    return np.sqrt(np.mean(np.square([raw, shrunk]), axis=(1, 2, 3)))


def test_normal_nodes_and_fifty_images_get_skewnesses_near_zero():
    raw, shrunk = _errors(None)
    assert raw == pytest.approx(np.sqrt(6 / 50), rel=0.1)
    assert shrunk < 0.12
    assert shrunk < raw / 3


def test_skewed_nodes_and_fifty_images_get_better_skewnesses():
    """In class and out of class with skewnesses of opposite signs, which one common mean would destroy."""
    raw, shrunk = _errors(np.array(9.0))
    assert shrunk < 0.75 * raw


# Laws of single features ----------------------------------------------------------------------------------


def test_single_features_are_zero_inflated_generalised_gammas():
    images = skewed(15, (60, 50), 4)
    features = images.features * (np.random.default_rng(16).random(images.features.shape) < 0.7)
    images = FittingImages(features, images.labels, 2)
    law = ShrunkGammas.fit_images(images).pooled_law()
    assert law.batch_shape == (2, 4)
    for j, own in enumerate(images.by_label):
        expected = ZeroInflatedGeneralisedGamma.fit_powers(own)
        for key in ("active", "shape", "scale", "power"):
            np.testing.assert_array_equal(getattr(law, key)[j], getattr(expected, key))


def test_features_below_zero_are_normal_one_by_one_and_heads_keep_their_moments():
    images = skewed(17, (40, 30), 5)
    signed = FittingImages(images.features - 3.0, images.labels, 2)
    signed.features[:, 2] = -1.5
    weights, bias = head(18, 2, 5)
    for model in ALL:
        fitted = model.fit_images(signed)
        law = fitted.pooled_law()
        assert isinstance(law, Normal)
        for j, own in enumerate(signed.by_label):
            np.testing.assert_allclose(law.mean()[j], own.mean(axis=0), rtol=1e-12)
            varying = [0, 1, 3, 4]
            np.testing.assert_allclose(law.std()[j, varying], own.std(axis=0, ddof=1)[varying], rtol=1e-12)
        assert np.all((law.std()[:, 2] > 0) & (law.std()[:, 2] < 1e-4))
        nodes = fitted.node_laws(weights, bias).law
        mean, variance, _ = k_statistics(signed, weights, bias)
        np.testing.assert_allclose(nodes.mean(), mean, atol=1e-8)
        np.testing.assert_allclose(nodes.var(), variance, rtol=1e-8)


def test_skew_normals_are_skew_normals():
    law = ShrunkSkewNormals.fit_images(skewed(19, (40, 30))).node_laws(*head(20, 2)).law
    assert isinstance(law, SkewNormal)
    assert np.all(np.isinf(law.support()))


# What is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ALL)
def test_fewer_than_three_images_are_refused(model):
    with pytest.raises(ValueError, match=r"label 1 has 2 fitting images, expected at least 3 .*'normal'"):
        model.fit_images(skewed(21, (5, 2, 3)))
    assert np.all(model.fit_images(skewed(21, (5, 3, 3))).node_laws(*head(22, 3)).law.std() > 0)


@pytest.mark.parametrize("model", ALL)
def test_a_node_without_variance_is_refused(model):
    images, (weights, bias) = skewed(23, (10, 10)), head(24, 2)
    weights[1] = 0.0
    with pytest.raises(
        ValueError, match=r"output node 1 has variance 0\.0 given label 0, expected a positive"
    ):
        model.fit_images(images).node_laws(weights, bias)


def test_what_rounding_leaves_of_a_constant_is_no_variance():
    """A channel of 0.1, read with other channels that cancel; a small variance beside a large mean is one."""
    rng = np.random.default_rng(26)
    constant = np.full((50, 3), 0.1) * [1.0, 3.0, 7.0]
    with pytest.raises(ValueError, match=r"output node 0 has variance .* given label 0, expected a positive"):
        projected_moments([constant, constant], np.array([[0.3, 0.7, 0.1], [0.1, 0.1, 0.1]]), np.zeros(2))
    small = 1e3 + 1e-3 * rng.normal(size=(50, 2))
    _, std, _ = projected_moments([small, small], np.eye(2), np.zeros(2))
    np.testing.assert_allclose(std, 1e-3, rtol=0.4)


def test_projected_moments_name_the_label_that_does_not_vary():
    varied = np.random.default_rng(25).gamma(2.0, 1.0, (6, 2))
    with pytest.raises(ValueError, match=r"output node 0 has variance 0\.0 given label 1"):
        projected_moments([varied, np.ones((6, 2))], np.eye(2), np.zeros(2))
