"""All checks of chapter T8, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from aggdist.aggregation import GeneralisedMeanTrust, MaximumLaw
from aggdist.distributions import GeneralisedGamma
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t08_generalised_mean_pooling as t08

TAGS = [f"T8.{k}" for k in range(1, 13)]


def test_the_chapter_has_these_checks():
    assert [
        tag for tag, known in equations().items() if known.chapter == "08_generalised_mean_pooling"
    ] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


@pytest.mark.parametrize(
    ("tag", "function", "factor"),
    [
        ("T8.1", "pool", 1.001),
        ("T8.2", "pool", 1.001),
        ("T8.3", "pool", 1.001),
        ("T8.5", "pooled_law", None),
        ("T8.6", "sparse_ratio", 1.001),
        ("T8.7", "delta_generalised_mean_cumulants", 1.0001),
        ("T8.8", "delta_generalised_mean_cumulants", 1.001),
        ("T8.9", "generalised_mean_cumulants", 1.001),
        ("T8.10", "exponential_cumulants", 1.001),
        ("T8.10", "delta_log_sum_exp_cumulants", 1.001),
        ("T8.11", "log_sum_exp_cumulants", 1.001),
        ("T8.12", "generalised_mean_cumulants", 1.2),
    ],
)
def test_a_wrong_function_is_caught(monkeypatch, tag, function, factor):
    right = getattr(t08, function)

    def wrong(*args, **kwargs):
        if factor is None:  # the law of half as many positions
            return right(args[0], args[1] // 2, *args[2:], **kwargs)
        return right(*args, **kwargs) * factor

    monkeypatch.setattr(t08, function, wrong)
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_a_wrong_ratio_of_powers_is_caught(monkeypatch):
    right = t08.generalised_mean_trust
    monkeypatch.setattr(
        t08,
        "generalised_mean_trust",
        lambda *args: dataclasses.replace(right(*args), ratio=right(*args).ratio + 0.01),
    )
    for tag in ("T8.4", "T8.7"):
        with pytest.raises(EquationError, match=f"{tag} does not hold"):
            check(tag)


@pytest.mark.parametrize("error", ["generalised_gamma_error", "gamma_error", "normal_error"])
def test_a_wrong_leading_error_is_caught(monkeypatch, error):
    right = getattr(GeneralisedMeanTrust, error).fget
    monkeypatch.setattr(GeneralisedMeanTrust, error, property(lambda trust: right(trust) * 1.05))
    with pytest.raises(EquationError, match=r"T8\.7"):
        check("T8.7")


def test_a_wrong_scale_of_stacys_law_is_caught(monkeypatch):
    right = GeneralisedGamma.from_gamma_power.__func__
    monkeypatch.setattr(
        GeneralisedGamma, "from_gamma_power", classmethod(lambda cls, k, s, p: right(cls, k, s * 1.001, p))
    )
    with pytest.raises(EquationError, match=r"T8\.5"):
        check("T8.5")


def test_a_maximum_that_is_too_small_is_caught(monkeypatch):
    monkeypatch.setattr(t08, "MaximumLaw", lambda law, n: MaximumLaw(law, n - 4))
    with pytest.raises(EquationError, match=r"T8\.12"):
        check("T8.12")


def test_inversion_gives_the_exact_law_of_an_average():
    exponential = GeneralisedGamma(np.array(1.0), np.array(1.0), np.array(1.0))
    x = np.linspace(-4, 5, 19)
    value = t08.inner_cdf(1.0, exponential, np.array([1.0, 1.0]), 400, x)
    assert value == pytest.approx(stats.gamma.cdf(1 + x / 20, 400, scale=1 / 400), abs=1e-12)
