"""Feature models fitted on activations: against laws built otherwise, and on simulated maps whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special

from aggdist.aggregation import MaximumLaw, generalised_mean_cumulants, image_mixture, pool
from aggdist.capture import ActivationStatistics, PooledStatistics, load_extract
from aggdist.distributions import ZeroInflatedGamma
from aggdist.prediction import FittingImages, node_divergences
from aggdist.prediction.activation_models import (
    ActivationModel,
    CorrelatedActivations,
    DependentActivations,
    IndependentActivations,
    activation_models,
    matched_law,
)
from aggdist.prediction.activation_pooling import (
    PREDICTED_AGGREGATIONS,
    PooledMoments,
    dependent_positions,
    independent_positions,
)
from aggdist.prediction.gamma_pooling import GammaPooling

IMAGES, CHANNELS, N = 4000, 6, 16
every_aggregation = pytest.mark.parametrize("name", PREDICTED_AGGREGATIONS)
some_laws = st.lists(
    st.tuples(st.floats(0.02, 1.0), st.floats(0.05, 5.0), st.floats(0.0, 1.0)), min_size=1, max_size=20
)


def known(active, spread, effective, positions=N, mean=2.0, images=100):
    """Statistics of one label with exactly these estimates; `spread` is var/mean^2 of the positive activations."""
    q, v, n_eff = np.broadcast_arrays(*np.atleast_2d(active, spread, effective))
    variance = mean**2 * ((1 + v) / q - 1)
    z = np.zeros(q.shape)
    between = (images - 1) * variance / n_eff
    within = (variance - between / (images - 1) / images) * images * positions
    count = images * positions
    return ActivationStatistics(
        np.array(positions), np.array([float(images)]), q * count, z + mean, within, z, z, between
    )


def fitted_law(active, spread, mean=2.0):
    return ZeroInflatedGamma(active, 1 / spread, mean * spread / active)


def maps_of(rng, active, shape, gain=1.0, images=IMAGES):
    """Maps (images, channels, N): zero-inflated gammas of mean active * 1, times a gain."""
    size = (images, len(active), N)
    values = rng.standard_gamma(shape[:, None], size) / shape[:, None]
    return gain * values * (rng.random(size) < active[:, None])


@pytest.fixture(scope="module")
def independent():
    rng = np.random.default_rng(31)
    active, shape = np.array([0.03, 0.2, 0.5, 0.8, 1.0, 0.5]), np.array([0.5, 1.0, 2.0, 1.0, 3.0, 20.0])
    maps, labels = maps_of(rng, active, shape), np.repeat([0, 1], IMAGES // 2)
    return active, shape, maps, labels


def brightness(active, shape, seed=32, gain_shape=4.0):
    """Maps whose images have a gain of mean 1 and variance 1/gain_shape, shared by all channels."""
    rng = np.random.default_rng(seed)
    gain = rng.gamma(gain_shape, 1 / gain_shape, (IMAGES, 1, 1))
    return maps_of(rng, np.asarray(active, float), np.asarray(shape, float), gain), np.zeros(IMAGES, int)


def both(maps, labels, name, classes=None):
    classes = classes or int(labels.max()) + 1
    pooled = pool(maps, name, 3.0)
    return (
        ActivationStatistics.of(maps, labels, classes),
        PooledStatistics.of(pooled, labels, classes),
        pooled,
    )


# Independent positions


def test_the_maximum_of_independent_positions_is_the_library_s():
    active, spread = np.array([0.02, 0.3, 0.3, 0.9, 1.0]), np.array([1.0, 4.0, 0.5, 1.0, 0.05])
    moments = independent_positions(known(active, spread, N), "max")
    law = MaximumLaw(fitted_law(active, spread), N)
    np.testing.assert_allclose(moments.mean[0], law.mean(), rtol=1e-8)
    np.testing.assert_allclose(moments.variance[0], law.var(), rtol=1e-7)
    np.testing.assert_allclose(moments.silent[0], (1 - active) ** N, rtol=1e-10)


@pytest.mark.parametrize("p", [1.0, 1.5, 3.0])
def test_the_generalised_mean_of_independent_positions_is_the_library_s(p):
    active, spread = np.array([0.05, 0.4, 1.0]), np.array([2.0, 1.0, 0.2])
    moments = independent_positions(known(active, spread, N), "gem", p)
    mean, variance = generalised_mean_cumulants(fitted_law(active, spread), N, p)
    np.testing.assert_allclose(moments.mean[0], mean, rtol=1e-7)
    np.testing.assert_allclose(moments.variance[0], variance, rtol=1e-5)


@every_aggregation
def test_independent_positions_reproduce_the_pooled_features(name, independent):
    _, _, maps, labels = independent
    activations, pooled, Z = both(maps, labels, name)
    moments = independent_positions(activations, name)
    fourth = np.stack([np.mean((Z[labels == j] - pooled.mean[j]) ** 4, axis=0) for j in (0, 1)])
    variance, count = pooled.variance(), IMAGES / 2
    error = np.sqrt(variance / count)
    variance_error = np.sqrt((fourth - variance**2) / count)
    # The fitted activations have sampling errors of their own, about as large as those of the pooled features.
    assert np.all(np.abs(moments.mean - pooled.mean) < 5 * np.sqrt(2) * error)
    assert np.all(np.abs(moments.variance - variance) < 5 * np.sqrt(2) * variance_error)
    silent = 1 - pooled.active()
    assert np.all(np.abs(moments.silent - silent) < 5 * np.sqrt(silent / count + 1e-12) + 1e-3)


@every_aggregation
def test_the_rungs_agree_where_positions_and_channels_are_independent(name, independent):
    _, _, maps, labels = independent
    weights, bias = np.random.default_rng(33).normal(size=(2, CHANNELS)), np.array([0.5, -1.0])
    laws = [
        model.node_laws(weights, bias).law
        for model in activation_models(*both(maps, labels, name)[:2], name).values()
    ]
    for law in laws[1:]:  # N_eff and correlations are estimated: relative errors of a few times sqrt(2/2000)
        np.testing.assert_allclose(law.mean(), laws[0].mean(), atol=0.02)
        np.testing.assert_allclose(law.var(), laws[0].var(), rtol=0.15)


# Dependent positions


@given(
    active=st.floats(0.02, 1.0),
    spread=st.floats(0.05, 5.0),
    share=st.floats(0.0, 1.0),
    positions=st.integers(2, 40),
)
def test_silence_is_that_of_a_beta_binomial_with_one_correlation_for_activity_and_size(
    active, spread, share, positions
):
    rho = 0.98 * share + 0.01
    statistics = known(active, spread, positions / (1 + (positions - 1) * rho), positions)
    flicker = 1 / active - 1
    total = rho * ((1 + flicker) * (1 + spread) - 1)
    r = optimize.brentq(lambda r: (1 + r * flicker) * (1 + r * spread) - 1 - total, 0, 1, xtol=1e-14)
    silent = dependent_positions(statistics, "avg").silent[0, 0]
    if active == 1:
        assert silent == 0
        return
    size = 1 / r - 1
    expected = np.exp(
        special.betaln(active * size, (1 - active) * size + positions)
        - special.betaln(active * size, (1 - active) * size)
    )
    assert silent == pytest.approx(expected, rel=1e-5, abs=1e-14)
    assert silent >= (1 - active) ** positions * (1 - 1e-9)


@pytest.mark.parametrize("name", ["max", "gem"])
def test_dependent_positions_are_the_mixture_over_images(name):
    """Beta activities by Gauss-Jacobi quadrature, which is exact for the polynomials in q that moments are."""
    active, r, gain_shape, shape, positions = 0.3, 0.2, 5.0, 2.0, 9
    # Sizes: a gain of squared variation 1/5 times gammas of 1/2; the gain's share of it is the correlation.
    spread = (1 + 1 / gain_shape) * (1 + 1 / shape) - 1
    r = 1 / gain_shape / spread
    rho = ((1 + r * (1 / active - 1)) * (1 + r * spread) - 1) / ((1 + spread) / active - 1)
    statistics = known(active, spread, positions / (1 + (positions - 1) * rho), positions)
    moments = dependent_positions(statistics, name)
    size = 1 / r - 1
    x, w = special.roots_jacobi(12, (1 - active) * size - 1, active * size - 1)
    images = ZeroInflatedGamma((1 + x) / 2, np.full(12, shape), 2.0 / active / shape)
    weights = w / w.sum()
    if name == "max":
        law = image_mixture(images, positions, "max", weights=weights)
        mean, second = law.mean(), law.moment(2)
    else:
        each = generalised_mean_cumulants(images, positions, 3.0)
        mean, second = weights @ each[0], weights @ (each[1] + each[0] ** 2)
    assert moments.mean[0, 0] == pytest.approx(float(mean), rel=1e-6)
    variance = float((1 + 1 / gain_shape) * second - mean**2)
    assert moments.variance[0, 0] == pytest.approx(variance, rel=1e-5)


@every_aggregation
@settings(max_examples=8)
@given(laws=some_laws, positions=st.integers(1, 30))
def test_limits_of_dependence(name, laws, positions):
    """N_eff = N is independence; N_eff = 1 are N copies of one activation, which every aggregation gives back."""
    active, spread, _ = np.transpose(laws)
    free = independent_positions(known(active, spread, positions, positions), name)
    same = dependent_positions(known(active, spread, positions, positions), name)
    for one, other in zip(vars(free).values(), vars(same).values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12)
    copies = dependent_positions(known(active, spread, 1.0, positions), name)
    # Copies are described by gammas of relative width 1e-4: the largest of 30 is 2e-4 above their mean.
    np.testing.assert_allclose(copies.mean[0], 2.0, rtol=3e-4)
    np.testing.assert_allclose(copies.variance[0], 4 * ((1 + spread) / active - 1), rtol=6e-4)
    np.testing.assert_allclose(copies.silent[0], 1 - active, atol=1e-6)


@settings(max_examples=4)
@given(laws=some_laws)
def test_average_generalised_mean_and_maximum_are_in_order(laws):
    active, spread, share = np.transpose(laws)
    statistics = known(active, spread, 1 + share * (N - 1))
    for predict in (independent_positions, dependent_positions):
        average, cube, top = (predict(statistics, name).mean for name in ("avg", "gem", "max"))
        square = predict(statistics, "gem", 2.0).mean
        assert np.all(average * (1 - 1e-7) <= square)
        assert np.all(square <= cube * (1 + 1e-7))
        assert np.all(cube <= top * (1 + 1e-7))


@every_aggregation
def test_positions_that_make_up_for_each_other(name):
    """N_eff = infinity: every image holds the same values; N_eff = 2 N lies half way."""
    active, spread = 0.6, 0.8
    law = fitted_law(active, spread)
    top = N * integrate.quad(lambda u: float(law.quantile(u)), 1 - 1 / N, 1, epsabs=1e-10)[0]
    limit = {"avg": 2.0, "gem": float(law.moment(3.0) ** (1 / 3)), "max": top}[name]
    free = independent_positions(known(active, spread, N), name)
    half = dependent_positions(known(active, spread, 2.0 * N), name)
    never = dependent_positions(known(active, spread, 1e12), name)
    assert never.mean == pytest.approx(limit, rel=1e-6)
    assert never.variance < 1e-8
    assert half.mean == pytest.approx((free.mean + limit) / 2, rel=1e-6)
    assert half.variance == pytest.approx(free.variance / 2, rel=1e-9)
    assert half.silent == pytest.approx(free.silent / 2)


def test_maps_of_one_set_of_values_have_its_pooled_features():
    """Every image holds the same values in other places; only their law is given to the model."""
    rng = np.random.default_rng(34)
    law = ZeroInflatedGamma(0.6, 1.5, 1.0)
    values = np.array(
        [N * integrate.quad(lambda u: float(law.quantile(u)), k / N, (k + 1) / N)[0] for k in range(N)]
    )
    maps = np.stack([rng.permutation(values) for _ in range(200)])[:, None]
    for name, rtol in (("avg", 1e-9), ("gem", 0.04), ("max", 0.04)):
        activations, pooled, _ = both(maps, np.zeros(200, int), name)
        moments = dependent_positions(activations, name)
        assert moments.mean == pytest.approx(pooled.mean, rel=rtol)
        assert moments.variance < 1e-12
        if name != "avg":
            assert np.abs(moments.mean - pooled.mean) < np.abs(
                independent_positions(activations, name).mean - pooled.mean
            )


def test_a_shared_brightness_and_the_variance_of_averages():
    active, shape, gain = np.array([0.2, 0.5, 0.9, 1.0]), np.array([1.0, 2.0, 1.0, 4.0]), 0.25
    activations, pooled, _ = both(*brightness(active, shape), "avg")
    free, bound = independent_positions(activations, "avg"), dependent_positions(activations, "avg")
    # With a gain of variance g, rho kappa_2 = g kappa_1^2: the factor that independence misses is known.
    kappa2 = (1 + gain) * active * (1 + 1 / shape) - active**2
    factor = 1 + (N - 1) * gain * active**2 / kappa2
    assert np.all(factor > 1.3)
    np.testing.assert_allclose((pooled.variance() / free.variance)[0], factor, rtol=0.12)
    np.testing.assert_allclose(bound.variance, pooled.variance(), rtol=1e-9)
    np.testing.assert_allclose(bound.mean, pooled.mean, rtol=1e-12)
    np.testing.assert_allclose(
        bound.variance, activations.variance() / activations.effective_positions(), rtol=1e-12
    )


@pytest.mark.parametrize("name", ["max", "gem"])
def test_a_shared_brightness_of_positions_that_are_always_active(name):
    """Then the gain is all that images differ in, and the model is right: what is left is sampling error."""
    activations, pooled, _ = both(*brightness(np.ones(3), [1.0, 2.0, 8.0]), name)
    moments = dependent_positions(activations, name)
    error = np.sqrt(pooled.variance() / IMAGES)
    assert np.all(np.abs(moments.mean - pooled.mean) < 5 * error)
    np.testing.assert_allclose(moments.variance, pooled.variance(), rtol=0.12)
    assert np.all(independent_positions(activations, name).mean > pooled.mean + 10 * error)


@pytest.mark.parametrize("name", ["max", "gem"])
def test_a_shared_brightness_of_sparse_positions(name):
    """Here the model takes a part of the variation for activity: near, and nearer than independence."""
    activations, pooled, _ = both(*brightness([0.2, 0.5, 0.9], [1.0, 2.0, 1.0]), name)
    free, bound = independent_positions(activations, name), dependent_positions(activations, name)
    np.testing.assert_allclose(bound.mean, pooled.mean, rtol=0.09)
    np.testing.assert_allclose(bound.variance, pooled.variance(), rtol=0.25)
    assert np.all(np.abs(bound.mean - pooled.mean) < np.abs(free.mean - pooled.mean))


@pytest.mark.parametrize("run", ["fashionmnist-greycnn-max-s0", "mr-textcnn-avg-s0"])
def test_real_features(run):
    extract = load_extract(run)
    activations, pooled, name = extract.activation_statistics, extract.pooled_statistics, extract.aggregation
    live = (pooled.mean > 0) & (pooled.variance() > 0)

    def errors(moments):
        mean = np.abs(moments.mean[live] / pooled.mean[live] - 1)
        return np.median(mean), np.median(np.abs(np.log(moments.variance[live] / pooled.variance()[live])))

    free, bound = (errors(f(activations, name)) for f in (independent_positions, dependent_positions))
    if name == "avg":
        assert max(free[0], bound[0]) < 1e-5
        assert bound[1] < 1e-5 < 1 < free[1]
    else:
        assert bound[0] < 0.8 * free[0] < 0.06
        # Where N_eff > N, independence overstates the variance; the rule repairs the median.
        above = live & (activations.effective_positions() > extract.positions)
        ratio = [
            np.median(f(activations, name).variance[above] / pooled.variance()[above])
            for f in (independent_positions, dependent_positions)
        ]
        assert ratio[0] > 1.5
        assert ratio[1] == pytest.approx(1.0, abs=0.25)


# Channels and nodes


@every_aggregation
def test_correlated_channels(name):
    active, shape = [0.3, 0.6, 0.9, 1.0, 0.5], [1.0, 2.0, 1.0, 4.0, 0.7]
    one, two = brightness(active, shape)[0], 1.5 * brightness(active, shape, seed=35, gain_shape=9.0)[0]
    maps, labels = np.concatenate([one, two]), np.repeat([0, 1], IMAGES)
    activations, pooled, Z = both(maps, labels, name)
    weights, bias = np.random.default_rng(36).uniform(0.2, 1.0, (2, 5)), np.array([1.0, -2.0])
    models = activation_models(activations, pooled, name)
    assert list(models) == ["activations_iid", "activations_dependent", "activations_correlated"]
    assert len({model.title for model in models.values()}) == 3
    iid, dependent, correlated = (model.node_laws(weights, bias).law for model in models.values())
    D = np.sqrt(models["activations_dependent"].moments.variance)
    for j in (0, 1):
        sigma = np.cov(Z[labels == j], rowvar=False)
        y = Z[labels == j] @ weights.T + bias
        R = np.corrcoef(Z[labels == j], rowvar=False)
        expected = np.einsum("kc,cd,kd->k", weights * D[j], R, weights * D[j])
        np.testing.assert_allclose(correlated.var()[:, j], expected, rtol=1e-9)
        if name == "avg":
            np.testing.assert_allclose(
                correlated.var()[:, j], np.einsum("kc,cd,kd->k", weights, sigma, weights), rtol=1e-9
            )
            np.testing.assert_allclose(correlated.var()[:, j], y.var(axis=0, ddof=1), rtol=1e-9)
            np.testing.assert_allclose(correlated.mean()[:, j], y.mean(axis=0), rtol=1e-9)
        else:
            np.testing.assert_allclose(correlated.var()[:, j], y.var(axis=0, ddof=1), rtol=0.2)
        # Positive weights and correlations: the rungs climb towards the variance that there is.
        assert np.all(dependent.var()[:, j] < 0.7 * correlated.var()[:, j])
        if name == "avg":
            assert np.all(iid.var()[:, j] < 0.7 * dependent.var()[:, j])
    np.testing.assert_allclose(models["activations_correlated"].pooled_law().std(), D, rtol=1e-12)


@every_aggregation
def test_pooled_and_node_laws_have_the_predicted_moments(name, independent):
    _, _, maps, labels = independent
    models = activation_models(*both(maps, labels, name)[:2], name)
    weights, bias = np.random.default_rng(37).normal(size=(2, CHANNELS)), np.array([0.1, 0.2])
    for model in models.values():
        law, node = model.pooled_law(), model.node_laws(weights, bias).law
        assert law.batch_shape == (2, CHANNELS)
        assert model.channels == CHANNELS
        np.testing.assert_array_equal(model.counts, [IMAGES / 2, IMAGES / 2])
        np.testing.assert_allclose(node.mean(), bias[:, None] + weights @ law.mean().T, rtol=1e-9)
        if isinstance(model, CorrelatedActivations):
            continue
        moments = model.moments
        np.testing.assert_allclose(law.mean(), moments.mean, rtol=1e-9)
        np.testing.assert_allclose(law.var(), moments.variance, rtol=1e-9)
        np.testing.assert_allclose(law.atoms()[0].mass, moments.silent, atol=2e-15)
        np.testing.assert_allclose(node.var(), weights**2 @ moments.variance.T, rtol=1e-9)


def test_the_matched_law_keeps_mean_and_variance_where_silence_is_too_much():
    moments = PooledMoments(
        *(np.array([[v]]) for v in (2.0, 1.0, 0.5))
    )  # so silent a law has variance 4 or more
    law = matched_law(moments)
    assert law.mean() == pytest.approx(2.0)
    assert law.var() == pytest.approx(1.0)
    assert law.atoms()[0].mass == pytest.approx(1 / (1 + 4))
    constant = matched_law(PooledMoments(*(np.array([[v]]) for v in (2.0, 0.0, 0.0))))
    assert constant.mean() == pytest.approx(2.0)
    assert constant.std() == pytest.approx(2e-6, rel=1e-3)


@every_aggregation
def test_dead_constant_and_always_active_channels(name):
    rng = np.random.default_rng(38)
    labels = np.repeat([0, 1], 60)
    maps = rng.gamma(1.5, 1.0, (120, 5, N)) * (rng.random((120, 5, N)) < 0.3)
    maps[labels == 1, 0] = 0.0  # dead given one label
    maps[:, 1] = 0.0  # dead
    maps[:, 2] = 1.25  # constant
    maps[:, 3] = rng.gamma(2.0, 1.0, (120, N))  # always active
    maps[:, 4] = 2.0 * (maps[:, 4] > 0)  # active or not, of one size
    activations, pooled, _ = both(maps, labels, name)
    weights, bias = rng.normal(size=(2, 5)), np.zeros(2)
    models = activation_models(activations, pooled, name)
    for model in models.values():
        law = model.pooled_law()
        assert np.all(law.mean()[:, 1] == 0)
        assert law.mean()[1, 0] == 0
        np.testing.assert_allclose(law.mean()[:, 2], 1.25, rtol=3e-4)
        np.testing.assert_allclose(law.mean()[:, [3, 4]], pooled.mean[:, [3, 4]], rtol=0.1)
        nodes = model.node_laws(weights, bias)
        assert np.all(np.isfinite(nodes.law.mean()))
        assert np.all(nodes.law.var() > 0)
    silent = models["activations_iid"].moments.silent
    assert np.all(silent[:, [2, 3]] == 0)
    assert np.all(silent[:, 1] == 1)
    assert silent[1, 0] == 1


def test_joint_atoms_that_nothing_could_show_do_not_make_divergences_infinite():
    channels = 64
    silent = np.repeat([[0.05], [1e-9]], channels, axis=1)  # joint atoms 5e-84 and 1e-576, which is 0
    moments = PooledMoments(np.ones((2, channels)), np.full((2, channels), 0.3), silent)
    weights = np.stack([np.ones(channels), np.linspace(-1, 1, channels)])
    model = IndependentActivations.of_moments(moments, np.array([10.0, 10.0]))
    laws = model.node_laws(weights, np.zeros(2))
    assert not laws.law.atoms()
    assert np.all(np.isfinite(node_divergences(laws).kl))
    np.testing.assert_allclose(
        laws.law.var(), np.repeat((weights**2).sum(axis=1)[:, None], 2, 1) * 0.3, rtol=1e-9
    )
    few = IndependentActivations.of_moments(
        PooledMoments(*(v[:, :2] for v in vars(moments).values())), np.array([10.0, 10.0])
    )
    atoms = few.node_laws(weights[:, :2], np.zeros(2)).law.atoms()
    np.testing.assert_allclose(atoms[0].mass[0], [0.05**2, 1e-18], rtol=1e-6)


# Input


def test_scaling_the_activations_scales_the_moments():
    maps, labels = brightness([0.3, 1.0], [1.0, 3.0])
    maps = maps[:300]
    for name in PREDICTED_AGGREGATIONS:
        one, other = (
            dependent_positions(ActivationStatistics.of(m, labels[:300], 1), name)
            for m in (maps, 1e-3 * maps)
        )
        np.testing.assert_allclose(other.mean, 1e-3 * one.mean, rtol=1e-9)
        np.testing.assert_allclose(other.variance, 1e-6 * one.variance, rtol=1e-7)
        np.testing.assert_allclose(other.silent, one.silent, rtol=1e-9)


def test_a_table_of_many_shapes_is_as_good_as_a_table_of_one():
    shapes = np.geomspace(0.02, 3e3, 40)
    for power in (2.0, np.inf):
        wide = GammaPooling.over(shapes, 9, power)
        for k in (0, 17, 39):
            narrow = GammaPooling.over(shapes[k : k + 1], 9, power)
            for one, other in zip(wide(shapes[k : k + 1]), narrow(shapes[k : k + 1]), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-6)
    one = GammaPooling.over(shapes, 5, np.inf)(np.ones(1))[0][:, 0]
    np.testing.assert_allclose(
        one, np.cumsum(1 / np.arange(1, 6)), rtol=1e-9
    )  # exponentials: harmonic numbers


def test_bad_input():
    rng = np.random.default_rng(39)
    maps, labels = rng.random((8, 3, 4)), np.repeat([0, 1], 4)
    activations, pooled, Z = both(maps, labels, "avg")
    for name in ("lse", "lp", "mean"):
        with pytest.raises(ValueError, match=f"aggregation: got '{name}', expected one of avg, max, gem"):
            activation_models(activations, pooled, name)
    with pytest.raises(ValueError, match=r"power p = 0.5: expected a finite number >= 1"):
        activation_models(activations, pooled, "gem", 0.5)
    with pytest.raises(
        ValueError, match=r"got activations of \(labels, channels\) \(2, 3\) and pooled features of \(2, 2\)"
    ):
        activation_models(activations, PooledStatistics.of(Z[:, :2], labels, 2), "avg")
    few = ActivationStatistics.of(maps[:5], labels[:5], 2), PooledStatistics.of(Z[:5], labels[:5], 2)
    with pytest.raises(ValueError, match="too few images: class 1 has 1; expected at least 2 per class"):
        activation_models(*few, "avg")


@pytest.mark.parametrize("model", [IndependentActivations, DependentActivations, CorrelatedActivations])
def test_pooled_features_are_not_enough(model):
    assert issubclass(model, ActivationModel)
    with pytest.raises(TypeError, match=f"{model.__name__} got pooled features, but needs activations"):
        model.fit_images(FittingImages(np.ones((4, 2)), np.repeat([0, 1], 2), 2))


def test_one_position_is_not_pooled():
    statistics = known(0.4, 1.0, 1.0, positions=1)
    for name in PREDICTED_AGGREGATIONS:
        for predict in (independent_positions, dependent_positions):
            moments = predict(statistics, name)
            assert moments.mean == pytest.approx(2.0)
            assert moments.variance == pytest.approx(4 * (2 / 0.4 - 1))
            assert moments.silent == pytest.approx(0.6)
