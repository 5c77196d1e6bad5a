"""All checks of chapter E1, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from aggdist.distributions import Normal
from aggdist.divergence import bounded, intervals
from aggdist.equations import EquationError, check, equations
from aggdist.equations import e1_empirical_estimators as e1

TAGS = [tag for tag, known in equations().items() if known.chapter == "e1_empirical_estimators"]


def test_the_chapter_has_its_equations():
    assert [f"E1.{number}" for number in range(1, 12)] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


def wrong(monkeypatch, name, formula):
    monkeypatch.setattr(e1, name, formula)


def test_a_digamma_of_the_wrong_size_is_caught(monkeypatch):
    def of_size(k, size):
        return special.digamma(k) - special.digamma(size)

    wrong(monkeypatch, "mean_log_mass", of_size)
    with pytest.raises(EquationError, match=r"E1\.1"):
        check("E1.1")


def test_distances_to_another_neighbour_are_caught(monkeypatch):
    right = e1.own_distances
    wrong(monkeypatch, "own_distances", lambda x, k: right(x, k + 1))
    with pytest.raises(EquationError, match=r"E1\.2"):
        check("E1.2")


def test_masses_that_keep_their_digamma_are_caught(monkeypatch):
    wrong(monkeypatch, "mean_log_mass", lambda k, size: special.digamma(k) * size)
    with pytest.raises(EquationError, match=r"E1\.2"):
        check("E1.2")


@pytest.mark.parametrize("name", ["no ends", "wrong constant"])
def test_a_wrong_bias_of_uniform_laws_is_caught(monkeypatch, name):
    right = e1.uniform_bias
    formulas = {
        "no ends": lambda n, m, k: e1.normalisation_bias(n, m) + 0 * np.asarray(k),
        "wrong constant": lambda n, m, k: 2 * right(n, m, k),
    }
    wrong(monkeypatch, "uniform_bias", formulas[name])
    with pytest.raises(EquationError, match=r"E1\.3"):
        check("E1.3")


def test_a_ceiling_without_its_digamma_is_caught(monkeypatch):
    wrong(monkeypatch, "separated_estimate", lambda h, gap, m, k: np.log(2 * m) - h + gap)
    with pytest.raises(EquationError, match=r"E1\.4"):
        check("E1.4")


def test_a_bias_of_counting_from_one_sample_only_is_caught(monkeypatch):
    wrong(monkeypatch, "counting_bias", lambda held, bins, n, m: (held - 1) / (2 * n))
    with pytest.raises(EquationError, match=r"E1\.5"):
        check("E1.5")


@pytest.mark.parametrize("factor", [1.02, 0.9])
def test_binned_divergences_that_are_too_large_or_too_small_are_caught(monkeypatch, factor):
    right = e1.binned_kl
    wrong(monkeypatch, "binned_kl", lambda p, q, bins: factor * right(p, q, bins))
    with pytest.raises(EquationError, match=r"E1\.6"):
        check("E1.6")


@pytest.mark.parametrize("factor", [1.01, 0.99])
def test_a_wrong_bounded_divergence_is_caught(monkeypatch, factor):
    right = e1.bounded_divergence
    wrong(monkeypatch, "bounded_divergence", lambda p, q, prior: factor * right(p, q, prior=prior))
    with pytest.raises(EquationError, match=r"E1\.7"):
        check("E1.7")


def test_a_correction_that_takes_the_pooled_counts_for_independent_is_caught(monkeypatch):
    wrong(monkeypatch, "pooled_counting_bias", lambda share, n, m: (share.size - 1) / (2 * n))
    with pytest.raises(EquationError, match=r"E1\.8"):
        check("E1.8")


def test_a_rest_that_is_not_weighted_is_caught(monkeypatch):
    right = e1.kl_with_atom
    wrong(monkeypatch, "kl_with_atom", lambda x, y, rest: right(x, y, rest) + 0.01 * rest(x, y))
    with pytest.raises(EquationError, match=r"E1\.9"):
        check("E1.9")


def test_parts_other_than_halves_are_caught(monkeypatch):
    monkeypatch.setattr(intervals, "_half", lambda sample, rng: rng.permutation(sample)[: sample.size // 3])
    with pytest.raises(EquationError, match=r"E1\.10"):
        check("E1.10")


@pytest.mark.parametrize("name", ["floor", "biased draws"])
def test_a_wrong_matched_comparison_is_caught(monkeypatch, name):
    if name == "floor":
        right = e1.floor_errors
        wrong(monkeypatch, "floor_errors", lambda draws: 1.2 * right(draws))
    else:
        right_match = e1.matched
        shifted = Normal(1.05, 1.0)
        wrong(
            monkeypatch,
            "matched",
            lambda x, y, p, q, estimator, **rest: right_match(x, y, shifted, q, estimator, **rest),
        )
    with pytest.raises(EquationError, match=r"E1\.11"):
        check("E1.11")


def test_expected_counts_are_those_of_samples():
    rng = np.random.default_rng(6)
    values = []
    for _ in range(3000):
        x, y = rng.random(60), np.sort(rng.random(40))
        a = np.bincount(np.searchsorted(y[[9, 19, 29]], x), minlength=4) / 60
        values.append(np.sum(special.xlogy(a, 4 * a)))
    # Borders at the values themselves: the last bin lies above the 30th and has one spacing more.
    assert e1.counting_at_null(4, 60, 40) == pytest.approx(
        np.mean(values), abs=4 * np.std(values) / np.sqrt(3000)
    )


def test_binned_divergence_of_two_bins_is_by_hand():
    p = stats.norm.cdf(-1.0)
    by_hand = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    assert e1.binned_kl(Normal(1.0, 1.0), Normal(0.0, 1.0), 2) == pytest.approx(by_hand)


def test_the_library_subtracts_what_the_check_verifies():
    assert e1.pooled_counting_bias is bounded.pooled_counting_bias
