"""Findings on C1, tables and figures from records of compact features."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures import compactness_plots as plots
from aggdist.figures.compactness_findings import MOST_LOST, TRUNKS, findings, kept

ACCURACY = {"avg": [0.90, 0.91, 0.92], "max": [0.8, 0.85, 0.9], "flatten": [0.5, 0.7, 0.9]}


def record(seed, share=0.95, flattened=0.5, dataset="digits"):
    """One in which pooling keeps `share` of the bounded divergence, and half of it after flattening."""

    def trunk(name):
        whole = 2.0
        least = whole * (flattened if name == "flatten" else share)
        return {
            "features": [8, 32, 128],
            "accuracy": ACCURACY[name],
            "bounded": [least, (least + whole) / 2, whole],
            "kl": [3.0, 6.0, 12.0],
            # Two pairs of classes, three sizes; the predicted share is a half for one pair, a quarter for the other.
            "pairs": {
                "predicted": [[1.0, 1.5, 2.0], [1.0, 2.0, 4.0]],
                "measured": [[2.0, 3.0, 10.0], [3.0 + seed, 4.0, 10.0]],
            },
        }

    return {
        "name": f"compactness-{dataset}-x-s{seed}",
        "dataset": dataset,
        "network": "x",
        "seed": seed,
        "positions": 16,
        "trunks": {name: trunk(name) for name in TRUNKS},
    }


RECORDS = [record(seed) for seed in range(3)]


def test_what_is_kept_is_the_fewest_features_over_the_most():
    assert kept(RECORDS[0], "avg", "bounded") == pytest.approx(0.95)
    assert kept(RECORDS[0], "avg", "kl") == pytest.approx(0.25)
    assert kept(RECORDS[0], "flatten", "accuracy") == pytest.approx(5 / 9)


def test_each_trunk_is_a_finding_and_the_pooled_one_supports_the_claim():
    found = findings(RECORDS)
    assert [f.effect.mean for f in found] == pytest.approx([0.95, 0.5])
    assert [f.supports for f in found] == [True, False]
    assert [f.what for f in found] == [
        f"information kept by 1/16 of the numbers, trunk trained with {title}"
        for title in ("average", "flattening")
    ]
    assert all(f.claim == "C1" and f.figure == "fig-compactness-information" for f in found)
    assert found[0].records == tuple(f"compactness-digits-x-s{seed}" for seed in range(3))
    assert found[0].text() == "95.0 (95.0 to 95.0) %"


def test_the_whole_interval_must_lie_above_what_may_be_lost():
    below = [record(seed, share=1 - MOST_LOST - 0.001) for seed in range(3)]
    wide = [record(seed, share=share) for seed, share in enumerate((0.85, 0.95, 1.0))]
    assert not findings(below)[0].supports
    assert findings(wide)[0].effect.mean > 1 - MOST_LOST
    assert not findings(wide)[0].supports


def test_two_seeds_are_no_finding_and_a_share_that_is_no_number_is_an_error():
    assert findings(RECORDS[:2]) == []
    with pytest.raises(ValueError, match="expected finite numbers"):
        findings([record(seed, share=np.nan) for seed in range(3)])


def test_the_table_says_what_the_fewest_features_lose_and_keep():
    # Measured shares are 0.2 and 0.3, 0.4 or 0.5: medians 0.25, 0.3, 0.35; predicted: 0.5 and 0.25.
    rows = plots.cost_table(RECORDS).splitlines()[2:]
    assert rows == [
        "| Digits | average | 128 to 8 | 2.0 | 95 | 25 | 38 | 30 |",
        "| Digits | max | 128 to 8 | 10.0 | 95 | 25 | 38 | 30 |",
        "| Digits | flattening | 128 to 8 | 40.0 | 50 | 25 | 38 | 30 |",
    ]


def test_numbers_of_a_head_are_drawn_by_what_the_trunk_was_trained_with(shown):
    axes = shown(plots.plot_kept, RECORDS, "accuracy", "accuracy, %", factor=100.0)
    assert [ax.get_visible() for ax in axes] == [True, False, False, False]
    first = axes[0]
    assert (first.get_title(), first.get_xlabel(), first.get_ylabel()) == (
        "Digits",
        "features",
        "accuracy, %",
    )
    assert [t.get_text() for t in first.get_xticklabels()] == ["8", "32", "128"]
    for trunk, curve in zip(TRUNKS, first.containers, strict=True):
        assert curve.lines[0].get_xdata() == pytest.approx([8, 32, 128])
        assert curve.lines[0].get_ydata() == pytest.approx(100 * np.array(ACCURACY[trunk]))
    assert [t.get_text() for t in first.get_legend().get_texts()] == ["average", "max", "flattening"]


def test_pairs_are_drawn_for_every_block_size(shown):
    axes = shown(plots.plot_pairs, RECORDS)
    assert [ax.get_title() for ax in axes] == ["trunk: average", "trunk: max", "trunk: flattening"]
    for ax, trunk in zip(axes, TRUNKS, strict=True):
        marks, diagonal = ax.lines
        assert marks.get_xdata() == pytest.approx([1.0, 1.5, 2.0, 1.0, 2.0, 4.0] * 3)
        assert marks.get_ydata() == pytest.approx(plots.pair_numbers(RECORDS, trunk, "measured"))
        assert sorted(marks.get_ydata())[-6:] == pytest.approx([10.0] * 6)
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert axes[0].get_ylabel() == "measured KL, nats"
