"""The door from activation law and aggregation to the law of the pooled feature."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from aggdist.aggregation import MaximumLaw, pooled_law
from aggdist.distributions import BinomialGamma, Gamma, Normal, RectifiedNormal, ZeroInflatedGamma

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
    with pytest.raises(NotImplementedError, match="got aggregation 'gem' with method='exact'"):
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
