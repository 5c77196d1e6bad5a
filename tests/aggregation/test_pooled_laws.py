"""The door from activation law and aggregation to the law of the pooled feature."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from aggdist.aggregation import (
    MaximumLaw,
    generalised_mean_cumulants,
    log_sum_exp_cumulants,
    pooled_law,
)
from aggdist.distributions import (
    BinomialGamma,
    Gamma,
    GeneralisedExtremeValue,
    GeneralisedGamma,
    Gumbel,
    Normal,
    RectifiedNormal,
    ZeroInflatedGamma,
)

ACTIVATION = ZeroInflatedGamma(np.array([0.1, 0.8]), np.array(1.0), np.array(2.0))
RECTIFIED = RectifiedNormal(np.array(0.0), np.array(1.0))


@pytest.mark.parametrize(
    ("name", "method", "family"),
    [
        ("avg", "exact", BinomialGamma),
        ("avg", "gamma", Gamma),
        ("avg", "normal", Normal),
        ("max", "exact", MaximumLaw),
    ],
)
def test_every_route_gives_its_family(name, method, family):
    law = pooled_law(ACTIVATION, np.array([[1], [9]]), name, method=method)
    assert type(law) is family
    assert law.batch_shape == (2, 2)


@pytest.mark.parametrize(
    ("method", "family"), [("gumbel", Gumbel), ("extreme_value", GeneralisedExtremeValue)]
)
def test_limits_of_the_maximum_need_more_than_a_few_positions(method, family):
    law = pooled_law(ACTIVATION, np.array([[11], [49]]), "max", method=method)
    assert type(law) is family
    assert law.location == pytest.approx(2 * np.log([[1.1, 8.8], [4.9, 39.2]]))
    with pytest.raises(ValueError, match="expected one whose 1/N tail quantile is no atom"):
        pooled_law(ACTIVATION, 9, "max", method=method)


@pytest.mark.parametrize("name", ["gem", "lp"])
@pytest.mark.parametrize(
    ("method", "family"), [("generalised_gamma", GeneralisedGamma), ("gamma", Gamma), ("delta", Gamma)]
)
def test_routes_that_read_a_power(name, method, family):
    law = pooled_law(ACTIVATION, np.array([[16], [49]]), name, method=method, p=2.0)
    assert type(law) is family
    assert law.batch_shape == (2, 2)
    factor = np.sqrt([[16], [49]]) if name == "lp" else 1.0
    mean, var = generalised_mean_cumulants(ACTIVATION, np.array([[16], [49]]), 2.0)
    assert law.mean() == pytest.approx(factor * mean, rel=0.25 if method == "delta" else 0.1)
    if method == "gamma":
        assert law.var() == pytest.approx(factor**2 * var, rel=1e-9)


@pytest.mark.parametrize("method", ["gamma", "delta"])
def test_routes_that_read_a_sharpness(method):
    law = pooled_law(ACTIVATION, 400, "lse", method=method, r=0.1)
    mean, var = log_sum_exp_cumulants(ACTIVATION, 400, 0.1)
    assert type(law) is Gamma
    assert law.mean() == pytest.approx(mean, rel=1e-3)
    assert law.var() == pytest.approx(var, rel=0.05)


def test_exact_laws_of_generalised_means():
    assert type(pooled_law(ACTIVATION, 9, "gem", p=1.0)) is BinomialGamma
    total = pooled_law(ACTIVATION, 9, "lp", p=1.0)
    assert total.mean() == pytest.approx(9 * ACTIVATION.mean())
    weibull = GeneralisedGamma(np.array([1.0, 2.0]), np.array(2.0), np.array(2.0))
    mean, norm = (pooled_law(weibull, 9, name, p=2.0) for name in ("gem", "lp"))
    assert norm.quantile(0.7) == pytest.approx(3 * mean.quantile(0.7))
    assert mean.moment(2) == pytest.approx(weibull.moment(2))


@pytest.mark.parametrize("method", ["exact", "gamma", "normal"])
def test_every_law_of_the_average_has_its_mean_and_variance(method):
    law = pooled_law(ACTIVATION, 9, method=method)
    assert law.mean() == pytest.approx(ACTIVATION.mean(), rel=1e-12)
    assert law.var() == pytest.approx(ACTIVATION.var() / 9, rel=1e-12)


def test_matched_laws_exist_for_every_activation():
    law = pooled_law(RECTIFIED, 49, method="gamma")
    assert law.mean() == pytest.approx(1 / np.sqrt(2 * np.pi))
    assert law.var() == pytest.approx((0.5 - 1 / (2 * np.pi)) / 49)


def test_there_is_no_fallback():
    with pytest.raises(NotImplementedError, match="got RectifiedNormal, whose averages have no closed form"):
        pooled_law(RECTIFIED, 49)
    with pytest.raises(
        NotImplementedError, match="aggregation 'max' with method='gamma', expected one of 'avg' with"
    ):
        pooled_law(ACTIVATION, 4, "max", method="gamma")
    with pytest.raises(
        NotImplementedError, match="got aggregation 'gem' with method='normal', expected one of"
    ):
        pooled_law(ACTIVATION, 4, "gem", method="normal")
    with pytest.raises(NotImplementedError, match="got ZeroInflatedGamma with p = 3, expected p = 1 or a"):
        pooled_law(ACTIVATION, 4, "gem")


def test_bad_arguments():
    with pytest.raises(ValueError, match="unknown aggregation 'mean'"):
        pooled_law(ACTIVATION, 4, "mean")
    with pytest.raises(TypeError, match="activation: got list, expected a Distribution"):
        pooled_law([1.0], 4)
    for method in ("exact", "gamma", "normal"):
        with pytest.raises(ValueError, match=r"positions: got 8\.5, expected a whole number"):
            pooled_law(ACTIVATION, 8.5, method=method)


def test_the_laws_do_not_import_torch():
    code = "import sys, aggdist.aggregation as a; a.pooled_law; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
