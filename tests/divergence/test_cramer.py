"""Cramer's rate function and the closed-form divergence of nodes: exact identities, bounds, orders of error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from aggdist.distributions import Gamma, Normal, WeightedGammaSum
from aggdist.divergence import (
    cramer_rate,
    exact_node_kl,
    kl_divergence,
    mixture_node_kl,
    mixture_rate,
    node_kl,
    node_kl_within,
    random_classifier,
    random_nodes,
    shape_correction,
)


def _excess(v):
    return v - 1 - np.log(v)


def _legendre(law, x):
    """sup_c [c x - K(c)] by brute force."""
    low, high = law.cgf_domain()
    low, high = max(float(low), -1e4), min(float(high), 1e4)
    found = optimize.minimize_scalar(
        lambda c: float(law.cgf(c) - c * x), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    return -found.fun


@pytest.mark.parametrize("active", [1.0, 0.4])
def test_rate_equals_brute_force(active):
    rng = np.random.default_rng(1)
    weights, shape = rng.normal(size=(4, 30)), rng.uniform(0.4, 3, 30)
    law = WeightedGammaSum(weights, shape, 0.5, active, rng.normal(size=4))
    for step in (-4.0, -0.5, 0.0, 1.0, 6.0):
        x = law.mean() + step * law.std()
        got = cramer_rate(law, x)
        expected = [_legendre(law[k], float(x[k])) for k in range(4)]
        np.testing.assert_allclose(got.rate, expected, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(law.tilt(got.tilt).mean(), x, atol=1e-8)
        tilted = law.tilt(got.tilt)
        np.testing.assert_allclose(got.variance, tilted.var(), rtol=1e-9)
        np.testing.assert_allclose(got.third, tilted.cumulant(3), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(got.fourth, tilted.cumulant(4), rtol=1e-8, atol=1e-10)


def test_rate_of_a_gamma():
    x = np.array([1e-9, 0.1, 3.0, 500.0])
    got = cramer_rate(WeightedGammaSum([2.0], 1.5, 0.7), x)
    np.testing.assert_allclose(got.rate, 1.5 * _excess(x / 2.1), rtol=1e-9)
    np.testing.assert_allclose(got.variance, x**2 / 1.5, rtol=1e-7)


def test_rate_at_and_beyond_the_ends_of_the_support():
    plain = WeightedGammaSum([1.0, 2.0], 1.5, 1.0, offset=3.0)
    assert np.all(np.isinf(cramer_rate(plain, [3.0, 2.0]).rate))
    inflated = WeightedGammaSum([1.0, 2.0], 1.5, 1.0, [0.5, 0.25], offset=3.0)
    at_end = cramer_rate(inflated, [3.0, 2.9])
    # At the atom the rate is minus the logarithm of its mass.
    assert at_end.rate[0] == pytest.approx(-np.log(0.5 * 0.75), rel=1e-12)
    assert np.isinf(at_end.rate[1])
    mirrored = WeightedGammaSum([-1.0], 1.5, 1.0)
    assert np.isinf(cramer_rate(mirrored, 0.5).rate)
    assert np.isfinite(cramer_rate(mirrored, -0.5).rate)
    both = WeightedGammaSum([1.0, -1.0], 0.3, 1.0)
    assert np.all(np.isfinite(cramer_rate(both, [-40.0, 0.0, 40.0]).rate))


def test_the_exact_identity():
    # KL(p || q) = rate + KL(p || tilted q), on nodes far enough apart for the rate to matter.
    p, q = random_nodes(np.random.default_rng(2), 5, 80, 3.0)
    found = cramer_rate(q, p.mean())
    np.testing.assert_allclose(
        exact_node_kl(p, q), found.rate + exact_node_kl(p, q.tilt(found.tilt)), rtol=1e-9
    )


def test_one_gamma_channel_leaves_a_known_remainder():
    a1, a2 = np.array([30.0, 60.0, 120.0]), np.array([40.0, 80.0, 160.0])
    p = WeightedGammaSum(np.ones((3, 1)), a1[:, None], 0.02)
    q = WeightedGammaSum(np.ones((3, 1)), a2[:, None], 0.03)
    got, exact = node_kl(p, q), kl_divergence(Gamma(a1, 0.02), Gamma(a2, 0.03))
    u = a2 / a1
    np.testing.assert_allclose(got.rate, a2 * _excess(a1 * 0.02 / (a2 * 0.03)), rtol=1e-10)
    np.testing.assert_allclose(got.ratio, u, rtol=1e-8)
    np.testing.assert_allclose(got.correction, (u - 1) ** 2 / (12 * a2), rtol=1e-6)
    np.testing.assert_allclose(got.damping, 1 + 3 / a1 + 0.75 / a2, rtol=1e-8)
    # What is left after the undamped term is of third order in 1/shape.
    left = np.abs(exact - got.two_terms - got.correction)
    np.testing.assert_allclose(left[:-1] / left[1:], 8, rtol=0.15)


def test_the_correction_improves_the_order_in_the_number_of_channels():
    # n copies of the same four channels: two terms leave 1/n over, three terms 1/n^2.
    w, shape_p, shape_q = np.array([1, 0.7, -0.3, 0.4]), 1.2, np.array([2.5, 1.8, 3, 2])
    two, three = [], []
    for n in (25, 50, 100):
        p = WeightedGammaSum(np.tile(w, n), shape_p, 1.6)
        q = WeightedGammaSum(np.tile(w, n), np.tile(shape_q, n), 1.0)
        exact, got = exact_node_kl(p, q), node_kl(p, q)
        two.append(float(exact - got.two_terms))
        three.append(float(exact - got.kl))
    np.testing.assert_allclose(np.array(two[:2]) / two[1:], 2, rtol=0.1)
    np.testing.assert_allclose(np.array(three[:2]) / three[1:], 4, rtol=0.2)


def test_correction_for_equal_variances_is_the_squared_difference_of_skewness():
    ones = np.ones(3)
    g, gp = np.array([0.3, -0.2, 0.0]), np.array([0.3, 0.4, 0.5])
    np.testing.assert_allclose(
        shape_correction(ones, gp, g, np.array([0.7, -0.1, 2.0])), (g - gp) ** 2 / 12, atol=1e-15
    )


@pytest.mark.parametrize("low_shapes", [False, True])
def test_prediction_is_close_for_512_channels(low_shapes):
    errors, two_terms, doubts = [], [], []
    for separation in (0.8, 2.0, 5.0):
        p, q = random_nodes(np.random.default_rng(3), 30, 512, separation, low_shapes=low_shapes)
        exact, got = exact_node_kl(p, q), node_kl(p, q)
        assert np.all(got.rate <= exact * (1 + 1e-9))
        errors.append(np.abs(got.kl / exact - 1))
        two_terms.append(np.abs(got.two_terms / exact - 1))
        doubts.append(got.doubt)
    error, doubt = np.concatenate(errors), np.concatenate(doubts)
    assert np.median(error) < 0.002
    assert np.median(error) < np.median(np.concatenate(two_terms)) / 2
    assert np.max(error) < 0.09
    # The prediction says itself where it may be off.
    assert np.max(error[doubt <= 0.03]) < 0.05
    assert np.mean(doubt > 0.03) < 0.25


@given(st.integers(0, 10**6), st.floats(0.1, 6), st.sampled_from([30, 60]))
def test_rate_is_a_lower_bound_whatever_p(seed, separation, channels):
    p, q = random_nodes(np.random.default_rng(seed), 2, channels, separation)
    # A normal p of the same mean has the same bound: it holds for every law with that mean.
    rate = cramer_rate(q, p.mean()).rate
    assert np.all(rate <= exact_node_kl(p, q) * (1 + 1e-8) + 1e-10)
    assert np.all(node_kl(p, q).kl >= rate)


def test_equal_laws_and_shifts():
    p, q = random_nodes(np.random.default_rng(4), 6, 50, 1.0)
    np.testing.assert_allclose(node_kl(q, q).kl, 0, atol=1e-12)
    moved = [WeightedGammaSum(v.weights * 3, v.shape, v.scale, v.active, -7.0) for v in (p, q)]
    np.testing.assert_allclose(node_kl(*moved).kl, node_kl(p, q).kl, rtol=1e-9)


def test_any_law_in_class():
    _, q = random_nodes(np.random.default_rng(5), 4, 512, 0.0)
    p = Normal(q.mean() + q.std(), q.std())
    got = node_kl(p, q)
    np.testing.assert_allclose(got.kl, 0.5, rtol=0.2)
    assert node_kl(Normal(q.mean()[:, None], q.std()[:, None]), q).kl.shape == (4, 4)


def test_unreachable_means_give_infinity():
    q = WeightedGammaSum([1.0, 2.0], 1.5, 1.0, offset=3.0)
    got = node_kl(Normal([1.0, 5.0], 1.0), q)
    assert got.kl[0] == np.inf
    assert np.isfinite(got.kl[1])


def _nodes_and_components(law):
    labels = law.batch_shape[0]
    others = np.array([[j for j in range(labels) if j != k] for k in range(labels)])
    index = np.arange(labels)
    return law[index, index], law[index[:, None], others]


def test_mixture_of_one_component_is_the_plain_prediction():
    p, q = random_nodes(np.random.default_rng(6), 8, 100, 2.0)
    alone = WeightedGammaSum(q.weights[:, None], q.shape[:, None], q.scale[:, None], 1.0)
    got = mixture_node_kl(p, alone, [1.0])
    np.testing.assert_allclose(got.kl, node_kl(p, q).kl, rtol=1e-10)
    np.testing.assert_allclose(got.lower, node_kl(p, q).rate, rtol=1e-9)


@pytest.mark.parametrize("separation", [0.5, 2.0, 4.0])
def test_mixture_prediction_is_close_and_above_its_lower_bound(separation):
    p, q = _nodes_and_components(random_classifier(np.random.default_rng(7), 6, 256, separation))
    pi = np.array([1.0, 2.0, 1.0, 1.0, 3.0])
    exact, got = exact_node_kl(p, q, pi), mixture_node_kl(p, q, pi)
    np.testing.assert_allclose(got.kl, exact, rtol=0.08)
    assert np.median(np.abs(got.kl / exact - 1)) < 0.005
    assert np.all(got.lower <= exact * (1 + 1e-9))
    assert got.components.kl.shape == (6, 5)


def test_mixture_rate_equals_brute_force():
    law = random_classifier(np.random.default_rng(8), 3, 20, 2.0)
    pi = np.array([0.3, 0.7])
    components, x = law[0, 1:], float(law[0, 0].mean())
    low, high = (
        v[0]
        for v in (np.max(components.cgf_domain()[0], keepdims=True), [np.min(components.cgf_domain()[1])])
    )
    found = optimize.minimize_scalar(
        lambda c: np.log(np.sum(pi * np.exp(components.cgf(np.array([c, c])) - c * x))),
        bounds=(0.99 * low, 0.99 * high), method="bounded", options={"xatol": 1e-12},
    )  # fmt: skip
    assert mixture_rate(components, pi, x) == pytest.approx(-found.fun, rel=1e-9)


def test_mixture_rate_with_absent_and_unreachable_components():
    q = WeightedGammaSum([[1.0], [1.0], [-1.0]], 2.0, 1.0, offset=[0.0, 5.0, 0.0])
    alone = float(cramer_rate(q[0], 1.0).rate)
    assert mixture_rate(q, [1.0, 0.0, 0.0], 1.0) == pytest.approx(alone, rel=1e-9)
    assert mixture_rate(q, [1.0, 1.0, 0.0], 1.0) <= alone + np.log(2) + 1e-9
    assert np.isfinite(mixture_rate(q, [0.0, 1.0, 1.0], 1.0))  # inside the hull of both
    assert np.isinf(mixture_rate(q, [0.0, 1.0, 0.0], 1.0))
    got = mixture_node_kl(Normal(1.0, 0.1), q, [1.0, 1.0, 0.0])
    assert np.isinf(got.components.kl[1])
    assert np.isfinite(got.kl)


@pytest.mark.parametrize("shape", [0.5, 0.05])
def test_mixture_rate_where_no_number_is_close_enough_to_the_end_of_the_domain(shape):
    # The first component lies far below the point and has the heaviest tail: K' grows beyond the point only where
    # (1 - c/6)^(-shape) makes up for exp(-60), closer to c = 6 than numbers are to each other.
    near = WeightedGammaSum([1.0, -1.0], [50.0, 50.0], 0.1)
    far = WeightedGammaSum([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]], [shape, 50.0, 50.0], [1 / 6, 0.1, 0.1])
    far = replace(far, offset=np.array([-20.0, 0.0]))
    point = float(near.tilt(6.0).mean()) + 2.0
    rate = float(mixture_rate(far, [0.5, 0.5], point))
    assert rate == pytest.approx(6 * point - float(near.cgf(6.0)) - np.log(0.5), rel=1e-10)
    both = mixture_rate(far, [[0.5, 0.5], [0.0, 1.0]], [point, 3.0])
    np.testing.assert_allclose(both, [rate, cramer_rate(near, 3.0).rate], rtol=1e-12)


@pytest.mark.parametrize("weights", [[0.5, 0.5], 1.0])
def test_bad_mixture_weights(weights):
    q = WeightedGammaSum(np.ones((3, 1)), 2.0, 1.0)
    with pytest.raises(ValueError, match=r"weights: got shape .* for components of batch \(3,\)"):
        mixture_node_kl(Normal(1.0, 0.1), q, weights)
    with pytest.raises(ValueError, match="weights: got negative, NaN or no positive values"):
        mixture_rate(q, [0.0, 0.0, 0.0], 1.0)


def test_nodes_that_one_channel_dominates_are_integrated():
    p, q = random_nodes(np.random.default_rng(9), 120, 512, 1.2, low_shapes=True)
    exact = exact_node_kl(p, q)
    kl, integrated = node_kl_within(p, q)
    assert 0 < np.mean(integrated) < 0.2
    np.testing.assert_allclose(kl, exact, rtol=0.03)
    np.testing.assert_allclose(kl[integrated], exact[integrated], rtol=1e-9)
    np.testing.assert_array_equal(kl[~integrated], node_kl(p, q).kl[~integrated])


def test_the_tolerance_decides_what_is_integrated():
    p, q = random_nodes(np.random.default_rng(10), 12, 256, 2.0)
    _, none = node_kl_within(p, q, tolerance=100.0)
    kl, every = node_kl_within(p, q, tolerance=1e-12)
    assert not np.any(none)
    assert np.all(every)
    np.testing.assert_allclose(kl, exact_node_kl(p, q), rtol=1e-9)
    one, alone = node_kl_within(p[0], q[0], tolerance=1e-12)
    assert one.shape == alone.shape == ()
    np.testing.assert_allclose(one, kl[0], rtol=1e-9)
    assert node_kl_within(p[:2], q[0])[0].shape == (2,)
    with pytest.raises(ValueError, match=r"tolerance: got 0\.0, expected a positive relative error"):
        node_kl_within(p, q, tolerance=0.0)
