"""All checks of chapter T1, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from aggdist.distributions import RectifiedNormal
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t01_rectified_gaussian as t01

TAGS = [f"T1.{k}" for k in range(1, 13)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "01_rectified_gaussian"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


@pytest.mark.parametrize(
    ("tag", "method", "factor"),
    [
        ("T1.1", "_cdf", 0.999),
        ("T1.1", "_sf", 1.001),
        ("T1.4", "_cumulant", 1.0001),
        ("T1.6", "_cf", 1.0001),
        ("T1.7", "_cf", 1.0001),
        ("T1.8", "_sf", 1.001),
        ("T1.9", "_cdf", 1.001),
        ("T1.12", "_sf", 1.001),
    ],
)
def test_a_wrong_law_is_caught(monkeypatch, tag, method, factor):
    right = getattr(RectifiedNormal, method)
    monkeypatch.setattr(RectifiedNormal, method, lambda law, x: factor * right(law, x))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


@pytest.mark.parametrize("tag", ["T1.2", "T1.3", "T1.11", "T1.12"])
def test_a_wrong_partial_moment_is_caught(monkeypatch, tag):
    right = t01.partial_moments
    monkeypatch.setattr(t01, "partial_moments", lambda d, r: [1.001 * m for m in right(d, r)])
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_the_recursion_that_cancels_is_caught(monkeypatch):
    def forward(d, order):
        values = [stats.norm.cdf(d), d * stats.norm.cdf(d) + stats.norm.pdf(d)]
        for r in range(2, order + 1):
            values.append(d * values[r - 1] + (r - 1) * values[r - 2])
        return values

    monkeypatch.setattr(t01, "partial_moments", forward)
    assert check("T1.2").evidence.holds  # d > -1: nothing cancels there
    with pytest.raises(EquationError, match=r"T1\.3"):
        check("T1.3")


def test_a_wrong_ratio_is_caught(monkeypatch):
    right = t01.moment_ratios
    monkeypatch.setattr(t01, "moment_ratios", lambda far, order: [r * (1 + 1e-9) for r in right(far, order)])
    with pytest.raises(EquationError, match=r"T1\.3"):
        check("T1.3")


def test_a_wrong_closed_cumulant_is_caught(monkeypatch):
    right = t01.cumulants_from_halves
    for wrong in range(3):
        monkeypatch.setattr(
            t01,
            "cumulants_from_halves",
            lambda d, k=wrong: [value + (1e-6 if i == k else 0) for i, value in enumerate(right(d))],
        )
        with pytest.raises(EquationError, match=r"T1\.4"):
            check("T1.4")


@pytest.mark.parametrize("shift", [(0, 0, -0.01), (0, 0.05, 0)])
def test_cumulants_out_of_order_are_caught(monkeypatch, shift):
    right = t01.cumulants_from_halves
    monkeypatch.setattr(
        t01, "cumulants_from_halves", lambda d: [v + s for v, s in zip(right(d), shift, strict=True)]
    )
    with pytest.raises(EquationError, match=r"T1\.5"):
        check("T1.5")


def test_an_atom_of_the_wrong_size_is_caught(monkeypatch):
    right = RectifiedNormal.atoms
    monkeypatch.setattr(
        RectifiedNormal, "atoms", lambda law: [a._replace(mass=0.99 * a.mass) for a in right(law)]
    )
    for tag in ("T1.1", "T1.9"):
        with pytest.raises(EquationError, match=f"{tag} does not hold"):
            check(tag)


def test_a_fit_beside_the_maximum_is_caught(monkeypatch):
    right = RectifiedNormal.fit_sufficient
    monkeypatch.setattr(
        RectifiedNormal,
        "fit_sufficient",
        lambda *sums: RectifiedNormal(right(*sums).location, 1.001 * right(*sums).scale),
    )
    with pytest.raises(EquationError, match=r"T1\.10"):
        check("T1.10")


def test_a_likelihood_that_is_not_concave_is_caught(monkeypatch):
    right = t01.log_likelihood
    monkeypatch.setattr(t01, "log_likelihood", lambda d, k, x: right(d, k, x) + 0.3 * np.sin(9 * d))
    with pytest.raises(EquationError, match=r"T1\.10"):
        check("T1.10")


def test_a_wrong_information_is_caught(monkeypatch):
    right = t01.inverse_information
    monkeypatch.setattr(t01, "inverse_information", lambda d: 1.001 * right(d))
    with pytest.raises(EquationError, match=r"T1\.11"):
        check("T1.11")


def test_a_wrong_clipped_moment_is_caught(monkeypatch):
    right = t01.clipped_moment
    monkeypatch.setattr(t01, "clipped_moment", lambda d, b, r: right(d, b, r) + 1e-6)
    with pytest.raises(EquationError, match=r"T1\.12"):
        check("T1.12")


@pytest.mark.parametrize("d", [-8.0, -0.3, 2.5])
def test_the_quadratures_are_those_of_scipy(d):
    for r, value in enumerate(t01.moments_by_quadrature(np.array([d]), 3)):
        expected, _ = integrate.quad(lambda u, r=r: u**r * stats.norm.pdf(u - d), 0, max(d, 0) + 12, epsabs=0)
        assert value[0] == pytest.approx(expected, rel=1e-10)
    wave = t01.cf_by_quadrature(np.array([d]), np.array([[1.3]]))[0, 0]
    real, _ = integrate.quad(lambda u: np.cos(1.3 * u) * stats.norm.pdf(u - d), 0, max(d, 0) + 12)
    assert wave.real == pytest.approx(real + stats.norm.cdf(-d), abs=1e-9)
