"""Findings on C2 from records of few training examples."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures.overfitting_findings import (
    dimension_ratios,
    findings,
    frozen_errors,
    gap,
    trained_findings,
)
from aggdist.figures.overfitting_plots import dimension_table, gap_table


def record(seed, extra=0.1):
    """One in which flattening adds `extra` to every gap, and a factor e to training over test KL on frozen trunks."""

    def trained(test):
        return {"train_accuracy": [1.0, 0.9], "test_accuracy": [test, test + 0.1]}

    def frozen(factor, dimension):
        test = np.full((2, 2), 3.0)
        return {
            "dimension": [dimension] * 2,
            "effective_dimension": [np.sqrt(dimension)] * 2,
            "train": test * 2 * factor,
            "test": test,
            "predicted_train": test * 4 * factor,
            "predicted_test": test,
        }

    base = 0.6 + seed / 100
    return {
        "name": f"overfitting-digits-x-s{seed}",
        "dataset": "digits",
        "network": "x",
        "seed": seed,
        "sizes": [100, 1000],
        "head_parameters": {"avg": 10, "max": 10, "flatten": 160},
        "trained": {"avg": trained(base), "max": trained(base), "flatten": trained(base - extra)},
        "frozen": {"examples": [3, 10], "pooled": frozen(1.0, 4), "flattened": frozen(np.e, 64)},
    }


RECORDS = [record(seed) for seed in range(3)]


def test_gaps_are_averaged_over_sizes_and_compared_with_each_aggregation():
    found = findings(RECORDS)
    assert [f.figure for f in found] == ["fig-t13-accuracy", "fig-t13-accuracy", "fig-t13-frozen"]
    assert found[0].effect.mean == pytest.approx(0.1)
    assert found[2].effect.mean == pytest.approx(np.e - 1)
    assert all(f.supports and f.claim == "C2" and len(f.records) == 3 for f in found)
    assert not any(f.supports for f in findings([record(s, extra=-0.1) for s in range(3)])[:2])
    assert findings(RECORDS[:2]) == []


def test_one_size_can_be_asked_for():
    uneven = [
        r
        | {
            "trained": r["trained"]
            | {"flatten": r["trained"]["avg"] | {"test_accuracy": [0.2, 0.7 + i / 100]}}
        }
        for i, r in enumerate(RECORDS)
    ]
    assert gap(uneven[0], "flatten", 0) == pytest.approx(0.8)
    assert trained_findings(uneven, 100)[0].effect.mean == pytest.approx(0.41)
    assert trained_findings(uneven, 1000)[0].effect.mean == pytest.approx(0.0, abs=1e-12)
    assert "100 training examples, flattening less average" in trained_findings(uneven, 100)[0].what


def test_errors_and_dimensions_are_those_of_the_record():
    assert frozen_errors(RECORDS, "train") == pytest.approx(np.full(24, 1.0))
    assert frozen_errors(RECORDS, "test") == pytest.approx(np.zeros(24))
    assert dimension_ratios(RECORDS) == pytest.approx((16.0, 4.0))


def test_tables_have_a_row_for_each_head_and_kind_of_features():
    assert "| Digits | flattening | 160 | 49.0 | 29.0 | 51.0 | 61.0 |" in gap_table(RECORDS)
    assert "| Digits | flattened | 64 | 8.0 | 3.00 | 3.00 | 32.62 | 16.31 |" in dimension_table(RECORDS)
