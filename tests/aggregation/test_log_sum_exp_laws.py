"""Exponential moments, their conditions, and the delta method of log-sum-exp pooling."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.aggregation import delta_log_sum_exp_cumulants, exponential_cumulants, log_sum_exp_cumulants
from aggdist.distributions import (
    BinomialGamma,
    Exponential,
    Gamma,
    RectifiedNormal,
    ZeroInflatedGamma,
)

LAWS = {
    "gamma": Gamma(np.array([0.4, 3.0]), np.array(0.5)),
    "exponential": Exponential(np.array([0.2, 0.5])),
    "zero-inflated": ZeroInflatedGamma(np.array([0.1, 0.8]), np.array(1.5), np.array(0.5)),
    "rectified": RectifiedNormal(np.array([-4.0, 0.5]), np.array(1.0)),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
def test_cumulants_by_quadrature(law):
    x, weight = np.polynomial.legendre.leggauss(300)
    a = 60 * ((x + 1) / 2) ** 10  # crowded at 0, where the gamma density of shape 0.4 has its pole
    measure = (weight * 300 * ((x + 1) / 2) ** 9)[:, None] * law.pdf(a[:, None])
    atom = law.cdf(0.0)
    raw = [atom + np.sum(measure * np.exp(j * 0.4 * a)[:, None], axis=0) for j in (1, 2)]
    value = exponential_cumulants(law, 0.4)
    assert value[0] == pytest.approx(raw[0], rel=1e-8)
    assert value[1] == pytest.approx(raw[1] - raw[0] ** 2, rel=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_condition_is_that_of_the_highest_order(order):
    law = Exponential(np.array([0.1, 2.0]))
    assert exponential_cumulants(law, 0.49 / order, order).shape == (order, 2)
    with pytest.raises(ValueError, match=rf"r: got .*, expected r \* scale < 1/{order}: under a gamma tail"):
        exponential_cumulants(law, 0.5 / order * 1.0000001, order)


def test_a_normal_tail_has_all_exponential_moments():
    assert np.all(np.isfinite(exponential_cumulants(LAWS["rectified"], 5.0, 3)))


def test_the_delta_method_is_right_for_many_positions():
    for law in LAWS.values():
        exact = log_sum_exp_cumulants(law, 20_000, 0.2)
        delta = delta_log_sum_exp_cumulants(exponential_cumulants(law, 0.2), 20_000, 0.2)
        assert delta[0] == pytest.approx(exact[0], rel=1e-6)
        assert delta[1] == pytest.approx(exact[1], rel=1e-2)


def test_third_cumulant_of_a_logarithm_of_a_gamma_variable():
    """log Gamma(k) has the third cumulant psi''(k), near -1/k^2: here R = 1 and r = 1."""
    k = 1e4
    value = delta_log_sum_exp_cumulants([2.0, 4 / k, 2 * (4 / k) ** 2 / 2.0], 1, 1.0)
    assert value[1] == pytest.approx(1 / k)
    assert value[2] == pytest.approx(-1 / k**2)


def test_bad_arguments():
    with pytest.raises(NotImplementedError, match="got BinomialGamma, expected one of Gamma, Exponential"):
        exponential_cumulants(BinomialGamma(*(np.array(v) for v in (0.3, 1.0, 1.0, 4.0))), 0.1)
    with pytest.raises(ValueError, match=r"sharpness r = 0\.0: expected a finite number > 0"):
        exponential_cumulants(LAWS["gamma"], 0.0)
    with pytest.raises(ValueError, match=r"expected an inner shape .* large enough for a positive mean"):
        delta_log_sum_exp_cumulants([1.1, 5.0], 1, 1.0)
    with pytest.raises(ValueError, match=r"cumulants: got shape \(1,\), expected two or three orders"):
        delta_log_sum_exp_cumulants([1.1], 1, 1.0)
