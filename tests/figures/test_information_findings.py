"""Findings on C4, tables and figures from records of class information."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.distributions import ZeroInflatedGamma
from aggdist.figures import information_plots as plots
from aggdist.figures.heads import AGGREGATING
from aggdist.figures.information_findings import (
    ASSUMPTIONS,
    accuracy_agreement,
    accuracy_lead,
    agreement,
    findings,
    lead,
    mean_lead,
)

AVG_MAX = ("avg", "max")
RISING = {"avg": 0.2, "max": 0.3, "gem": 0.6}
FALLING = {"avg": 0.6, "max": 0.3, "gem": 0.2}


def record(seed, measured=FALLING, predicted=FALLING, accuracy=(0.9, 0.8, 0.7), dataset="digits"):
    """One whose maps hold the same information whatever they were trained with; independence predicts RISING."""
    known = dict.fromkeys(ASSUMPTIONS, predicted) | {"independent": RISING}
    return {
        "name": f"information-{dataset}-x-s{seed}",
        "dataset": dataset,
        "network": "x",
        "seed": seed,
        "accuracy": dict(zip(AGGREGATING, accuracy, strict=True)),
        "trunks": {head: {"measured": measured, "predicted": known} for head in AGGREGATING},
    }


RECORDS = [record(seed) for seed in range(3)]


def test_a_lead_is_relative_to_the_mean_of_the_two():
    assert lead({"avg": 3.0, "max": 1.0}, AVG_MAX) == pytest.approx(1.0)
    assert lead({"avg": 1.0, "max": 3.0}, AVG_MAX) == pytest.approx(-1.0)
    uneven = [record(0), record(1)]
    uneven[1]["trunks"]["max"] = uneven[1]["trunks"]["max"] | {"measured": RISING}
    assert mean_lead(uneven, "measured", AVG_MAX) == pytest.approx((5 * 2 / 3 - 0.4) / 6)
    assert mean_lead(uneven, "predicted", AVG_MAX, "independent") == pytest.approx(-0.4)


def test_orders_agree_where_measured_and_predicted_leads_have_one_sign():
    other = [record(seed, measured=RISING, dataset="mr") for seed in range(3)]
    assert agreement(RECORDS, "dependent") == (3, 3)
    assert agreement(RECORDS, "independent") == (0, 3)
    assert agreement(RECORDS + other, "dependent") == (3, 6)
    assert agreement(RECORDS + other, "independent") == (3, 6)


def test_accuracies_are_compared_only_where_they_differ_by_more_than_the_seeds():
    assert accuracy_lead(RECORDS, AVG_MAX) == pytest.approx(0.1)
    assert accuracy_agreement(RECORDS, "dependent") == (3, 3, 3)
    assert accuracy_agreement(RECORDS, "independent") == (0, 3, 3)
    spread = [record(s, accuracy=(0.9, 0.9 + change, 0.7)) for s, change in enumerate((-0.1, 0.0, 0.1))]
    # Average and max do not differ; max and GeM (0.1 to 0.3) do not clearly: mean 0.2, half an interval 0.25.
    assert accuracy_agreement(spread, "dependent") == (1, 1, 3)


def test_a_finding_is_what_another_pooling_keeps_of_the_average_of_the_same_maps():
    found = findings(RECORDS)
    assert [f.what.split(", ")[1].split(" against")[0] for f in found] == ["max", "GeM"]
    assert [f.effect.mean for f in found] == pytest.approx([-1 / 2, -2 / 3])
    assert all(f.supports and f.claim == "C4" and len(f.records) == 3 for f in found)
    assert found[0].text() == "-50.0 (-50.0 to -50.0) %"
    assert findings(RECORDS[:2]) == []


def test_a_gain_supports_the_claim_and_no_clear_difference_does_not():
    gains = [record(s, measured=RISING) for s in range(3)]
    assert [f.supports for f in findings(gains)] == [True, True]
    unclear = [record(s, measured={"avg": 0.5, "max": v, "gem": v}) for s, v in enumerate((0.4, 0.5, 0.6))]
    assert [f.supports for f in findings(unclear)] == [False, False]


def test_information_that_is_no_number_is_an_error():
    bad = [record(s, measured={"avg": 0.5, "max": np.nan, "gem": 0.5}) for s in range(3)]
    with pytest.raises(ValueError, match="expected finite numbers"):
        findings(bad)


def test_the_table_has_a_row_for_each_pair_with_signs():
    rows = plots.agreement_table(RECORDS).splitlines()[2:]
    assert rows == [
        "| Digits | average less max | +66.7 | -40.0 | +66.7 | +66.7 | +10.0 |",
        "| Digits | average less GeM | +100.0 | -100.0 | +100.0 | +100.0 | +20.0 |",
        "| Digits | max less GeM | +40.0 | -66.7 | +40.0 | +40.0 | +10.0 |",
    ]


def test_measured_is_drawn_against_predicted_for_every_trunk_and_pooling(shown):
    axes = shown(plots.plot_measured, RECORDS)
    assert [ax.get_title() for ax in axes] == list(plots.ASSUMPTION_TITLES.values())
    assert [ax.get_xlabel() for ax in axes] == ["predicted, nats"] * 3
    assert axes[0].get_ylabel() == "measured, nats"
    for ax, predicted in zip(axes, (RISING, FALLING, FALLING), strict=True):
        *clouds, diagonal = ax.lines
        for head, line in zip(AGGREGATING, clouds, strict=True):
            assert line.get_xdata() == pytest.approx([predicted[head]] * 9)
            assert line.get_ydata() == pytest.approx([FALLING[head]] * 9)
        assert diagonal.get_xdata() == pytest.approx(diagonal.get_ydata())


def test_growth_is_drawn_for_each_pair_of_classes_and_ends_at_the_limit_of_the_average(shown):
    pairs = (((0.2, 2.0), (0.2, 1.0)), ((0.4, 1.0), (0.2, 1.0)))
    axes = shown(plots.plot_growth, pairs)
    assert [ax.get_title() for ax in axes] == [
        r"$q$: 0.2, 0.2; $\theta$: 2, 1",
        r"$q$: 0.4, 0.2; $\theta$: 1, 1",
    ]
    assert [t.get_text() for t in axes[0].get_legend().get_texts()] == ["average", "max", "GeM"]
    for ax in axes:
        average, maximum, _, limit = (line.get_ydata() for line in ax.lines)
        # One position is not pooled, so nothing is lost; the maximum of many loses most.
        assert average[0] == pytest.approx(1.0, abs=1e-3)
        assert average[-1] == pytest.approx(limit[0], abs=0.02)
        assert maximum[-1] < average[-1] / 2


def test_the_map_of_one_grid_point_is_what_two_laws_keep():
    size = plots.pooling_map(np.array([0.1, 0.3]), np.array([1.5, 2.0, 3.0]), "size")
    rate = plots.pooling_map(np.array([0.1, 0.3]), np.array([1.5, 2.0, 3.0]), "rate")
    assert all(found[head].shape == (3, 2) for found in (size, rate) for head in AGGREGATING)
    larger, base = plots.exponentials(0.3, 3.0), plots.exponentials(0.3, 1.0)
    # Odds of 3/7 times 1.5 are 9/14: q = 9/23.
    oftener = ZeroInflatedGamma([9 / 23], [1.0], [1.0])
    for head in AGGREGATING:
        assert size[head][2, 1] == pytest.approx(plots.information_efficiency(larger, base, 49, head)[0])
        assert rate[head][0, 1] == pytest.approx(plots.information_efficiency(oftener, base, 49, head)[0])


def test_the_map_has_a_panel_for_each_way_in_which_classes_differ(shown):
    axes = shown(plots.plot_map, cells=5)
    assert [ax.get_title() for ax in axes] == [
        "classes differ in size",
        "classes differ in how often they fire",
    ]
    assert axes[1].get_ylabel() == "ratio of the odds of firing"
    assert [t.get_text() for t in axes[0].get_legend().get_texts()] == ["average", "max", "GeM"]
    cells = plots.pooling_map(np.geomspace(0.01, 0.6, 5), np.geomspace(1.1, 2.2, 5), "size")
    best = np.argmax([cells[head] for head in AGGREGATING], axis=0)
    assert np.array_equal(axes[0].collections[0].get_array().ravel(), best.ravel())


def test_the_best_power_gains_nothing_over_the_average_where_it_is_one(shown):
    powers, gains = shown(plots.plot_best_power)
    assert powers.get_ylabel() == "best power $p$"
    assert [t.get_text() for t in powers.get_legend().get_texts()] == [
        r"$\theta$ ratio 1.3",
        r"$\theta$ ratio 2",
    ]
    for power, gain in zip(powers.lines, gains.lines, strict=True):
        at_one = power.get_ydata() == 1.0
        assert np.all(gain.get_ydata()[at_one] == pytest.approx(0.0, abs=1e-9))
        assert np.all(gain.get_ydata() >= 0.0)
        assert np.any(~at_one)
