"""Feature models along a basis of each label: exact moments of heads, known laws, and what they refuse."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aggdist.distributions import Normal, ShiftedGamma, WeightedGammaSum
from aggdist.prediction import FittingImages, NodeLaws, Normals, decorrelated_models, node_divergences
from aggdist.prediction.decorrelated_models import DecorrelatedGammas, IndependentComponents

BOTH = (DecorrelatedGammas, IndependentComponents)


def bright(seed, counts, channels):
    """Images with channels that share a brightness and a few skewed factors; some channels are often 0."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    factors = rng.standard_gamma(1.5, (len(labels), 5)) @ rng.uniform(0, 1, (5, channels))
    noise = rng.standard_gamma(2.0, (len(labels), channels))
    features = factors * noise * (1 + 0.3 * labels[:, None])
    return FittingImages(features * (rng.random(features.shape) < 0.9), labels, len(counts))


def head(seed, nodes, channels):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(nodes, channels)), rng.normal(size=nodes)


def mixed(rng, sources, count, mean):
    """`count` images of features mean + rotation sizes s, for independent standard components s that are skewed."""
    rotation, sizes, skew = sources
    s = ShiftedGamma(np.zeros(len(sizes)), np.ones(len(sizes)), skew).sample(rng, count)
    return mean + (s * sizes) @ rotation.T


def true_law(weights, bias, means, sources):
    """The law of the heads of `mixed` features, for every label with the same components."""
    rotation, sizes, skew = sources
    along = (weights @ rotation) * sizes
    offset = bias[:, None] + weights @ means.T - np.sum(2 * along / skew, axis=-1)[:, None]
    return WeightedGammaSum(
        (along * np.sign(skew))[:, None, :], 4 / skew**2, np.abs(skew) / 2, np.ones(1), offset
    )


# Moments of heads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("channels", [1, 6, 60])
@settings(max_examples=12)
@given(seed=st.integers(0, 10_000))
def test_mean_and_variance_of_every_head_are_the_samples(model, channels, seed):
    """More and fewer channels than images; the last label has fewer directions than the others."""
    images = bright(seed, (40, 25, 4), channels)
    weights, bias = head(seed, 3, channels)
    law = model.fit_images(images).exact_law(weights, bias)
    for j, z in enumerate(images.by_label):
        y = z @ weights.T + bias
        deviations = y.std(axis=0, ddof=1)
        np.testing.assert_allclose(law.mean()[:, j] / deviations, y.mean(axis=0) / deviations, atol=1e-9)
        np.testing.assert_allclose(law.var()[:, j], deviations**2, rtol=1e-9)


@pytest.mark.parametrize("model", BOTH)
def test_a_head_that_reads_the_least_variance_keeps_its_moments(model):
    """A direction 1e5 times narrower than the widest one: squares would leave it few digits."""
    rng = np.random.default_rng(7)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    z = 9.0 + (rng.standard_gamma(2.0, (100, 8)) * np.geomspace(1e-5, 1, 8)) @ basis.T
    images = FittingImages(z, np.repeat([0, 1], 50), 2)
    law = model.fit_images(images).exact_law(basis.T[:2], np.zeros(2))
    expected = [(own @ basis[:, :2]).var(axis=0, ddof=1) for own in images.by_label]
    np.testing.assert_allclose(law.var(), np.transpose(expected), rtol=1e-9)


def test_third_cumulants_are_those_of_the_principal_scores():
    """sum_i (Q'w)_i^3 kappa_3(s_i), from the eigenvectors of the covariance and scipy's k-statistics."""
    images, (weights, bias) = bright(3, (60, 50, 40), 7), head(4, 3, 7)
    law = DecorrelatedGammas.fit_images(images).exact_law(weights, bias)
    for j, z in enumerate(images.by_label):
        basis = np.linalg.eigh(np.cov(z.T))[1]
        third = np.array([stats.kstat(score, 3) for score in ((z - z.mean(axis=0)) @ basis).T])
        expected = (weights @ basis) ** 3 @ third
        np.testing.assert_allclose(law.cumulant(3)[:, j], expected, rtol=1e-9)


def test_unmixed_directions_hold_all_skewness_and_the_rest_is_normal():
    """At most one direction for ten images; the third cumulant comes from these components alone."""
    images, (weights, bias) = bright(5, (60, 40, 5), 12), head(6, 3, 12)
    model = IndependentComponents.fit_images(images)
    assert np.all(np.count_nonzero(model.skew, axis=1) <= [6, 4, 1])
    assert np.all(np.count_nonzero(model.skew, axis=1) >= 1)
    law = model.exact_law(weights, bias)
    for j, z in enumerate(images.by_label):
        # Scores along the loadings that are skewed, by least squares; the k-statistics of what is found there.
        scores = (z - z.mean(axis=0)) @ np.linalg.pinv(model.loadings[j]).T
        own = np.flatnonzero(model.skew[j])
        np.testing.assert_allclose(scores[:, own].var(axis=0, ddof=1), 1.0, rtol=1e-9)
        third = np.array([stats.kstat(score, 3) for score in scores[:, own].T])
        expected = (weights @ model.loadings[j][:, own]) ** 3 @ third
        np.testing.assert_allclose(law.cumulant(3)[:, j], expected, rtol=1e-9)


def test_directions_stop_at_95_per_cent_of_the_variance():
    rng = np.random.default_rng(8)
    z = 50.0 + rng.standard_gamma(1.0, (400, 6)) * np.array([10.0, 8.0, 0.5, 0.5, 0.5, 0.5])
    model = IndependentComponents.fit_images(FittingImages(z, np.repeat([0, 1], 200), 2))
    np.testing.assert_array_equal(np.count_nonzero(model.skew, axis=1), [2, 2])


@pytest.mark.parametrize("model", BOTH)
def test_channels_have_the_cumulants_of_their_own_heads(model):
    """The law of channel c against that of the head with weights e_c, mean, variance and third cumulant."""
    images = bright(9, (50, 40, 30, 20), 4)
    fitted = model.fit_images(images)
    nodes, channels = fitted.exact_law(np.eye(4), np.zeros(4)), fitted.pooled_law()
    assert channels.batch_shape == (4, 4)
    for r in (1, 2, 3):
        np.testing.assert_allclose(channels.cumulant(r), nodes.cumulant(r).T, rtol=1e-9)


@pytest.mark.parametrize("model", BOTH)
def test_a_constant_channel_has_a_tiny_width_and_changes_no_head(model):
    images = bright(10, (30, 30), 3)
    z = np.column_stack([images.features, np.where(images.labels == 0, 2.0, images.features[:, 0])])
    fitted = model.fit_images(FittingImages(z, images.labels, 2))
    law = fitted.pooled_law()
    assert law.mean()[0, 3] == 2.0
    assert 0 < law.std()[0, 3] < 1e-5 * z.max()
    assert law.std()[1, 3] > 0.1
    weights, bias = head(11, 2, 4)
    without = fitted.exact_law(weights * [1, 1, 1, 0], bias)
    node = fitted.exact_law(weights, bias)
    np.testing.assert_allclose(node.var()[:, 0], without.var()[:, 0], rtol=1e-9)


# The laws themselves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", BOTH)
def test_a_single_channel_gives_the_shifted_gamma_of_its_moments(model):
    """Both signs of skewness and of the weight; density, distribution function and end point."""
    rng = np.random.default_rng(12)
    right = rng.standard_gamma(1.5, 60)
    z = np.concatenate([right, 20 - right])[:, None]
    images = FittingImages(z, np.repeat([0, 1], 60), 2)
    law = model.fit_images(images).exact_law(np.array([[2.0], [-0.5]]), np.array([1.0, 0.0]))
    for k, (w, b) in enumerate([(2.0, 1.0), (-0.5, 0.0)]):
        y = [own[:, 0] * w + b for own in images.by_label]
        expected = ShiftedGamma.fit_moments(*([stats.kstat(own, r) for own in y] for r in (1, 2, 3)))
        x = np.transpose([np.quantile(own, [0.1, 0.4, 0.6, 0.9]) for own in y])
        at = np.broadcast_to(x[:, None, :], (4, 2, 2))
        np.testing.assert_allclose(law.logpdf(at)[:, k], expected.logpdf(x), rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(law.cdf(at)[:, k], expected.cdf(x), atol=1e-9)
        # The pair that stands for the normal part is switched off, so the support ends where it should.
        np.testing.assert_allclose([v[k] for v in law.support()], expected.support(), rtol=1e-9)


def test_components_without_skewness_are_normal():
    """Reflected images have no skewness at all; errors as stated beside the shape of the two terms."""
    half = np.random.default_rng(13).normal(size=(25, 3)) * [3.0, 1.0, 0.2]
    z = np.concatenate([20 + half, 20 - half, 30 + half, 30 - half])
    images, (weights, bias) = FittingImages(z, np.repeat([0, 1], 50), 2), head(14, 2, 3)
    law = DecorrelatedGammas.fit_images(images).exact_law(weights, bias)
    normal = Normals.fit(images.statistics).node_laws(weights, bias).law
    out = np.array([-8.0, -3.0, -1.0, 0.0, 0.5, 2.0, 8.0])[:, None, None]
    x = normal.mean() + normal.std() * out
    np.testing.assert_allclose(law.cdf(x), normal.cdf(x), atol=1e-8)
    np.testing.assert_allclose(law.logpdf(x), normal.logpdf(x), atol=1e-6 + 8.0**4 / 8e7)
    assert np.all(np.isinf(law.support()))


def test_label_with_fewer_directions_is_as_if_fitted_by_itself():
    """Padding: the laws of two labels of 5 images do not change when one of 80 images joins them."""
    images, (weights, bias) = bright(15, (5, 5, 80), 20), head(16, 3, 20)
    few = images.labels < 2
    alone = FittingImages(images.features[few], images.labels[few], 2)
    together = DecorrelatedGammas.fit_images(images).exact_law(weights, bias)
    apart = DecorrelatedGammas.fit_images(alone).exact_law(weights[:2], bias[:2])
    x = apart.mean() + apart.std() * np.linspace(-2, 3, 6)[:, None, None]
    padded = np.broadcast_to(x[..., :1], (6, 2, 3)).copy()
    padded[..., :2] = x
    at = np.concatenate([padded, padded[:, :1]], axis=1)
    np.testing.assert_allclose(together.cdf(at)[:, :2, :2], apart.cdf(x), atol=1e-12)
    np.testing.assert_allclose(together.logpdf(at)[:, :2, :2], apart.logpdf(x), atol=1e-9)


def test_unmixing_finds_the_third_cumulants_that_principal_directions_miss():
    """Components of equal variance, turned at random: principal directions are arbitrary, the components are not."""
    rng = np.random.default_rng(17)
    sources = np.linalg.qr(rng.normal(size=(5, 5)))[0], np.ones(5), np.array([2.0, 1.5, 1.8, 1.2, -1.6])
    means = np.full((2, 5), 20.0)
    z = np.concatenate([mixed(rng, sources, 2000, mean) for mean in means])
    images, error = FittingImages(z, np.repeat([0, 1], 2000), 2), {}
    weights = rng.normal(size=(40, 5))
    truth = true_law(weights, np.zeros(40), means, sources).cumulant(3)
    for model in BOTH:
        fitted = model.fit_images(images)
        heads = [fitted.exact_law(weights[k : k + 2], np.zeros(2)) for k in range(0, 40, 2)]
        found = np.concatenate([law.cumulant(3) for law in heads])
        error[model] = np.sqrt(np.mean((found - truth) ** 2) / np.mean(truth**2))
        if model is IndependentComponents:
            assert fitted.unconverged == 0
    assert error[IndependentComponents] < 0.15
    assert error[DecorrelatedGammas] > 3 * error[IndependentComponents]


@pytest.mark.parametrize(
    ("model", "sizes"),
    [(DecorrelatedGammas, [4.0, 2.0, 1.0, 0.5]), (IndependentComponents, [1.2, 1.1, 1.0, 0.9])],
)
def test_divergences_are_those_of_the_law_that_made_the_images(model, sizes):
    """Principal directions where variances differ, independent components where they hardly do; not so the normal."""
    rng = np.random.default_rng(18)
    # The first three components carry what separates the labels, and are skewed.
    sources = np.linalg.qr(rng.normal(size=(4, 4)))[0], np.array(sizes), np.array([2.0, 1.6, 1.8, 1.0])
    weights = (np.eye(4)[:3] - 0.2) @ (sources[0] / sources[1]).T
    means = 30.0 + 2.5 * np.eye(4)[:3] * sources[1] @ sources[0].T
    labels = np.repeat(np.arange(3), 3000)
    z = np.concatenate([mixed(rng, sources, 3000, mean) for mean in means])
    images = FittingImages(z, labels, 3)
    truth = node_divergences(NodeLaws(true_law(weights, np.zeros(3), means, sources), np.ones(3)))
    found = node_divergences(model.fit_images(images).node_laws(weights, np.zeros(3)))
    normal = node_divergences(Normals.fit(images.statistics).node_laws(weights, np.zeros(3)))
    np.testing.assert_allclose(found.kl, truth.kl, rtol=0.08)
    np.testing.assert_allclose(found.auc, truth.auc, atol=0.01)
    assert np.all(np.abs(normal.kl / truth.kl - 1) > 0.12)


@pytest.mark.parametrize("model", BOTH)
def test_two_fits_give_the_same_bits(model):
    images = bright(19, (40, 30), 10)
    first, second = model.fit_images(images), model.fit_images(images)
    np.testing.assert_array_equal(first.loadings, second.loadings)
    np.testing.assert_array_equal(first.skew, second.skew)


def test_order_of_images_and_channels_does_not_matter():
    images, (weights, bias) = bright(20, (30, 40), 6), head(21, 2, 6)
    rng = np.random.default_rng(22)
    order, channels = rng.permutation(70), rng.permutation(6)
    shuffled = FittingImages(images.features[order][:, channels], images.labels[order], 2)
    law = DecorrelatedGammas.fit_images(images).exact_law(weights, bias)
    same = DecorrelatedGammas.fit_images(shuffled).exact_law(weights[:, channels], bias)
    x = law.mean() + law.std() * np.array([-1.0, 0.5, 4.0])[:, None, None]
    np.testing.assert_allclose(same.logpdf(x), law.logpdf(x), atol=1e-8)


# What does not converge, and what is refused --------------------------------------------------------------


def test_labels_that_do_not_converge_are_counted_and_keep_exact_moments(monkeypatch):
    monkeypatch.setattr(decorrelated_models, "_MOST_ITERATIONS", 1)
    images, (weights, bias) = bright(23, (60, 60, 60), 8), head(24, 3, 8)
    fitted = IndependentComponents.fit_images(images)
    assert fitted.unconverged == 3
    expected = Normals.fit(images.statistics).node_laws(weights, bias).law
    law = fitted.exact_law(weights, bias)
    np.testing.assert_allclose(law.mean(), expected.mean(), rtol=1e-9)
    np.testing.assert_allclose(law.var(), expected.var(), rtol=1e-9)


def test_other_warnings_of_the_unmixing_are_not_swallowed(monkeypatch):
    from sklearn.decomposition import FastICA

    fit = FastICA.fit

    def warned(self, scores):
        warnings.warn("something else", UserWarning, stacklevel=1)
        return fit(self, scores)

    monkeypatch.setattr(FastICA, "fit", warned)
    with pytest.warns(UserWarning, match="something else"):
        IndependentComponents.fit_images(bright(25, (40, 40), 8))


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'aggdist\[torch\]'"):
        IndependentComponents.fit_images(bright(26, (40, 40), 8))


@pytest.mark.parametrize("model", BOTH)
def test_fewer_than_three_images_are_refused(model):
    with pytest.raises(ValueError, match=r"label 1: got 2 fitting images, expected at least 3.*'normal'"):
        model.fit_images(bright(27, (10, 2, 10), 4))


@pytest.mark.parametrize("model", BOTH)
def test_features_that_are_not_finite_are_refused(model):
    images = bright(28, (10, 10), 4)
    images.features[3, 2] = np.nan
    with pytest.raises(ValueError, match="got NaN or infinite values"):
        model.fit_images(images)


@pytest.mark.parametrize("model", BOTH)
def test_a_node_without_variance_is_refused(model):
    images, (weights, bias) = bright(29, (12, 12), 4), head(30, 2, 4)
    weights[1] = 0
    with pytest.raises(ValueError, match=r"output node 1 has variance 0\.0 given label 0"):
        model.fit_images(images).node_laws(weights, bias)
    # The mean of twelve times 0.7 is not 0.7: what rounding leaves is no variance.
    same = np.where(images.labels[:, None] == 1, [0.7, 0.1, 1.3, 1e3], images.features)
    with pytest.raises(ValueError, match=r"output node 0 has variance 0\.0 given label 1"):
        model.fit_images(FittingImages(same, images.labels, 2)).node_laws(head(30, 2, 4)[0], bias)


def test_the_pair_of_gammas_is_as_near_to_normal_as_is_stated():
    """Kolmogorov-Smirnov distance 0.07/shape and log density z^4/(8 shape) off, at a shape where both can be seen."""
    shape = 1e3
    pair = WeightedGammaSum(np.array([1.0, -1.0]) / np.sqrt(2 * shape), np.full(2, shape), np.ones(1))
    normal, x = Normal(np.array(0.0), np.array(1.0)), np.linspace(-5, 5, 401)
    distance = np.max(np.abs(pair.cdf(x) - normal.cdf(x)))
    assert 0.9 * 0.0688 < distance * shape < 1.1 * 0.0688
    far = np.array([7.0, 9.0])
    off = pair.logpdf(far) - normal.logpdf(far)
    assert np.all(np.abs(off * 8 * shape / far**4 - 1) < 0.25)


@pytest.mark.parametrize("model", BOTH)
def test_node_laws_are_near_the_exact_ones(model):
    images = bright(31, (400, 300), 24)
    weights, bias = head(32, 2, 24)
    fitted = model.fit_images(images)
    law, exact = fitted.node_laws(weights, bias).law, fitted.exact_law(weights, bias)
    for r in (1, 2, 3):
        np.testing.assert_allclose(law.cumulant(r), exact.cumulant(r), rtol=1e-6, atol=1e-9)
    x = exact.mean() + exact.std() * np.linspace(-3, 4, 29)[:, None, None]
    # Only the fourth cumulant and those beyond it differ; these heads read five strong factors.
    assert np.max(np.abs(law.cdf(x) - exact.cdf(x))) < 0.02
