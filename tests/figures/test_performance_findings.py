"""Findings on C4 and C7, tables and figures from records of performance and of training."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures import performance_plots as plots
from aggdist.figures.heads import AGGREGATING
from aggdist.figures.performance_findings import (
    MOST_POINTS,
    epoch_correlation,
    error_difference,
    findings,
    rank_correlation,
    stacked,
)

KL = {"avg": [1.0, 2.0, 3.0], "max": [4.0, 5.0, 6.0], "gem": [7.0, 8.0, 9.0]}


def record(seed, copula=0.02, few=True, network="x", dataset="digits", classes=3):
    """Divergence ranks recall; each head errs on 0.1, and the correlated nodes are said to err on `copula` more."""

    def predicted(more):
        return {
            m: {"error": 0.1 + v + more}
            for m, v in (("independent", 0.1), ("copula", copula), ("normal", 0.0))
        }

    def head(name):
        kl = KL[name][:classes]
        return {
            "recall": [v / 10 for v in kl],
            "kl": kl,
            # Ranks of the last two nodes of all are exchanged.
            "auc": [{8.0: 0.95, 9.0: 0.9}.get(v, v / 10) for v in kl],
            "observed_error": 0.1,
            "predicted": predicted(0.0),
            "few": predicted(0.05) if few else {},
            "chain": {key: [place + 1.0, place + 3.0] for place, key in enumerate(plots.CHAIN)},
        }

    return {
        "name": f"performance-{dataset}-{network}-s{seed}",
        "dataset": dataset,
        "network": network,
        "seed": seed,
        "priors": [1 / classes] * classes,
        "heads": {name: head(name) for name in AGGREGATING},
    }


def training(seed, accuracy=(0.5, 0.8, 0.9)):
    """Three epochs in which the median node's divergence grows; the outer nodes' falls."""
    head = {
        "test_accuracy": list(accuracy),
        "matched": [[9.0, 1.0, 0.9], [0.1, 2.0, 8.0], [0.05, 3.0 + seed, 7.0]],
        "observed": [[1.0, 1.5, 2.0]] * 3,
        "mean_in": [[1.0, 5.0], [2.0, 6.0], [3.0, 7.0]],
        "sd_in": [[0.5, 1.0]] * 3,
        "mean_out": [[-1.0, 0.0]] * 3,
        "sd_out": [[0.25, 1.0]] * 3,
    }
    return {
        "name": f"epochs-digits-x-s{seed}",
        "dataset": "digits",
        "network": "x",
        "seed": seed,
        "epochs": [1, 2, 3],
        "heads": {"avg": head},
    }


RECORDS = [record(seed) for seed in range(3)]
EPOCHS = [training(seed) for seed in range(3)]


def test_numbers_of_all_heads_are_ranked_together():
    assert stacked(RECORDS[0], "kl").tolist() == list(range(1, 10))
    assert rank_correlation(RECORDS[0], "kl") == pytest.approx(1.0)
    # One exchange of neighbours among nine: 1 - 6 * (1 + 1) / (9 * 80).
    assert rank_correlation(RECORDS[0], "auc") == pytest.approx(1 - 12 / 720)


def test_the_difference_of_errors_is_that_of_the_model_and_number_of_images_asked_for():
    assert error_difference(RECORDS[0]) == pytest.approx(0.02)
    assert error_difference(RECORDS[0], "independent") == pytest.approx(0.1)
    assert error_difference(RECORDS[0], part="few") == pytest.approx(0.07)


def test_training_is_judged_by_the_median_node():
    assert epoch_correlation(EPOCHS[0]) == pytest.approx(1.0)
    assert epoch_correlation(training(0, accuracy=(0.9, 0.8, 0.5))) == pytest.approx(-1.0)
    assert epoch_correlation(training(0, accuracy=(0.5, 0.9, 0.8))) == pytest.approx(0.5)


def test_findings_are_ranks_training_and_errors():
    found = findings(RECORDS, EPOCHS)
    assert [(f.claim, f.figure) for f in found] == [
        ("C4", "fig-performance-recall"),
        ("C4", "fig-performance-epochs"),
        ("C7", "fig-performance-errors"),
    ]
    assert [f.effect.mean for f in found] == pytest.approx([1.0, 1.0, 0.02])
    assert [f.text() for f in found[1:]] == ["1.00 (1.00 to 1.00)", "2.00 (2.00 to 2.00) percentage points"]
    assert all(f.supports and len(f.records) == 3 for f in found)
    assert found[1].records[0] == "epochs-digits-x-s0"


def test_falling_accuracy_and_errors_out_of_bounds_support_nothing():
    wrong = [record(s, copula=MOST_POINTS + 0.001) for s in range(3)]
    low = [record(s, copula=-MOST_POINTS - 0.001) for s in range(3)]
    falling = [training(s, accuracy=(0.9, 0.8, 0.5)) for s in range(3)]
    assert [f.supports for f in findings(wrong, falling)] == [True, False, False]
    assert not findings(low, [])[-1].supports


def test_two_classes_are_not_ranked_and_two_seeds_are_no_finding():
    two = [record(s, classes=2) for s in range(3)]
    assert [f.claim for f in findings(two, [])] == ["C7"]
    assert findings(RECORDS[:2], EPOCHS[:2]) == []


def test_an_error_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="expected finite numbers"):
        findings([record(s, copula=np.nan) for s in range(3)], [])


def test_a_network_that_is_not_the_usual_one_is_a_task_of_its_own():
    other = record(0, network="resnet18", dataset="cifar10")
    assert list(plots.by_task([*RECORDS, other])) == ["Digits", "CIFAR-10, ResNet-18"]


def test_tables_have_a_row_for_each_task():
    assert "| Digits | 3 | 3 | 1.00 | 0.98 |" in plots.rank_table(RECORDS)
    assert "| Digits | 10.00 | +10.00 | +2.00 | +0.00 | +7.00 |" in plots.error_table(RECORDS)
    assert "| Digits | 10.00 | +10.00 | +2.00 | +0.00 | - |" in plots.error_table([record(0, few=False)])
    assert "| Digits | 2.00 | 3.00 | 4.00 | 5.00 |" in plots.chain_table(RECORDS)


def test_recall_is_drawn_once_for_each_node_and_none_missed_at_the_edge(shown):
    perfect = record(0, network="resnet18")
    perfect["heads"]["avg"]["recall"] = [1.0, 1.0, 1.0]
    divergence, area = shown(plots.plot_recall, [*RECORDS, perfect])
    assert [ax.get_xlabel() for ax in (divergence, area)] == [
        "predicted KL, nats",
        "1 - predicted area under the curve",
    ]
    usual, special = divergence.lines
    assert [line.get_label() for line in (usual, special)] == ["Digits", "Digits, ResNet-18"]
    assert usual.get_xdata() == pytest.approx(np.tile(np.arange(1.0, 10.0), 3))
    assert usual.get_ydata() == pytest.approx(1 - np.tile(np.arange(1.0, 10.0), 3) / 10)
    assert special.get_ydata()[:3] == pytest.approx(1e-3)
    assert area.lines[0].get_xdata()[:2] == pytest.approx([0.9, 0.8])


def test_errors_are_drawn_in_per_cent_with_a_panel_for_each_model(shown):
    axes = shown(plots.plot_errors, RECORDS)
    assert [ax.get_title() for ax in axes] == list(plots.MODEL_TITLES.values())
    for ax, more in zip(axes, (10.0, 2.0, 0.0), strict=True):
        marks, diagonal = ax.lines
        assert marks.get_xdata() == pytest.approx([10.0] * 9)
        assert marks.get_ydata() == pytest.approx([10.0 + more] * 9)
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())


def test_epochs_are_drawn_as_medians_and_accuracies_with_ranges_over_seeds(shown):
    top, bottom = shown(plots.plot_epochs, EPOCHS)
    predicted, observed = (container.lines[0].get_ydata() for container in top.containers)
    # The third epoch's medians are 3, 4 and 5.
    assert predicted == pytest.approx([1.0, 2.0, 4.0])
    assert observed == pytest.approx([1.5, 1.5, 1.5])
    bars = top.containers[0].lines[2][0].get_segments()
    assert [np.ptp(bar[:, 1]) for bar in bars] == pytest.approx([0.0, 0.0, 2.0])
    assert bottom.containers[0].lines[0].get_ydata() == pytest.approx([50.0, 80.0, 90.0])
    assert (bottom.get_xlabel(), bottom.get_ylabel()) == ("epochs", "accuracy, %")


def test_laws_of_the_node_asked_for_are_drawn_with_their_spread(shown):
    (ax,) = shown(plots.plot_laws, EPOCHS, node=1)
    assert ax.get_ylabel() == "output node 1"
    inside, outside = ax.lines
    assert inside.get_ydata() == pytest.approx([5.0, 6.0, 7.0])
    assert outside.get_ydata() == pytest.approx([0.0, 0.0, 0.0])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((4.0, 8.0))
