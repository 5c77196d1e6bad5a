"""All checks of chapter T5, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aggdist.distributions import BinomialGamma, CompoundPoissonGamma, Gamma, Normal, ZeroInflatedGamma
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t05_distances as distances
from aggdist.equations import t05_sparse_limit as t05

TAGS = [f"T5.{k}" for k in range(1, 12)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "05_sparse_limit"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def scaled(function, by):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: by * function(*args, **kwargs)


@pytest.mark.parametrize(
    ("tag", "method", "by"),
    [
        ("T5.1", "_cf", 1.001),
        ("T5.1", "_cumulant", 1.001),
        ("T5.2", "_logpdf", 1.001),
        ("T5.4", "_cf", 1.001),
        ("T5.7", "_cumulant", 1.001),
        ("T5.8", "_cdf", 0.9),
        ("T5.10", "_cdf", 0.95),
    ],
)
def test_a_wrong_law_is_caught(monkeypatch, tag, method, by):
    monkeypatch.setattr(CompoundPoissonGamma, method, scaled(getattr(CompoundPoissonGamma, method), by))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


@pytest.mark.parametrize(
    ("tag", "function", "by"),
    [
        ("T5.2", "series_terms", 1.001),
        ("T5.5", "chen_bound", 0.99),
        ("T5.5", "chen_bound", 1.01),
        ("T5.5", "pooled_distance", 1.3),
        ("T5.6", "second_difference", 1.01),
        ("T5.8", "smeared_distance", 1.01),
    ],
)
def test_a_wrong_distance_is_caught(monkeypatch, tag, function, by):
    monkeypatch.setattr(t05, function, scaled(getattr(t05, function), by))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_an_atom_of_another_size_is_caught(monkeypatch):
    right = CompoundPoissonGamma.atoms
    monkeypatch.setattr(
        CompoundPoissonGamma, "atoms", lambda law: tuple(a._replace(mass=0.99 * a.mass) for a in right(law))
    )
    with pytest.raises(EquationError, match=r"T5\.2"):
        check("T5.2")


def test_terms_that_do_not_fall_like_a_geometric_series_are_caught(monkeypatch):
    right = t05.series_terms
    monkeypatch.setattr(t05, "series_terms", lambda law, x: np.sqrt(right(law, x)))
    with pytest.raises(EquationError, match=r"T5\.3"):
        check("T5.3")


def test_a_wrong_exact_law_is_caught(monkeypatch):
    right = BinomialGamma._cf
    monkeypatch.setattr(BinomialGamma, "_cf", lambda law, t: right(law, 1.3 * t))
    with pytest.raises(EquationError, match=r"T5\.4"):
        check("T5.4")


def test_a_wrong_tweedie_power_is_caught(monkeypatch):
    monkeypatch.setattr(t05, "skewness_ratio", lambda law: law.power / 2 + 1e-3)
    with pytest.raises(EquationError, match=r"T5\.7"):
        check("T5.7")


def test_a_divergence_without_the_atoms_is_caught(monkeypatch):
    right = t05.kl_divergence
    monkeypatch.setattr(
        t05,
        "kl_divergence",
        lambda p, q: (
            right(p.positive_part, q.positive_part) if isinstance(p, ZeroInflatedGamma) else right(p, q)
        ),
    )
    with pytest.raises(EquationError, match=r"T5\.9"):
        check("T5.9")


@pytest.mark.parametrize("law", [Gamma, ZeroInflatedGamma])
def test_a_worse_fit_is_caught(monkeypatch, law):
    right = law._cdf
    monkeypatch.setattr(law, "_cdf", lambda self, x: right(self, 1.02 * x))
    with pytest.raises(EquationError, match=r"T5\.10"):
        check("T5.10")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wrong_gain_formula_is_caught(monkeypatch, place):
    right = t05.gain_field

    def wrong(*args):
        values = list(right(*args))
        values[place] *= 1.2
        return tuple(values)

    monkeypatch.setattr(t05, "gain_field", wrong)
    with pytest.raises(EquationError, match=r"T5\.11"):
        check("T5.11")


@given(st.integers(1, 60), st.floats(1e-4, 1.0))
def test_the_distance_of_counts_obeys_every_bound(positions, active):
    distance = distances.count_distance(positions, active)
    assert distance <= distances.chen_bound(positions, active) + 1e-12
    assert distance <= positions * active * -np.expm1(-active) + 1e-12  # from the coupling
    assert distance >= np.exp(-positions * active) - (1 - active) ** positions - 1e-12  # from the atoms


def test_pooled_distance_is_that_of_the_library_laws():
    n, q, a = 9, 0.2, 1.4
    x = np.linspace(0, 60, 12_001)[1:]
    exact, limit = BinomialGamma(q, a, float(n), n), CompoundPoissonGamma(n * q, a, 1.0)
    between = np.trapezoid(np.abs(exact.pdf(x) - limit.pdf(x)), x)
    atoms = abs(float(exact.atoms()[0].mass - limit.atoms()[0].mass))
    assert distances.pooled_distance(n, q, a) == pytest.approx((between + atoms) / 2, abs=1e-4)


def test_pooled_distance_approaches_that_of_the_counts_when_the_sum_tells_the_count():
    counts = float(distances.count_distance(20, 0.1))
    assert distances.pooled_distance(20, 0.1, 1.0) < 0.9 * counts
    assert distances.pooled_distance(20, 0.1, 400.0) == pytest.approx(counts, rel=0.01)


def test_the_likelihood_fit_is_what_large_samples_give():
    law = CompoundPoissonGamma([0.5, 3.0], [2.0, 0.7], [1.0, 0.4])
    sample = law.sample(np.random.default_rng(7), 200_000)
    found, expected = ZeroInflatedGamma.fit_mle(sample), distances.likelihood_fit(law)
    np.testing.assert_allclose(found.active, expected.active, atol=0.005)
    np.testing.assert_allclose(found.shape, expected.shape, rtol=0.03)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=0.03)


def test_sup_distances_look_below_zero_too():
    law = CompoundPoissonGamma(3.0, 1.0, 1.0)
    low, right = distances.sup_distances(law, Normal(-5.0, 0.1), Gamma(1e-3, 1.0))
    assert low == pytest.approx(1.0)
    assert right == pytest.approx(np.max(stats.gamma.cdf(1e-6, 1e-3) - law.cdf(1e-6)), abs=0.02)
