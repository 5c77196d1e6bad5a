"""The reference tables are read whole, and a slightly wrong law or divergence misses its figure."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.bench import accuracy
from aggdist.distributions import WeightedGammaSum
from aggdist.paths import repository_root

REFERENCE = repository_root() / "tests" / "reference"


@pytest.mark.parametrize(
    ("measure", "count"),
    [(accuracy.reference_sums, 2), (accuracy.large_sums, 6), (accuracy.closed_form_divergences, 1)],
)
def test_every_accuracy_is_reached(measure, count):
    figures = measure(REFERENCE)
    assert len(figures) == count
    for figure in figures:
        assert figure.kind == "error"
        assert figure.reached, figure


def test_a_slightly_wrong_cdf_is_caught(monkeypatch):
    right = WeightedGammaSum.cdf
    monkeypatch.setattr(
        WeightedGammaSum, "cdf", lambda self, x, **options: right(self, x, **options) * (1 + 1e-9)
    )
    assert all(figure.fails for figure in accuracy.reference_sums(REFERENCE))
    assert all(figure.fails for figure in accuracy.large_sums(REFERENCE))


def test_a_slightly_wrong_divergence_is_caught(monkeypatch):
    right = accuracy.divergence.kl_divergence
    monkeypatch.setattr(accuracy.divergence, "kl_divergence", lambda p, q: right(p, q) + 1e-10)
    assert accuracy.closed_form_divergences(REFERENCE)[0].fails


def test_the_deterministic_sum_has_the_moments_of_the_table():
    law = accuracy.deterministic_sum(512)
    np.testing.assert_allclose([law.mean(), law.std()], [-0.0868938274, 4.8468190966], rtol=1e-8)
