"""All checks of chapter T7, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aggdist.aggregation import MaximumLaw
from aggdist.distributions import Gumbel, RectifiedNormal
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t07_max_dependence as dependent
from aggdist.equations import t07_max_pooling as t07

TAGS = [f"T7.{k}" for k in range(1, 16)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "07_max_pooling"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def times(function, factor):
    """The same function, its result off by a factor."""
    return lambda *args, **kwargs: function(*args, **kwargs) * factor


@pytest.mark.parametrize(
    ("tag", "module", "function", "factor"),
    [
        ("T7.1", t07, "power_masses", 1.001),
        ("T7.2", t07, "exponential_quantile", 1.001),
        ("T7.3", t07, "exponential_maximum_moments", 1.001),
        ("T7.4", t07, "exponential_maximum_moments", 1.001),
        ("T7.5", t07, "exponential_maximum_moments", 1.001),
        ("T7.8", t07, "gumbel_bend", 1.1),
        ("T7.8", t07, "reciprocal_hazard_slope", 1.1),
        ("T7.11", dependent, "maximum_effective_positions", 1.001),
        ("T7.11", dependent, "envelope", 0.999),
        ("T7.12", dependent, "cluster_size", 1.001),
        ("T7.13", dependent, "moving_maximum_positions", 1.001),
        ("T7.14", dependent, "exponential_maximum_moments", 1.001),
        ("T7.15", dependent, "two_step_limit", 1.001),
    ],
)
def test_a_wrong_formula_is_caught(monkeypatch, tag, module, function, factor):
    monkeypatch.setattr(module, function, times(getattr(module, function), factor))
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


def test_a_wrong_order_of_moments_is_caught(monkeypatch):
    right = t07.exponential_maximum_moments

    def without_factorial(*args, **kwargs):
        moments = right(*args, **kwargs)
        return moments / np.arange(1, len(moments) + 1).reshape(-1, *(1,) * (moments.ndim - 1))

    monkeypatch.setattr(t07, "exponential_maximum_moments", without_factorial)
    with pytest.raises(EquationError, match=r"T7\.4"):
        check("T7.4")


@pytest.mark.parametrize("power", [0.98, 1.02])
def test_a_wrong_power_is_caught(monkeypatch, power):
    right = MaximumLaw._log_cdf
    monkeypatch.setattr(MaximumLaw, "_log_cdf", lambda law, x, n: power * right(law, x, n))
    for tag in ("T7.1", "T7.7", "T7.10", "T7.14"):
        with pytest.raises(EquationError, match=f"{tag} does not hold"):
            check(tag)


def test_a_gumbel_law_in_the_wrong_place_is_caught(monkeypatch):
    right = Gumbel._cdf
    monkeypatch.setattr(Gumbel, "_cdf", lambda law, x: right(law, x - 0.001 * law.scale))
    for tag in ("T7.6", "T7.7", "T7.8"):
        with pytest.raises(EquationError, match=f"{tag} does not hold"):
            check(tag)


def test_textbook_constants_without_the_iterated_logarithm_are_caught(monkeypatch):
    def short(active, shape, log_positions):
        return log_positions + np.log(active), np.ones(shape.shape)

    monkeypatch.setattr(t07, "textbook_constants", short)
    with pytest.raises(EquationError, match=r"T7\.9"):
        check("T7.9")


def test_slopes_are_those_of_differences():
    for law in (t07.zero_inflated(0.4, 2.5, 1.5), RectifiedNormal(np.array(0.5), np.array(2.0))):
        z, h = np.array(4.0), 1e-5
        inverse = [law.sf(v) / law.pdf(v) for v in (z - h, z + h)]
        assert t07.reciprocal_hazard_slope(law, z) == pytest.approx(
            (inverse[1] - inverse[0]) / (2 * h), rel=1e-6
        )


def test_the_number_of_active_positions_is_binomial():
    found = t07.by_active_positions(np.array([0.2, 1.0]), 7, np.arange(8.0))
    assert found == pytest.approx([1.4, 7.0])
    assert t07.by_active_positions(np.array(0.3), 5, np.eye(6)[2]) == pytest.approx(
        stats.binom.pmf(2, 5, 0.3)
    )


def test_the_error_of_the_gumbel_law_has_two_sides():
    above, below = t07.gumbel_error(np.array([0.1]), 49)
    assert above[0] == pytest.approx(2 * np.exp(-2) / 49, rel=0.02)
    assert below[0] == pytest.approx(np.exp(-4.9))
    assert below[0] > above[0]
