"""All checks of chapter T13, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.equations import t13_overfitting as t13
from aggdist.prediction import head_overfitting as theory

TAGS = [f"T13.{k}" for k in range(1, 7)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "13_overfitting"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


@pytest.mark.parametrize(
    ("tag", "function", "factor"),
    [
        ("T13.2", "training_separation", 1.05),
        ("T13.2", "held_out_separation", 1.05),
        ("T13.3", "training_separation", 1.001),
        ("T13.3", "held_out_separation", 1.001),
        ("T13.5", "break_even", 1.001),
    ],
)
def test_a_wrong_formula_is_caught(monkeypatch, tag, function, factor):
    right = getattr(theory, function)
    monkeypatch.setattr(theory, function, lambda *args: right(*args) * factor)
    with pytest.raises(EquationError, match=rf"{tag} does not hold"):
        check(tag)


def test_a_wrong_separation_of_exchangeable_positions_is_caught(monkeypatch):
    right = theory.exchangeable_separation
    monkeypatch.setattr(
        theory, "exchangeable_separation", lambda *args: tuple(1.001 * v for v in right(*args))
    )
    with pytest.raises(EquationError, match=r"T13\.4 does not hold"):
        check("T13.4")


def test_plug_in_estimates_are_caught(monkeypatch):
    estimate = theory.difference_moments

    def biased(x, y):
        right = estimate(x, y)
        difference = x.mean(0) - y.mean(0)
        return theory.DifferenceMoments(difference @ difference, right.along, right.trace, right.trace_square)

    monkeypatch.setattr(t13.theory, "difference_moments", biased)
    with pytest.raises(EquationError, match=r"T13\.6 does not hold"):
        check("T13.6")


def test_a_wrong_quadrature_is_caught(monkeypatch):
    monkeypatch.setattr(
        t13, "relative_error", lambda got, expected: float(np.max(np.abs(np.divide(got, expected) - 1.01)))
    )
    with pytest.raises(EquationError, match=r"T13\.1 does not hold"):
        check("T13.1")
