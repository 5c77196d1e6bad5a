"""Findings on C5 and C6 from runs that differ in the seed."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures.run_findings import MOST_FLOORS, findings, in_floors
from aggdist.figures.summary_records import load_records
from aggdist.paths import repository_root
from aggdist.prediction import DEFAULT_MODEL


@pytest.fixture(scope="module")
def records():
    """The committed ones."""
    return load_records(repository_root() / "results")


def test_every_network_with_three_seeds_has_a_finding_of_both_claims(records):
    found = findings(records)
    assert [(f.claim, f.dataset) for f in found] == [
        ("C5", "digits"),
        ("C5", "mr"),
        ("C6", "digits"),
        ("C6", "mr"),
    ]
    assert all(f.effect.seeds == len(f.records) == 3 for f in found)


def test_effects_are_those_of_the_records(records):
    digits = [r for r in records if r["name"].startswith("digits-digitcnn-avg")]
    laws, _, divergences, _ = findings(records)
    distances = [r["pooled"]["mean_ks"][DEFAULT_MODEL] - r["pooled"]["mean_ks"]["floor"] for r in digits]
    assert laws.effect.mean == pytest.approx(np.mean(distances))
    assert divergences.effect.mean == pytest.approx(np.mean([in_floors(r) for r in digits]))
    assert divergences.supports == (divergences.effect.high <= MOST_FLOORS)


def test_two_seeds_are_no_finding(records):
    assert findings([r for r in records if r["seed"] < 2]) == []
