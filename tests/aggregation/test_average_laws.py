"""The law, the cumulants and the matched gamma of average pooling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import (
    average_cumulants,
    average_gamma,
    average_law,
    average_normal,
    effective_positions,
)
from aggdist.distributions import (
    BinomialGamma,
    CompoundPoissonGamma,
    Exponential,
    Gamma,
    Normal,
    RectifiedNormal,
    ZeroInflatedGamma,
)

ACTIVATIONS = {
    "gamma": Gamma(np.array([0.3, 4.0]), np.array([2.0, 0.1])),
    "exponential": Exponential(np.array([0.2, 3.0])),
    "zero-inflated": ZeroInflatedGamma(np.array([0.1, 0.9]), np.array([0.5, 3.0]), np.array([1.0, 2.0])),
    "silent": ZeroInflatedGamma(np.array(0.0), np.array(1.0), np.array(1.0)),
    "normal": Normal(np.array([-1.0, 2.0]), np.array([0.5, 3.0])),
    "compound Poisson": CompoundPoissonGamma(
        np.array([0.2, 5.0]), np.array([0.5, 2.0]), np.array([1.0, 0.3])
    ),
}
positive = st.floats(0.01, 100.0)


@pytest.mark.parametrize("law", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
@pytest.mark.parametrize("n", [1, 2, 49])
def test_the_characteristic_function_is_a_power(law, n):
    t = np.array([-20.0, -1.0, 0.0, 0.3, 5.0]).reshape(-1, *(1,) * len(law.batch_shape))
    assert np.allclose(average_law(law, n).cf(t), law.cf(t / n) ** n, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("law", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
def test_the_cumulants_are_those_of_the_law(law):
    kappa = np.stack([law.cumulant(r) for r in (1, 2, 3, 4)])
    exact = average_law(law, 9)
    assert np.allclose(average_cumulants(kappa, 9), [exact.cumulant(r) for r in (1, 2, 3, 4)], rtol=1e-10)


@pytest.mark.parametrize("law", ACTIVATIONS.values(), ids=ACTIVATIONS.keys())
def test_one_position_changes_nothing(law):
    x = law.mean() + np.array([-1.0, 0.0, 0.01, 1.5]).reshape(-1, *(1,) * len(law.batch_shape))
    assert np.allclose(average_law(law, 1).cdf(x), law.cdf(x), rtol=1e-12)


def test_the_average_of_zero_inflated_gammas_is_the_binomial_mixture():
    law = average_law(ZeroInflatedGamma(np.array(0.2), np.array(2.0), np.array(3.0)), 10)
    assert isinstance(law, BinomialGamma)
    assert (law.active, law.shape, law.scale, law.positions) == (0.2, 2.0, 3.0, 10)
    assert law.atoms()[0].mass == pytest.approx(0.8**10, rel=1e-14)


def test_averaging_twice_is_averaging_once():
    law = Gamma(np.array(0.7), np.array(2.0))
    twice, once = average_law(average_law(law, 4), 9), average_law(law, 36)
    assert twice.shape == pytest.approx(once.shape, rel=1e-14)
    assert twice.scale == pytest.approx(once.scale, rel=1e-14)


def test_positions_broadcast_against_the_batch():
    law = average_law(ACTIVATIONS["zero-inflated"], np.array([[1], [4], [49]]))
    assert law.batch_shape == (3, 2)
    assert law.mean() == pytest.approx(np.broadcast_to(ACTIVATIONS["zero-inflated"].mean(), (3, 2)))


def test_the_law_is_that_of_simulated_maps():
    rng = np.random.default_rng(3)
    law = ACTIVATIONS["zero-inflated"]
    pooled = law.sample(rng, (20_000, 6)).mean(axis=1)
    z = law.mean() * np.array([0.0, 0.5, 1.0, 2.0])[:, None]
    share = np.mean(pooled <= z[:, None], axis=1)
    expected = average_law(law, 6).cdf(z)
    assert np.all(
        np.abs(share - expected) < 4.5 * np.sqrt(np.maximum(expected * (1 - expected), 5e-5) / 20_000)
    )


def test_a_family_without_closed_average_is_told_what_to_do():
    law = RectifiedNormal(np.array(0.0), np.array(1.0))
    with pytest.raises(
        NotImplementedError, match=r"got RectifiedNormal, whose averages have no closed form .*'gamma'"
    ):
        average_law(law, 4)


def test_a_subclass_is_not_taken_for_its_family():
    class Other(Gamma):
        pass

    with pytest.raises(NotImplementedError, match="got Other"):
        average_law(Other(np.array(1.0), np.array(1.0)), 4)


def test_what_is_not_a_law_is_refused():
    with pytest.raises(TypeError, match="activation: got float, expected a Distribution"):
        average_law(1.0, 4)


@pytest.mark.parametrize("n", [0, -1, 2.5, np.nan, np.inf])
def test_positions_are_whole(n):
    for function in (
        lambda: average_law(ACTIVATIONS["gamma"], n),
        lambda: average_cumulants([1.0, 1.0], n),
        lambda: effective_positions(0.1, n),
    ):
        with pytest.raises(ValueError, match=r"positions: got .*, expected a whole number of at least 1"):
            function()


# -- cumulants ------------------------------------------------------------------------------------------


def test_cumulants_broadcast_against_positions():
    kappa = np.arange(1.0, 7.0).reshape(3, 2)
    got = average_cumulants(kappa, np.array([[1.0], [10.0]]))
    assert got.shape == (3, 2, 2)
    assert got[:, 0] == pytest.approx(kappa)
    assert got[:, 1] == pytest.approx(kappa / np.array([[1.0], [10.0], [100.0]]))


def test_more_batch_axes_than_positions():
    kappa = np.ones((2, 5, 3))
    assert average_cumulants(kappa, np.array([1, 2, 4]))[1, 0] == pytest.approx([1.0, 0.5, 0.25])


def test_cumulants_must_be_finite_numbers_along_an_axis():
    with pytest.raises(
        ValueError, match=r"cumulants: got shape \(\), expected the orders along the first axis"
    ):
        average_cumulants(1.0, 4)
    with pytest.raises(ValueError, match=r"cumulants: got shape \(0,\)"):
        average_cumulants([], 4)
    with pytest.raises(ValueError, match="cumulants: got nan, expected a finite number"):
        average_cumulants([1.0, np.nan], 4)


# -- matched laws ---------------------------------------------------------------------------------------


@given(positive, positive, positive)
def test_the_gamma_has_the_mean_and_the_variance(kappa1, kappa2, n):
    law = average_gamma(kappa1, kappa2, n)
    assert law.mean() == pytest.approx(kappa1, rel=1e-12)
    assert law.var() == pytest.approx(kappa2 / n, rel=1e-12)


@given(st.floats(-100.0, 100.0), positive, positive)
def test_the_normal_has_the_mean_and_the_variance(kappa1, kappa2, n):
    law = average_normal(kappa1, kappa2, n)
    assert law.mean() == pytest.approx(kappa1)
    assert law.var() == pytest.approx(kappa2 / n, rel=1e-12)


@given(positive, positive, st.integers(1, 500))
def test_the_gamma_is_exact_for_gammas(shape, scale, n):
    law = Gamma(np.array(shape), np.array(scale))
    matched, exact = average_gamma(law.mean(), law.var(), n), average_law(law, n)
    assert matched.shape == pytest.approx(exact.shape, rel=1e-12)
    assert matched.scale == pytest.approx(exact.scale, rel=1e-12)


@pytest.mark.parametrize("name", ["kappa1", "kappa2", "positions"])
def test_the_gamma_needs_positive_numbers(name):
    values = {"kappa1": 1.0, "kappa2": 1.0, "positions": 4.0, name: 0.0}
    with pytest.raises(ValueError, match=rf"{name}: got 0\.0, expected a positive finite number"):
        average_gamma(**values)


@pytest.mark.parametrize("name", ["kappa2", "positions"])
def test_the_normal_needs_spread(name):
    values = {"kappa1": 1.0, "kappa2": 1.0, "positions": 4.0, name: -1.0}
    with pytest.raises(ValueError, match=rf"{name}: got -1\.0, expected a positive finite number"):
        average_normal(**values)


# -- effective positions --------------------------------------------------------------------------------


def test_effective_positions_in_the_limits():
    assert effective_positions(0.0, 49) == 49
    assert effective_positions(1.0, 49) == 1
    assert effective_positions(0.3, 1) == 1
    assert effective_positions(0.25, 10**9) == pytest.approx(4.0)
    assert effective_positions(-0.01, 49) > 49


def test_the_variance_of_any_covariance_matrix():
    rng = np.random.default_rng(4)
    root = rng.standard_normal((12, 12))
    covariance = root @ root.T
    variance = np.trace(covariance) / 12
    rho = (covariance.sum() - np.trace(covariance)) / (12 * 11) / variance
    weights = np.full(12, 1 / 12)
    assert variance / effective_positions(rho, 12) == pytest.approx(weights @ covariance @ weights)


@pytest.mark.parametrize("rho", [1.01, -0.25, -1.0, np.nan])
def test_impossible_correlations_are_refused(rho):
    with pytest.raises(
        ValueError, match=r"correlation: got .*, expected a number above -1/\(N-1\) and at most 1"
    ):
        effective_positions([0.1, rho], 5)
