"""Exact means and variances of generalised means and log-sum-exps."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.aggregation import (
    MaximumLaw,
    generalised_mean_cumulants,
    log_sum_exp_cumulants,
    pool,
    pooled_law,
)
from aggdist.distributions import (
    Affine,
    Exponential,
    GeneralisedGamma,
    Mixture,
    Normal,
    RectifiedNormal,
    ZeroInflatedGamma,
)

LAWS = {
    "zero-inflated": ZeroInflatedGamma(np.array([0.05, 0.9]), np.array([0.3, 3.0]), np.array(2.0)),
    "rectified": RectifiedNormal(np.array([-1.0, 1.0]), np.array(1.0)),
    "maximum": MaximumLaw(Exponential(np.array([1.0, 0.2])), np.array(4)),
}
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())


@every_law
@pytest.mark.parametrize("p", [1.0, 1.4, 3.0, 8.0])
def test_one_position_of_a_generalised_mean_is_the_activation(law, p):
    assert generalised_mean_cumulants(law, 1, p) == pytest.approx(np.stack([law.mean(), law.var()]), rel=1e-6)


@every_law
@pytest.mark.parametrize("r", [0.1, 1.0, 4.0])
def test_one_position_of_a_log_sum_exp_is_the_activation(law, r):
    assert log_sum_exp_cumulants(law, 1, r) == pytest.approx(np.stack([law.mean(), law.var()]), rel=3e-6)


@every_law
def test_pooled_maps(law):
    rng = np.random.default_rng(3)
    maps = np.moveaxis(law.sample(rng, (20_000, 9)), 1, 2)
    for name, value, parameter in (
        ("gem", generalised_mean_cumulants(law, 9, 3.0), {"p": 3.0}),
        ("lse", log_sum_exp_cumulants(law, 9, 2.0), {"r": 2.0}),
    ):
        Z = pool(maps, name, **parameter)
        assert np.all(np.abs(Z.mean(axis=0) - value[0]) < 4.5 * Z.std(axis=0) / np.sqrt(len(Z)))
        assert Z.var(axis=0) == pytest.approx(value[1], rel=0.08)


@pytest.mark.parametrize("p", [1.5, 3.0, 6.0])
def test_weibull_maps_have_an_exact_law(p):
    weibull = GeneralisedGamma(np.array([0.5, 2.0]), np.array(p), np.array(p))
    n = np.array([[1], [16], [400]])
    exact = pooled_law(weibull, n, "gem", p=p)
    value = generalised_mean_cumulants(weibull, n, p)
    assert value[0] == pytest.approx(exact.mean(), rel=1e-8)
    assert value[1] == pytest.approx(exact.var(), rel=1e-5)


def test_an_atom_away_from_zero_counts():
    """A clipped activation: 2 - max(U, 0) has its atom at 2."""
    inner = Mixture(RectifiedNormal(np.array([-1.0]), np.array([0.1])), np.array([1.0]))
    clipped = Affine(inner, np.array(2.0), np.array(-1.0))
    with pytest.raises(ValueError, match="activation: got a support from -inf, expected activations >= 0"):
        generalised_mean_cumulants(clipped, 4, 3.0)
    ceiling = MaximumLaw(ZeroInflatedGamma(np.array(0.5), np.array(1.0), np.array(1.0)), np.array(1))
    assert generalised_mean_cumulants(ceiling, 4, 3.0)[0] == pytest.approx(
        generalised_mean_cumulants(ceiling.activation, 4, 3.0)[0]
    )


def test_shapes():
    law = LAWS["zero-inflated"]
    for function in (generalised_mean_cumulants, log_sum_exp_cumulants):
        assert function(law, 9, 2.0).shape == (2, 2)
        assert function(law, np.array([[4], [9], [16]]), 2.0).shape == (2, 3, 2)
        assert function(law[0], 9, 2.0) == pytest.approx(function(law, 9, 2.0)[:, 0], rel=1e-5)
    assert generalised_mean_cumulants(law, np.array([[4], [9]]), 1.0).shape == (2, 2, 2)


def test_log_sum_exp_has_moments_where_the_delta_method_has_none():
    law = Exponential(np.array(1.0))
    mean, var = log_sum_exp_cumulants(law, 9, 3.0)
    largest = MaximumLaw(law, np.array(9)).mean()
    assert largest - np.log(9) / 3 <= mean <= largest
    assert 0 < var < 2


def test_bad_arguments():
    law = LAWS["zero-inflated"]
    for function in (generalised_mean_cumulants, log_sum_exp_cumulants):
        with pytest.raises(ValueError, match=r"positions: got 2\.5, expected a whole number"):
            function(law, 2.5, 2.0)
        with pytest.raises(ValueError, match="activation: got a support from -inf"):
            function(Normal(np.array(0.0), np.array(1.0)), 4, 2.0)
        with pytest.raises(TypeError, match="activation: got float, expected a Distribution"):
            function(1.0, 4, 2.0)
    silent = ZeroInflatedGamma(np.array(0.0), np.array(1.0), np.array(1.0))
    with pytest.raises(ValueError, match=r"E A\^p: got 0\.0, expected a positive finite number"):
        generalised_mean_cumulants(silent, 4, 2.0)
    with pytest.raises(ValueError, match=r"power p = 0\.9"):
        generalised_mean_cumulants(law, 4, 0.9)
    with pytest.raises(ValueError, match=r"sharpness r = -1\.0"):
        log_sum_exp_cumulants(law, 4, -1.0)
