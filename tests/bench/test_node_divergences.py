"""Stored divergences: the problems are still the same, figures are judged by them, wrong values are caught."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.bench import node_divergences
from aggdist.divergence import exact_node_kl
from aggdist.paths import repository_root

REFERENCE = repository_root() / "tests" / "reference"


@pytest.fixture
def few(monkeypatch):
    """The first problem of either kind, and small problems to be timed."""
    problems = list(node_divergences.stored_problems(REFERENCE))
    assert sum(len(values) for _, _, values in problems) == 1200
    chosen = [(p, q, values) for p, q, values in (problems[10], problems[80])]
    monkeypatch.setattr(node_divergences, "stored_problems", lambda folder: iter(chosen))
    monkeypatch.setattr(node_divergences, "TIMED", 2)
    monkeypatch.setattr(node_divergences, "TABLE_CHANNELS", {64: 3})
    monkeypatch.setattr(node_divergences, "_SEPARATIONS", (2.0,))
    monkeypatch.setattr(node_divergences, "least_ms", lambda function, budget: function() is not None)


def test_figures_of_a_few_nodes(few):
    figures = node_divergences.figures(REFERENCE)
    assert not any(figure.fails for figure in figures)
    assert sum(figure.asked is not None for figure in figures) == 9
    assert len({figure.group for figure in figures}) == 3


def test_a_slightly_wrong_integral_is_caught(few, monkeypatch):
    monkeypatch.setattr(node_divergences, "exact_node_kl", lambda p, q: exact_node_kl(p, q) * (1 + 1e-7))
    exact = [figure for figure in node_divergences.figures(REFERENCE) if figure.group.startswith("Exact")]
    assert [figure.verdict for figure in exact if figure.asked] == ["MISSED", "reached", "reached"]


def test_the_table_by_channels(few):
    figures = node_divergences.by_channels()
    assert [figure.verdict for figure in figures] == ["reported"] * 4
    assert np.all(np.diff([figure.measured for figure in figures]) >= 0)
