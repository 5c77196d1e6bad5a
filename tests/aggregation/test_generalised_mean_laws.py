"""Cumulants of powers, the generalised gamma law, the delta method and the diagnostic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggdist.aggregation import (
    average_gamma,
    delta_generalised_mean_cumulants,
    generalised_mean_generalised_gamma,
    generalised_mean_trust,
    pooled_law,
    power_cumulants,
)
from aggdist.distributions import (
    BinomialGamma,
    Exponential,
    Gamma,
    RectifiedNormal,
    ZeroInflatedGamma,
    gamma_ratio,
    skewness_ratio,
)

ACTIVATION = ZeroInflatedGamma(np.array([0.1, 0.8]), np.array(1.5), np.array(2.0))


def test_power_one_gives_the_cumulants_of_the_activation():
    expected = np.stack([ACTIVATION.cumulant(r) for r in (1, 2, 3)])
    assert power_cumulants(ACTIVATION, 1.0, 3) == pytest.approx(expected, rel=1e-12)


def test_squares_of_rectified_normals_are_zero_inflated_gamma():
    square = ZeroInflatedGamma(np.array(0.5), np.array(0.5), np.array(2 * 1.7**2))
    value = power_cumulants(RectifiedNormal(np.array(0.0), np.array(1.7)), 2.0, 3)
    assert value == pytest.approx(np.array([square.cumulant(r) for r in (1, 2, 3)]), rel=1e-12)


def test_fractional_moments_may_be_numeric():
    law = BinomialGamma(*(np.array(v) for v in (0.3, 1.0, 1.0, 4.0)))
    with pytest.raises(NotImplementedError, match="fractional moments have no closed form"):
        power_cumulants(law, 1.5)
    value = power_cumulants(law, 1.5, method="numeric")
    assert value[0] == pytest.approx(law.moment(1.5, method="numeric"))


def test_the_inner_mean_is_gamma():
    law = generalised_mean_generalised_gamma(3.0, 5.0, 7.5, 2.0)
    inner, z = average_gamma(3.0, 5.0, 7.5), np.linspace(0.1, 4, 9)
    assert law.cdf(z) == pytest.approx(inner.cdf(z**2), rel=1e-12)
    assert law.power == 2.0
    assert law.d == pytest.approx(2 * inner.shape)


@given(st.floats(1.0, 6.0), st.floats(0.05, 20.0), st.floats(0.05, 1.0))
def test_the_diagnostic_does_not_depend_on_the_scale(p, shape, active):
    small, large = (
        generalised_mean_trust(ZeroInflatedGamma(active, shape, scale), 49, p) for scale in (0.3, 40.0)
    )
    assert small.ratio == pytest.approx(large.ratio, rel=1e-6, abs=1e-6)
    assert small.shape == pytest.approx(large.shape, rel=1e-6)


def test_for_power_one_it_is_that_of_the_average():
    trust = generalised_mean_trust(ACTIVATION, np.array([[9], [49]]), 1.0)
    ratio = skewness_ratio(ACTIVATION)
    assert trust.ratio == pytest.approx(np.broadcast_to(ratio, (2, 2)), rel=1e-10)
    unit = ACTIVATION.std() / ACTIVATION.mean() / np.sqrt([[9], [49]]) / np.sqrt(2 * np.pi) / 3
    assert trust.generalised_gamma_error == pytest.approx(np.abs(1 - ratio) * unit)
    assert trust.gamma_error == pytest.approx(np.abs(1 - ratio) * unit)
    assert trust.normal_error == pytest.approx(np.abs(ratio) * unit)


def test_it_names_the_best_approximation():
    normals = RectifiedNormal(np.array([0.0, 1.0]), np.array(1.0))
    assert list(generalised_mean_trust(normals, 49, 2.0).best) == ["generalised_gamma", "normal"]
    assert generalised_mean_trust(Exponential(np.array(1.0)), 49, 2.0).best == "gamma"
    flat = ZeroInflatedGamma(np.array(0.7), np.array(8.0), np.array(1.0))
    assert generalised_mean_trust(flat, 49, 2.0).best == "normal"


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_the_delta_method_is_right_for_many_positions(p):
    kappa = power_cumulants(ACTIVATION, p, 3)
    # A generalised gamma law has a gamma inner mean exactly, with R = 1.
    third = 2 * kappa[1] ** 2 / kappa[0]
    law = generalised_mean_generalised_gamma(kappa[0], kappa[1], 1e5, p)
    value = delta_generalised_mean_cumulants([kappa[0], kappa[1], third], 1e5, p)
    expected = np.stack([law.cumulant(r) for r in (1, 2, 3)])
    assert value[0] == pytest.approx(expected[0], rel=1e-6)
    assert value[1] == pytest.approx(expected[1], rel=1e-2)
    # The third vanishes to leading order for p = 3: compare the ratios R, not the cumulants.
    assert gamma_ratio(*value) == pytest.approx(gamma_ratio(*expected), abs=0.01)
    assert gamma_ratio(*value) == pytest.approx(np.full(2, (3 - p) / 2), abs=0.01)


def test_the_delta_method_gives_as_many_cumulants_as_it_gets():
    kappa = power_cumulants(ACTIVATION, 2.0, 3)
    assert delta_generalised_mean_cumulants(kappa, 49, 2.0).shape == (3, 2)
    assert delta_generalised_mean_cumulants(kappa[:2], np.array([[9], [49], [99]]), 2.0).shape == (2, 3, 2)


def test_matched_laws_have_the_moments_they_promise():
    kappa = power_cumulants(ACTIVATION, 2.0)
    law = pooled_law(ACTIVATION, 49, "gem", method="delta", p=2.0)
    assert isinstance(law, Gamma)
    assert np.stack([law.mean(), law.var()]) == pytest.approx(
        delta_generalised_mean_cumulants(kappa, 49, 2.0)
    )


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"power p = 0\.5: expected a finite number >= 1"):
        power_cumulants(ACTIVATION, 0.5)
    with pytest.raises(
        ValueError, match=r"p: got 100\.0, expected a power whose moment E A\^\(2p\) is finite"
    ):
        power_cumulants(ACTIVATION, 100.0)
    with pytest.raises(ValueError, match="order: got 0, expected a whole number of at least 1"):
        power_cumulants(ACTIVATION, 2.0, 0)
    with pytest.raises(ValueError, match=r"cumulants: got shape \(1,\), expected two or three orders"):
        delta_generalised_mean_cumulants([1.0], 49, 2.0)
    with pytest.raises(ValueError, match=r"positions: got 0\.02, expected an inner shape .* above 0\.125"):
        delta_generalised_mean_cumulants([1.0, 50.0], 1, 2.0)
