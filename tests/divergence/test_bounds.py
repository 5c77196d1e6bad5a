"""Bounds on the Bayes error and the chain of bounds for a mixture out of class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.distributions import Gamma, Mixture, Normal, ZeroInflatedGamma
from aggdist.divergence import (
    bayes_error,
    bretagnolle_huber_bound,
    chernoff_bound,
    exact_node_kl,
    kl_quadrature,
    mixture_bounds,
    mixture_convex_bound,
    mixture_upper_bound,
    pinsker_bound,
    random_classifier,
)

shapes, scales, priors = st.floats(0.3, 20), st.floats(0.2, 5), st.floats(0.02, 0.98)


@given(shapes, scales, shapes, scales, priors)
def test_bayes_error_lies_between_its_bounds(a, s, b, t, prior):
    p, q = Gamma(a, s), Gamma(b, t)
    error = bayes_error(p, q, prior=prior)
    upper = chernoff_bound(p, q, prior=prior)
    assert error <= upper + 1e-9
    assert upper <= min(prior, 1 - prior) + 1e-12
    for kl in (kl_quadrature(p, q), kl_quadrature(q, p)):
        assert pinsker_bound(kl, prior=prior) <= error + 1e-9
        assert bretagnolle_huber_bound(kl, prior=prior) <= error + 1e-9


@given(shapes, scales, st.floats(0.05, 1), st.floats(0.05, 1), priors)
def test_bounds_hold_with_atoms(a, s, first, second, prior):
    p, q = ZeroInflatedGamma(first, a, s), ZeroInflatedGamma(second, 2.0, 1.0)
    error = bayes_error(p, q, prior=prior)
    assert error <= chernoff_bound(p, q, prior=prior) + 1e-9
    assert bretagnolle_huber_bound(kl_quadrature(p, q), prior=prior) <= error + 1e-9


def test_chernoff_bound_of_equal_normals():
    away = np.array([0.5, 2.0, 6.0])
    np.testing.assert_allclose(
        chernoff_bound(Normal(away, 1.0), Normal(0.0, 1.0)), 0.5 * np.exp(-(away**2) / 8), rtol=1e-9
    )


def test_bounds_by_kl_alone():
    kl = np.array([0.0, 0.5, 2.0, 30.0, 600.0, np.inf])
    np.testing.assert_allclose(pinsker_bound(kl), [0.5, 0.25, 0, 0, 0, 0], atol=1e-15)
    np.testing.assert_allclose(pinsker_bound(kl[:2], prior=0.1), [0.1, 0.05], rtol=1e-12)
    lower = bretagnolle_huber_bound(kl)
    assert lower[0] == 0.5
    assert lower[-1] == 0
    # exp(-kl) / 4 for large divergences, to all digits.
    np.testing.assert_allclose(lower[3:5], np.exp(-kl[3:5]) / 4, rtol=1e-12)
    assert np.all(lower >= np.exp(-kl) / 4)


def test_no_function_of_kl_alone_bounds_the_error_from_above():
    # A little mass of p where q has almost none: KL is large, the error is near 1/2 all the same.
    p = Mixture(Normal([0.0, 60.0], [1.0, 1.0]), [0.99, 0.01])
    q = Normal(0.0, 1.0)
    assert kl_quadrature(p, q) > 15
    assert bayes_error(p, q) > 0.49


@given(st.integers(0, 10**6), st.floats(0.1, 5), st.sampled_from([12, 40]))
def test_the_chain_of_mixture_bounds(seed, separation, channels):
    rng = np.random.default_rng(seed)
    law = random_classifier(rng, 4, channels, separation)
    pi = rng.dirichlet(np.ones(3))
    p, q = law[0, 0], law[0, 1:]
    value = exact_node_kl(p, q, pi)
    bounds = mixture_bounds(p, q, pi, exact_node_kl(_column(p), q))
    slack = 1e-8 * (1 + value)
    assert 0 <= bounds.lower <= value + slack
    assert value <= bounds.upper + slack
    assert bounds.upper <= bounds.convex + slack


def _column(law):
    return type(law)(*(v[None] for v in (law.weights, law.shape, law.scale, law.active, law.offset)))


def test_one_component_closes_the_upper_part_of_the_chain():
    kl = np.array([[0.3], [7.0]])
    np.testing.assert_allclose(mixture_upper_bound(kl, [1.0]), kl[:, 0], rtol=1e-14)
    np.testing.assert_allclose(mixture_convex_bound(kl, [1.0]), kl[:, 0], rtol=1e-14)


def test_infinite_and_absent_components():
    kl = np.array([2.0, np.inf, 5.0])
    assert mixture_upper_bound(kl, [1, 1, 0]) == pytest.approx(2 + np.log(2), rel=1e-14)
    assert mixture_convex_bound(kl, [1, 0, 1]) == pytest.approx(3.5, rel=1e-14)
    assert mixture_convex_bound(kl, [1, 1, 1]) == np.inf


@pytest.mark.parametrize("bound", [pinsker_bound, bretagnolle_huber_bound])
def test_bad_divergence_and_prior(bound):
    with pytest.raises(
        ValueError, match=r"kl: got -0\.1, expected divergences >= 0; clip estimates at 0 first"
    ):
        bound([0.5, -0.1])
    with pytest.raises(ValueError, match="kl: got nan, expected divergences >= 0"):
        bound(np.nan)
    with pytest.raises(ValueError, match=r"prior: got 1\.0, expected a frequency strictly between 0 and 1"):
        bound(0.5, prior=1.0)


def test_bad_weights():
    with pytest.raises(ValueError, match=r"weights: got shape \(2,\) for components of batch \(3,\)"):
        mixture_upper_bound([1.0, 2.0, 3.0], [0.5, 0.5])
    with pytest.raises(ValueError, match="weights: got negative, NaN or no positive values"):
        mixture_convex_bound([1.0, 2.0], [0.5, -0.5])
    with pytest.raises(ValueError, match="prior: got 0, expected"):
        chernoff_bound(Normal(0.0, 1.0), Normal(1.0, 1.0), prior=0)
