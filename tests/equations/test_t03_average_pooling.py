"""All checks of chapter T3, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.distributions import Gamma, ZeroInflatedGamma
from aggdist.equations import EquationError, check, equations
from aggdist.equations import t03_average_pooling as t03

TAGS = [f"T3.{k}" for k in range(1, 10)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "03_average_pooling"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def expect_failure(tag):
    with pytest.raises(EquationError, match=f"{tag} does not hold"):
        check(tag)


@pytest.mark.parametrize("tag", ["T3.1", "T3.3", "T3.4", "T3.9"])
def test_one_position_too_many_is_caught(monkeypatch, tag):
    right = t03.pooled_law
    monkeypatch.setattr(t03, "pooled_law", lambda law, n, **kw: right(law, np.asarray(n) + 1, **kw))
    expect_failure(tag)


def test_cumulants_with_one_power_too_many_are_caught(monkeypatch):
    right = t03.average_cumulants
    monkeypatch.setattr(t03, "average_cumulants", lambda kappa, n: right(kappa, n) / np.asarray(n))
    expect_failure("T3.2")


def test_a_third_cumulant_that_is_off_is_caught(monkeypatch):
    right = t03.average_cumulants
    monkeypatch.setattr(
        t03,
        "average_cumulants",
        lambda kappa, n: right(kappa, n) * np.array([1, 1, 1.001, 1]).reshape(4, *(1,) * (kappa.ndim - 1)),
    )
    expect_failure("T3.2")


@pytest.mark.parametrize(("shape", "scale"), [(1.001, 1.0), (1.0, 1.001), (1.001, 1 / 1.001)])
def test_a_gamma_that_is_not_matched_is_caught(monkeypatch, shape, scale):
    right = t03.average_gamma

    def wrong(kappa1, kappa2, positions):
        law = right(kappa1, kappa2, positions)
        return Gamma(law.shape * shape, law.scale * scale)

    monkeypatch.setattr(t03, "average_gamma", wrong)
    expect_failure("T3.5")


def test_a_gamma_that_is_not_exact_at_q_one_is_caught(monkeypatch):
    right = t03.pooled_law
    monkeypatch.setattr(t03, "pooled_law", lambda law, n, **kw: right(law, n, **{**kw, "method": "normal"}))
    expect_failure("T3.6")


def test_an_error_below_the_atom_is_caught(monkeypatch):
    """If the matched law had the atom too, the lower bound would be violated."""
    right = t03.pooled_law

    def wrong(law, n, method="exact"):
        exact = right(law, n)
        if method == "exact" or np.all(law.active == 1):
            return right(law, n, method=method)
        return ZeroInflatedGamma.fit_moments(1 - exact.atoms()[0].mass, exact.mean(), exact.var())

    monkeypatch.setattr(t03, "pooled_law", wrong)
    expect_failure("T3.6")


def test_positions_that_are_taken_for_independent_are_caught(monkeypatch):
    monkeypatch.setattr(t03, "effective_positions", lambda rho, n: n)
    expect_failure("T3.7")


def test_all_pairs_instead_of_pairs_of_two_are_caught(monkeypatch):
    monkeypatch.setattr(t03, "effective_positions", lambda rho, n: n / (1 + n * rho))
    expect_failure("T3.7")


def test_a_pot_without_the_variance_of_the_means_is_caught(monkeypatch):
    class WithoutSpread(ZeroInflatedGamma):
        def mean(self, *, method=None):
            return np.full(self.batch_shape, super().mean(method=method).mean())

    monkeypatch.setattr(t03, "_law", WithoutSpread)
    expect_failure("T3.8")


def test_positions_that_are_more_often_silent_than_the_bound_are_caught(monkeypatch):
    right = t03._uneven_positions
    monkeypatch.setattr(t03, "_uneven_positions", lambda maps, n: right(maps, n) + 1)
    expect_failure("T3.9")
