"""All checks of chapter T11, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.equations import t11_information_efficiency as t11

TAGS = [f"T11.{k}" for k in range(1, 8)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "11_information_efficiency"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def times(function, factor):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: function(*args, **kwargs) * factor


@pytest.mark.parametrize(
    ("tag", "function", "factor"),
    [
        ("T11.1", "information_efficiency", 1.01),
        ("T11.2", "information_efficiency", 0.99),
        ("T11.3", "by_cramer", 1.01),
        ("T11.4", "pooled_divergence", 1.1),
        ("T11.5", "information_efficiency", 1.01),
        ("T11.6", "pooled_masses", 1.2),
        ("T11.7", "relative_error", np.nan),
    ],
)
def test_a_wrong_formula_is_caught(monkeypatch, tag, function, factor):
    monkeypatch.setattr(t11, function, times(getattr(t11, function), factor))
    with pytest.raises(EquationError, match=rf"{tag} does not hold"):
        check(tag)


def test_limits_are_those_of_the_examples():
    assert np.allclose(t11.limits(), [0.5734, 0.3100, 0.7635], atol=1e-4)
