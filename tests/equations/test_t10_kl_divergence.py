"""All checks of chapter T10, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.equations import t10_kl_divergence as t10

TAGS = [f"T10.{k}" for k in range(1, 15)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "10_kl_divergence"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def expect_failure(tag):
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def scaled(monkeypatch, name, factor):
    """Make a function of the library a little wrong in the module of the checks."""
    right = getattr(t10, name)
    monkeypatch.setattr(t10, name, lambda *args, **options: factor * right(*args, **options))


@pytest.mark.parametrize("tag", ["T10.1", "T10.2", "T10.3", "T10.4", "T10.5", "T10.6"])
def test_a_closed_form_that_is_off_is_caught(monkeypatch, tag):
    scaled(monkeypatch, "kl_divergence", 1 + 1e-6)
    expect_failure(tag)


@pytest.mark.parametrize("tag", ["T10.3", "T10.6"])
def test_a_quadrature_that_is_off_is_caught(monkeypatch, tag):
    scaled(monkeypatch, "kl_quadrature", 1 + 1e-6)
    expect_failure(tag)


def test_a_forgotten_atom_is_caught(monkeypatch):
    monkeypatch.setattr(t10, "kl_divergence", lambda p, q: np.minimum(t10.kl_quadrature(p, q), 1e3))
    expect_failure("T10.3")


def test_a_negative_divergence_is_caught(monkeypatch):
    right = t10.kl_divergence
    monkeypatch.setattr(t10, "kl_divergence", lambda p, q: right(p, q) - 1e-6)
    expect_failure("T10.1")


@pytest.mark.parametrize("tag", ["T10.8", "T10.12"])
def test_an_inversion_that_is_off_is_caught(monkeypatch, tag):
    right = t10.exact_node_kl
    monkeypatch.setattr(t10, "exact_node_kl", lambda p, q, *pi: right(p, q, *pi) * (1.3 if pi else 1.001))
    expect_failure(tag)


@pytest.mark.parametrize("tag", ["T10.7", "T10.9"])
def test_a_tilt_or_a_rate_that_is_off_is_caught(monkeypatch, tag):
    right = t10.cramer_rate

    def wrong(law, point):
        found = right(law, point)
        return replace(found, rate=1.01 * found.rate)

    if tag == "T10.7":
        monkeypatch.setattr(t10.WeightedGammaSum, "cgf", lambda self, s: self._terms.log_mgf(s) * (1 + 1e-9))
    else:
        monkeypatch.setattr(t10, "cramer_rate", wrong)
    expect_failure(tag)


@pytest.mark.parametrize(("tag", "part"), [("T10.10", "rate"), ("T10.11", "correction")])
def test_a_prediction_of_the_wrong_order_is_caught(monkeypatch, tag, part):
    right = t10.node_kl

    def wrong(p, q):
        found = right(p, q)
        # A constant is not of the order 1/n; a correction without one of its terms explains too little.
        value = getattr(found, part)
        return replace(found, **{part: value + 1e-4 if part == "rate" else 0.9 * value})

    monkeypatch.setattr(t10, "node_kl", wrong)
    expect_failure(tag)


@pytest.mark.parametrize("name", ["lower", "upper", "convex"])
def test_a_wrong_bound_on_a_mixture_is_caught(monkeypatch, name):
    right = t10.mixture_bounds
    factor = 2.0 if name == "lower" else 0.5

    def wrong(*args):
        found = right(*args)
        return replace(found, **{name: factor * getattr(found, name)})

    monkeypatch.setattr(t10, "mixture_bounds", wrong)
    expect_failure("T10.12")


def test_features_that_know_more_than_the_map_are_caught(monkeypatch):
    right = t10.kl_divergence
    monkeypatch.setattr(t10, "kl_divergence", lambda p, q: right(p, q) * (1 + 0.01 * (np.max(p.shape) > 10)))
    expect_failure("T10.13")


@pytest.mark.parametrize(
    ("name", "factor"), [("pinsker_bound", 1.1), ("bretagnolle_huber_bound", 1.1), ("chernoff_bound", 0.7)]
)
def test_a_wrong_bound_on_the_error_is_caught(monkeypatch, name, factor):
    scaled(monkeypatch, name, factor)
    expect_failure("T10.14")
