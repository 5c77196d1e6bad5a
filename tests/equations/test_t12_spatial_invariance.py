"""All checks of chapter T12, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.equations import t12_spatial_invariance as t12

TAGS = [f"T12.{k}" for k in range(1, 9)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "12_spatial_invariance"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def times(function, factor):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: function(*args, **kwargs) * factor


@pytest.mark.parametrize(
    ("tag", "function", "factor"),
    [
        ("T12.2", "shift_bound", 0.99),
        ("T12.3", "shift_bound", 1.001),
        ("T12.4", "shift_bound", 0.999),
        ("T12.6", "flattening_bound", 1.001),
        ("T12.7", "relative_change", 1.001),
    ],
)
def test_a_wrong_formula_is_caught(monkeypatch, tag, function, factor):
    monkeypatch.setattr(t12, function, times(getattr(t12, function), factor))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def by_place(maps, name, p=3.0):
    """Not symmetric: positions further on count less."""
    flat = maps.reshape(*maps.shape[:2], -1)
    return flat @ np.linspace(1, 0.9, flat.shape[2])


def test_an_aggregation_that_is_not_symmetric_is_caught(monkeypatch):
    monkeypatch.setattr(t12, "pool", by_place)
    with pytest.raises(EquationError, match=r"T12\.1 does not hold"):
        check("T12.1")


def test_a_network_that_is_not_equivariant_is_caught(monkeypatch):
    right = t12.small_network
    monkeypatch.setattr(
        t12,
        "small_network",
        lambda images, kernel: right(images * np.linspace(1, 2, images.shape[1]), kernel),
    )
    with pytest.raises(EquationError, match=r"T12\.8 does not hold"):
        check("T12.8")


def test_too_small_a_bound_of_the_output_is_caught(monkeypatch):
    monkeypatch.setattr(
        t12, "violation", lambda smaller, larger: float(np.max(smaller - 0.1 * np.asarray(larger)))
    )
    with pytest.raises(EquationError, match=r"T12\.5 does not hold"):
        check("T12.5")
