"""Findings on C3 from records of shifted inputs."""

from __future__ import annotations

import pytest

from aggdist.figures import heads
from aggdist.figures.invariance_findings import findings
from aggdist.figures.invariance_plots import bound_table, shift_table


def record(seed, flatten=0.4, dataset="digits"):
    """One in which only the flattening head's changed predictions depend on the seed."""

    def head(changed):
        return {"accuracy": [0.9, 0.8, 0.7], "changed": [0.0, 0.1, changed], "node_change": [0, 1, 2]}

    bound = {"shift": [2], "actual": [0.2], "bound": [0.1], "within": [0.5]}
    return {
        "name": f"invariance-{dataset}-x-s{seed}",
        "dataset": dataset,
        "network": "x",
        "seed": seed,
        "shifts": [0, 1, 2],
        "stride": 2,
        "trained_shift": 1,
        "heads": {h: head(0.1 if h != "flatten" else flatten + seed / 100) for h in heads.HEADS},
        "bound": dict.fromkeys(heads.AGGREGATING, bound),
    }


def test_an_effect_is_the_mean_difference_over_seeds():
    found = findings([record(seed) for seed in range(3)])
    assert [f.what.rsplit(" ", 1)[1] for f in found] == ["average", "max", "GeM"]
    assert found[0].effect.mean == pytest.approx(0.31)
    assert all(f.supports and f.claim == "C3" and len(f.records) == 3 for f in found)


def test_no_difference_supports_nothing_and_two_seeds_are_no_finding():
    assert not any(f.supports for f in findings([record(seed, flatten=0.09) for seed in range(3)]))
    assert findings([record(0), record(1)]) == []


def test_tables_have_a_row_for_each_head():
    records = [record(seed) for seed in range(3)]
    assert "| Digits | 2 | flattening | 90.0 | 70.0 | 41.0 |" in shift_table(records)
    assert bound_table(records).count("| Digits | 2 | ") == 3


def test_ranges_over_seeds_are_halved():
    mean, half = heads.over_seeds([[1.0, 2.0], [3.0, 2.0]])
    assert mean.tolist() == [2.0, 2.0]
    assert half.tolist() == [1.0, 0.0]
