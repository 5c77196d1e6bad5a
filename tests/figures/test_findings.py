"""Intervals over seeds, and verdicts from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from aggdist.figures.findings import Finding, seed_interval, verdict

GOOD = Finding("C3", "digits", "x", seed_interval([1, 2, 3]), "%", 100, 1, True, "fig", "page", ("r",))


def test_the_interval_is_students():
    values = np.array([0.2, 0.5, 0.3, 0.4])
    got = seed_interval(values)
    expected = stats.t.interval(0.95, 3, loc=values.mean(), scale=values.std(ddof=1) / 2)
    assert (got.low, got.high) == pytest.approx(expected)
    assert got.seeds == 4
    assert seed_interval([1, 1, 1]).text("pixels", 2) == "1.00 (1.00 to 1.00) pixels"
    assert seed_interval([0.1, 0.1, 0.1]).text("%", factor=100) == "10.0 (10.0 to 10.0) %"
    assert GOOD.text() == "200.0 (-48.4 to 448.4) %"


def test_it_covers_as_often_as_it_says():
    rng = np.random.default_rng(5)
    found = [seed_interval(rng.normal(size=3)) for _ in range(4000)]
    share = np.mean([s.low < 0 < s.high for s in found])
    assert abs(share - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, np.nan, 2.0], [[1.0, 2.0, 3.0]]])
def test_two_seeds_are_not_enough(values):
    with pytest.raises(ValueError, match="expected finite numbers of at least 3 seeds"):
        seed_interval(values)


def test_the_verdict_needs_all_findings():
    bad = replace(GOOD, supports=False)
    assert verdict([GOOD, GOOD]) == "holds"
    assert verdict([GOOD, bad]) == "holds with conditions"
    assert verdict([bad]) == "not seen"
    with pytest.raises(ValueError, match="got no findings"):
        verdict([])
