"""Figures of the summary draw what the records say, every node and every run once."""

from __future__ import annotations

import numpy as np
import pytest

from aggdist.figures import summary_curves as curves
from aggdist.figures import summary_failures as failures
from aggdist.figures import summary_plots as plots
from aggdist.figures.style import TITLES
from aggdist.figures.summary_targets import DISTANCE_EXCESS
from aggdist.prediction import DEFAULT_MODEL
from aggdist.runs import DATASET_TITLES

pytestmark = pytest.mark.usefixtures("no_window")
ALL = [
    plots.plot_all_nodes,
    plots.plot_ladder,
    curves.plot_sizes,
    curves.plot_pooled_laws,
    failures.plot_error_against_divergence,
    failures.plot_bounded_and_auc,
]


def marks(ax):
    """x, y and whether it is hollow, of every mark of an axes."""
    lines = [line for line in ax.lines if line.get_linestyle() == "None"]
    parts = [
        np.column_stack(
            [*line.get_data(), np.full(len(line.get_xdata()), line.get_markerfacecolor() == "none")]
        )
        for line in lines
    ]
    return np.concatenate(parts)


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("plot", ALL)
def test_every_figure_can_be_drawn_with_and_without_records(plot, records, tmp_path):
    plot(records).savefig(tmp_path / "some.svg")
    empty = plot([])
    empty.savefig(tmp_path / "none.svg")
    assert "No record is committed yet" in empty.axes[0].texts[0].get_text()


def test_every_dataset_has_a_colour_and_a_mark_of_its_own():
    assert set(plots.DATASET_STYLES) == set(DATASET_TITLES)
    styles = list(plots.DATASET_STYLES.values())
    assert [len(set(part)) for part in zip(*styles, strict=True)] == [len(styles)] * 2


def test_all_nodes_are_drawn_once_for_each_model_and_saturated_ones_hollow(records):
    figure = plots.plot_all_nodes(records)
    saturated = sum(sum(r["nodes"]["saturated"]) for r in records)
    for ax, factor in zip(figure.axes, (3.0, 1.1), strict=True):
        found = marks(ax)
        assert len(found) == 4 * len(records)
        assert found[:, 2].sum() == saturated
        assert found[:, 0] == pytest.approx(factor * found[:, 1])
    assert [ax.get_title() for ax in figure.axes] == [TITLES["zero_inflated_gamma"], TITLES[DEFAULT_MODEL]]
    assert {"Digits", "Fashion-MNIST", "perfect prediction"} <= set(labels(figure))


def test_what_an_axis_does_not_have_is_on_its_edge(make_record):
    one = make_record()
    one["nodes"]["models"]["zero_inflated_gamma"]["kl"][0] = "inf"
    one["nodes"]["observed"]["raw"][1] = -0.2
    ax = plots.plot_all_nodes([one]).axes[0]
    found = marks(ax)
    assert found[:, 0].max() == pytest.approx(ax.get_xlim()[1])
    assert found[:, 1].min() == pytest.approx(ax.get_ylim()[0])


def test_the_ladder_has_a_dot_for_each_run_and_hollow_ones_for_saturated_runs(records):
    rungs = plots.ladder(records)
    assert list(rungs)[:4] == ["activations_iid", "activations_dependent", "activations_correlated", "gamma"]
    own = rungs[DEFAULT_MODEL]
    assert sorted(own.errors) == pytest.approx([0.05] * 7 + [0.06])
    assert own.saturated == pytest.approx((0.075,))
    assert own.median == pytest.approx(0.05)
    # The first rung of the made records is off by 60 % at every node.
    assert rungs["activations_iid"].errors == pytest.approx((0.6,) * 8)
    figure = plots.plot_ladder(records)
    assert len(marks(figure.axes[0])) == len(rungs) * len(records)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == [r.title for r in rungs.values()]


def test_a_ladder_of_saturated_runs_has_no_median(make_record):
    rung = plots.ladder([make_record(saturated=4)])[DEFAULT_MODEL]
    assert (rung.errors, rung.median) == ((), None)
    assert "floor (median)" not in labels(plots.plot_ladder([make_record(saturated=4)]))


def test_lines_over_sizes_rest_on_the_same_runs_at_every_size(records, make_record):
    runs = [*records, make_record("gem", dataset="mnist", few=("50",))]
    sizes, used, medians = curves.size_medians(runs)
    assert sizes == ["50", "200", "most"]
    assert [r["name"] for r in used] == [
        "cifar10-colourcnn-max-s0",
        *(f"fashionmnist-greycnn-{name}-s0" for name in ("avg", "max", "gem")),
    ]
    assert medians[TITLES[DEFAULT_MODEL]] == pytest.approx([0.1, 0.025, 0.05])
    assert medians["counting in the same images"] == pytest.approx([0.2, 0.05, 0.1])
    assert medians["floor"] == pytest.approx([0.04] * 3)
    figure = curves.plot_sizes(runs)
    drawn = {line.get_label(): line.get_data() for line in figure.axes[0].lines}
    assert drawn["floor"][0] == pytest.approx([50, 200, 500])
    assert drawn[TITLES["normal"]][1] == pytest.approx([0.1424, 0.0356, 0.0712])


@pytest.mark.parametrize("options", [{"few": ()}, {"saturated": 4}])
def test_no_run_with_several_sizes_says_so(make_record, options):
    figure = curves.plot_sizes([make_record(**options)])
    assert not figure.axes[0].lines
    assert figure.axes[0].texts[0].get_text().startswith("No run has unsaturated nodes")


def test_laws_of_pooled_features_are_above_or_below_the_floor(make_record):
    runs = [make_record("avg", excess=e) for e in (-0.01, 0.01, 0.02)] + [make_record("max")]
    ax = curves.plot_pooled_laws(runs).axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["average pooling", "max pooling"]
    found = marks(ax)
    assert len(found) == 4 * len(runs)
    medians = [line.get_ydata()[0] for line in ax.lines if line.get_linewidth() == 2.6]
    assert medians[-2:] == pytest.approx([0.01, 0.004])  # the default model's law, average and max
    level = [line.get_ydata()[0] for line in ax.lines if line.get_label() == "asked"]
    assert level == [DISTANCE_EXCESS]


def test_errors_against_the_divergence(make_record):
    one = make_record(observed=(2.0, 3.0, 5.0, 20.0), errors={DEFAULT_MODEL: 0.2})
    left, right = failures.plot_error_against_divergence([one]).axes
    assert marks(left)[:, 1] == pytest.approx([1 / 1.1] * 4)
    assert marks(right)[:, 1] == pytest.approx([0.2] * 4)
    assert list(marks(left)[:, 2]) == [0, 0, 0, 1]


def test_bounded_divergence_and_area_under_the_curve(make_record):
    one = make_record()
    one["nodes"]["observed"]["auc"][3] = 1.0
    left, right = failures.plot_bounded_and_auc([one]).axes
    assert marks(left)[:, 0] == pytest.approx(marks(left)[:, 1])
    assert marks(right)[:3, 1] == pytest.approx([0.05, 1 / 30, 0.02])
    assert marks(right)[3, 1] == failures.LEAST_AREA
