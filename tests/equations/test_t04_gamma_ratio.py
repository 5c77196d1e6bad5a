"""All checks of chapter T4, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.distributions import BinomialGamma, Exponential, Gamma, Normal, ShiftedGamma
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t04_gamma_ratio as t04

TAGS = [f"T4.{k}" for k in range(1, 13)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "04_gamma_ratio"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def shifted(function, by):
    """The same function, its result off by an amount."""
    return lambda *args, **kwargs: function(*args, **kwargs) + by


@pytest.mark.parametrize(
    ("tag", "function"),
    [
        ("T4.1", "gamma_ratio"),
        ("T4.1", "skewness_ratio"),
        ("T4.2", "skewness_ratio"),
        ("T4.3", "zero_inflated_gamma_ratio"),
        ("T4.4", "zero_inflated_gamma_ratio"),
        ("T4.5", "rectified_normal_ratio"),
        ("T4.6", "skewness_ratio"),
        ("T4.7", "skewness_ratio"),
        ("T4.8", "skewness_ratio"),
        ("T4.12", "skewness_ratio"),
    ],
)
def test_a_wrong_ratio_is_caught(monkeypatch, tag, function):
    monkeypatch.setattr(t04, function, shifted(getattr(t04, function), 0.05))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_a_ratio_that_depends_on_the_positions_is_caught(monkeypatch):
    monkeypatch.setattr(BinomialGamma, "_cumulant", lambda law, r: law.active / law.positions**r)
    with pytest.raises(EquationError, match=r"T4\.2"):
        check("T4.2")


@pytest.mark.parametrize(("tag", "law"), [("T4.6", Normal), ("T4.7", Gamma), ("T4.9", ShiftedGamma)])
def test_a_wrong_approximation_is_caught(monkeypatch, tag, law):
    right = law._cdf
    monkeypatch.setattr(law, "_cdf", lambda self, x: right(self, x) + 0.002)
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_an_atom_that_is_too_large_is_caught(monkeypatch):
    right = BinomialGamma._cdf
    monkeypatch.setattr(BinomialGamma, "_cdf", lambda self, x: 0.9 * right(self, x))
    with pytest.raises(EquationError, match=r"T4\.10"):
        check("T4.10")


def test_a_missing_continuity_correction_is_caught(monkeypatch):
    right = t04.lattice_errors
    monkeypatch.setattr(t04, "lattice_errors", lambda *args: (right(*args)[0],) * 2)
    with pytest.raises(EquationError, match=r"T4\.11"):
        check("T4.11")


def test_a_wrong_end_point_is_caught(monkeypatch):
    right = ShiftedGamma.support
    monkeypatch.setattr(ShiftedGamma, "support", lambda law: tuple(end - 0.01 for end in right(law)))
    with pytest.raises(EquationError, match=r"T4\.12"):
        check("T4.12")


def test_inversion_gives_the_exact_law_of_an_average():
    z = np.linspace(-4, 5, 19)
    average = Exponential(np.array(2.0))
    expected = stats.gamma.cdf(2 + z * 2 / 20, 400, scale=2 / 400)
    np.testing.assert_allclose(t04.pooled_cdf(average, 400, z), expected, atol=1e-13)


def test_convolution_gives_the_binomial_law():
    masses = t04.convolved_masses(np.array([0.7, 0.3]), 30)
    np.testing.assert_allclose(masses, stats.binom.pmf(np.arange(31), 30, 0.3), atol=1e-14)


def test_quantised_masses_are_those_of_the_law_between_midpoints():
    mass = t04.quantised_masses(Exponential(np.array(1.0)), 0.5, 8)
    assert mass.sum() == pytest.approx(1)
    assert mass[1] == pytest.approx(np.exp(-0.25) - np.exp(-0.75))
