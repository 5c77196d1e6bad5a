"""All checks of the chapter on performance, and that each of them catches a formula that is slightly wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggdist.equations import EquationError, check, equations
from aggdist.equations import e2_performance as e2
from aggdist.prediction import argmax_error

TAGS = [f"E2.{k}" for k in range(1, 6)]


def test_the_chapter_has_these_checks():
    assert [tag for tag, known in equations().items() if known.chapter == "performance"] == TAGS


@pytest.mark.parametrize("tag", TAGS)
def test_holds(tag):
    assert check(tag).evidence.holds


@pytest.mark.parametrize(("tag", "function"), [("E2.1", "independent_accuracy"), ("E2.2", "copula_accuracy")])
def test_a_wrong_recall_is_caught(monkeypatch, tag, function):
    right = getattr(argmax_error, function)

    def wrong(*args, **kwargs):
        found = right(*args, **kwargs)
        return replace(found, recall=found.recall * 0.99)

    monkeypatch.setattr(argmax_error, function, wrong)
    with pytest.raises(EquationError, match=rf"{tag} does not hold"):
        check(tag)


def test_too_small_pairwise_errors_are_caught(monkeypatch):
    right = argmax_error.pairwise_errors
    monkeypatch.setattr(argmax_error, "pairwise_errors", lambda laws: 0.3 * right(laws))
    with pytest.raises(EquationError, match=r"E2\.3 does not hold"):
        check("E2.3")


@pytest.mark.parametrize("tag", ["E2.4", "E2.5"])
def test_a_violated_bound_is_caught(monkeypatch, tag):
    right = e2.violation
    monkeypatch.setattr(e2, "violation", lambda smaller, larger: right(smaller, larger * 0.5))
    with pytest.raises(EquationError, match=rf"{tag} does not hold"):
        check(tag)
