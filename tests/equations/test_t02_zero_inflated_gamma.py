"""All checks of chapter T2, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.distributions import Exponential, ZeroInflatedGamma
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t02_zero_inflated_gamma as t02

TAGS = [f"T2.{k}" for k in range(1, 10)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "02_zero_inflated_gamma"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def scaled(function, factor):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: function(*args, **kwargs) * factor


@pytest.mark.parametrize(
    ("tag", "method"),
    [
        ("T2.1", "_moment"),
        ("T2.2", "_cumulant"),
        ("T2.3", "_cumulant"),
        ("T2.4", "_cf"),
        ("T2.8", "_cumulant"),
        ("T2.9", "_moment"),
    ],
)
def test_a_wrong_law_is_caught(monkeypatch, tag, method):
    monkeypatch.setattr(ZeroInflatedGamma, method, scaled(getattr(ZeroInflatedGamma, method), 1 + 1e-4))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_a_wrong_sign_in_the_recursion_is_caught(monkeypatch):
    right = t02.cumulant_polynomials
    monkeypatch.setattr(t02, "cumulant_polynomials", lambda a, r: [p(1 - p.identity()) for p in right(a, r)])
    with pytest.raises(EquationError, match=r"T2\.2"):
        check("T2.2")


def test_a_wrong_entropy_is_caught(monkeypatch):
    monkeypatch.setattr(Exponential, "_entropy", lambda law: np.log(law.scale))
    with pytest.raises(EquationError, match=r"T2\.5"):
        check("T2.5")


def test_a_wrong_digamma_is_caught(monkeypatch):
    right = t02.special.digamma
    monkeypatch.setattr(t02.special, "digamma", lambda a: right(a) - 1 / (2 * a))
    with pytest.raises(EquationError, match=r"T2\.6"):
        check("T2.6")


def test_moment_estimates_are_not_the_maximum_of_the_likelihood(monkeypatch):
    def by_moments(x):
        return ZeroInflatedGamma.fit_moments(np.mean(x > 0), x.mean(), x.var())

    monkeypatch.setattr(ZeroInflatedGamma, "fit_mle", staticmethod(by_moments))
    with pytest.raises(EquationError, match=r"T2\.7"):
        check("T2.7")


def test_a_match_without_the_atom_is_caught(monkeypatch):
    right = t02.match_three_cumulants

    def plain(mean, var, third):
        law = right(mean, var, third)
        return ZeroInflatedGamma(np.ones_like(law.active), law.shape, law.scale)

    monkeypatch.setattr(t02, "match_three_cumulants", plain)
    with pytest.raises(EquationError, match=r"T2\.8"):
        check("T2.8")


def test_a_law_more_skewed_than_the_gamma_has_no_match():
    with pytest.raises(ValueError, match="active"):
        t02.match_three_cumulants(np.array(1.0), np.array(1.0), np.array(3.0))
