"""Figures, tables and text of one run: every number they show is the record's."""

from __future__ import annotations

import re
import warnings
from itertools import pairwise

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from aggdist import figures
from aggdist.analysis import DOWNSTREAM, POOLED_MODELS, SHOWN_MODELS
from aggdist.experiment import RunParameters
from aggdist.figures import run_tables, style
from aggdist.paths import repository_root
from aggdist.prediction import COSTLY_MODELS, DEFAULT_MODEL, FEATURE_MODELS

RUNGS = ("activations_iid", "activations_dependent", "activations_correlated", *DOWNSTREAM)
PLOTS = (
    figures.plot_assumptions,
    figures.plot_distances,
    figures.plot_ladder,
    figures.plot_node_laws,
    figures.plot_pooled_examples,
    figures.plot_predicted_against_observed,
)
TEXTS = (
    figures.assumptions_table,
    figures.models_table,
    figures.node_table,
    figures.provenance_text,
    figures.sizes_text,
    figures.summary,
)
SATURATED = {"none": (), "some": (0, 3), "all": range(10)}


def errors(key, value, *, every):
    """An error over all nodes, and half as large over those that are not saturated, if there are any."""
    return {f"all_nodes_{key}": value, key: None if every else value / 2}


def models_of(observed, saturated, scale):
    """The models' part of a record: the error of the i-th is `scale` times (i + 1) per cent."""
    every, found = bool(np.all(saturated)), {}
    for i, name in enumerate(FEATURE_MODELS):
        found[name] = {
            "kl": list((1 + i) * observed),
            "matched": list((1 + i / 10) * observed),
            "auc": [0.9 + i / 1000] * len(observed),
            "bounded": list(0.3 + i / 1000 + 0 * observed),
            "saturated": list(map(bool, saturated)),
            **errors("matched_error", scale * (i + 1) / 100, every=every),
            **errors("raw_error", scale * (i + 1) / 10, every=every),
            **errors("floor", 0.005, every=every),
            **errors("bounded_error", 0.011, every=every),
            "auc_error": 0.0021,
            "auc_floor": 0.0012,
            "splits": 2 if name in COSTLY_MODELS else 20,
        } | ({"saturated_bounded_error": 0.0346} if any(saturated) else {})
    return {
        "models": found,
        "counted": errors("matched_error", 0.123 * scale, every=every),
        "attainable": errors("matched_error", 0.0456 * scale, every=every),
    }


def make_record(classes=10, saturated=(), few=(50, 200), aggregation="avg"):
    """A record whose numbers are known, with all that a page reads."""
    observed = np.linspace(1.5, 6, classes)
    hidden = np.isin(np.arange(classes), saturated)
    grid, edges = np.linspace(0, 3, 9), np.linspace(0, 3, 5)
    density = np.exp(-grid)
    laws = {name: list(density) for name in POOLED_MODELS}
    ks = {name: 0.05 + i / 100 for i, name in enumerate((*POOLED_MODELS, "floor"))}
    example = {
        "label": 1, "channel": 7, "zeros": 0.25, "edges": list(edges), "density": [0.6, 0.3, 0.1, 0.0],
        "grid": list(grid), "laws": laws, "ks": ks,
    }  # fmt: skip
    two_sides = {"in": [list(density)] * classes, "out": [list(density[::-1])] * classes}
    bars = [[0.4, 0.3, 0.2, 0.1]] * classes
    return {
        "name": "made-net-avg-s0",
        "aggregation": aggregation,
        "test_accuracy": 0.9876,
        "class_names": [f"class {k}" for k in range(classes)],
        "training": {"examples": 12345},
        "map": {"channels": 64, "positions": 1, "active": 0.4, "effective_positions": {"q50": 1.0}},
        "protocol": {
            "fit": [40 if not few else 500] * classes, "judge": [501] * classes, "few": list(few), "splits": 20,
            "costly_splits": 2, "draws": 10, "raw_k": 1, "matched_k": 5,
        },
        "pooled": {
            "mean_ks": ks,
            "ks_quantiles": {name: [v / 4, v / 2, v, 2 * v, 3 * v] for name, v in ks.items()},
            "examples": [example] * 6,
        },
        "nodes": {
            "observed": {
                "raw": list(observed), "raw_low": list(0.9 * observed), "raw_high": list(1.1 * observed),
                "matched": list(observed), "auc": [0.95] * classes, "bounded": [0.3] * classes,
            },
            "reference": DEFAULT_MODEL,
            "saturated": list(map(bool, hidden)),
            **models_of(observed, hidden, 1.0),
            "fewer": {str(n): models_of(observed, hidden, 1000 / n) for n in few},
        },
        "curves": {
            "grid": [list(grid)] * classes, "edges": [list(edges)] * classes,
            "observed": {"in": bars, "out": bars}, "predicted": dict.fromkeys(SHOWN_MODELS, two_sides),
        },
        "ladder": {
            "rungs": {
                name: {
                    "all_nodes_matched_error": 3.21 / 2**i, "all_nodes_floor": 0.0321, "auc_error": 0.0123 + i / 1000
                }
                for i, name in enumerate(RUNGS)
            }
        },
        "parameters": {"dataset": "made", "seed": 0},
        "provenance": {
            "computed": "2026-01-02T03:04:05+00:00", "python": "3", "packages": {"torch": "2"}, "threads": 1,
            "processor": "one", "commit": None, "analysis": "other",
        },
    }  # fmt: skip


@pytest.fixture(autouse=True)
def drawing():
    """The book's style without a window; figures closed at the end."""
    with plt.rc_context({"backend": "agg"}):
        style.use_style()
        yield
        plt.close("all")


def cells(table):
    rows = [line.strip().strip("|") for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def row_names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def beside(ax):
    return [text.get_text() for text in ax.texts]


class TestEveryPage:
    @pytest.mark.parametrize("plot", [*PLOTS, figures.plot_sizes])
    @pytest.mark.parametrize("classes", [2, 10])
    @pytest.mark.parametrize("saturated", SATURATED.values(), ids=SATURATED)
    def test_figures_are_drawn_with_nothing_cut_or_overlapping(self, plot, classes, saturated):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = plot(make_record(classes, saturated))
            figure.draw_without_rendering()
        page = figure.bbox.padded(3)
        shown = [ax for ax in figure.axes if ax.get_visible()]
        texts = [text for ax in shown for text in (*ax.texts, *ax.get_yticklabels(), ax.title)]
        boxes = [text.get_window_extent() for text in texts if text.get_text()]
        for ax in shown:
            heights = sorted((box.y0, box.y1) for box in (text.get_window_extent() for text in ax.texts))
            assert all(low[1] <= high[0] for low, high in pairwise(heights))
            assert all(text.get_window_extent().x0 >= ax.get_window_extent().x1 for text in ax.texts)
        for box in (legend.get_window_extent() for legend in figure.legends):
            boxes.append(box)
            assert all(box.y0 >= ax.get_window_extent().y1 for ax in shown)
        assert all(page.containsx(box.x0) and page.containsx(box.x1) for box in boxes)

    @pytest.mark.parametrize("few", [(), (50,), (50, 200)])
    @pytest.mark.parametrize("saturated", SATURATED.values(), ids=SATURATED)
    def test_tables_are_whole_and_hold_no_missing_number(self, few, saturated):
        record = make_record(10, saturated, few)
        for text in TEXTS:
            shown = text(record)
            assert not re.search(r"\b(None|nan|inf)\b", shown)
            widths = [len(row) for row in cells(shown)]
            assert len(set(widths)) <= 1

    def test_every_thing_has_a_name_a_colour_and_a_mark_of_its_own(self):
        assert {*FEATURE_MODELS, *RUNGS} == set(style.TITLES) == set(style.MARKERS)
        assert len(set(style.MARKERS.values())) == len(style.MARKERS)
        assert set(style.TITLES) <= set(style.COLOURS)
        colours = [to_rgb(style.COLOURS[name]) for name in style.TITLES]
        assert len(set(colours)) == len(colours)
        assert set(FEATURE_MODELS) == set(style.LINES) == set(style.LAW_TITLES) == set(run_tables.KEPT)
        shown = {style.LINES[name] for name in {*SHOWN_MODELS, *POOLED_MODELS}}
        assert len(shown) == len({*SHOWN_MODELS, *POOLED_MODELS})
        assert set(RUNGS) <= set(run_tables.STEPS)


class TestPooledFeatures:
    def test_the_default_s_law_of_single_features_is_named_as_such(self):
        record = make_record()
        laws = ["zero-inflated generalised gamma", "zero-inflated gamma", "gamma", "normal"]
        assert legend(figures.plot_pooled_examples(record)) == ["held-out images", *laws]
        assert row_names(figures.plot_distances(record).axes[0]) == ["two-sample floor", *laws]

    def test_signed_features_have_one_law(self):
        record = make_record() | {"signed": True}
        assert legend(figures.plot_pooled_examples(record)) == ["held-out images", "normal"]

    def test_titles_give_the_distance_of_the_default_s_law(self):
        record = make_record()
        title = figures.plot_pooled_examples(record).axes[0].get_title()
        assert title == f"class 1, channel 7\n25 % zeros, KS {record['pooled']['mean_ks'][DEFAULT_MODEL]:.2f}"


class TestScatter:
    def test_shows_three_models_and_every_node_in_both_panels(self):
        figure = figures.plot_predicted_against_observed(make_record(10, (0, 3)))
        models = ["zero_inflated_gamma", "normal", DEFAULT_MODEL]
        assert legend(figure) == [
            *(style.TITLES[n] for n in models),
            "hollow: saturated",
            "perfect prediction",
        ]
        for ax in figure.axes:
            for name in models:
                marks = [line for line in ax.lines if line.get_marker() == style.MARKERS[name]]
                drawn = {line.get_markerfacecolor() == "white": len(line.get_xdata()) for line in marks}
                assert drawn == {False: 8, True: 2}
            np.testing.assert_array_equal(ax.lines[0].get_xdata(), ax.lines[0].get_ydata())

    def test_infinite_and_negative_values_stand_on_the_edges(self):
        record = make_record(3)
        record["nodes"]["models"]["normal"]["kl"][1] = "inf"
        record["nodes"]["observed"]["raw"][0] = record["nodes"]["observed"]["raw_low"][0] = -0.1
        figure = figures.plot_predicted_against_observed(record)
        assert legend(figure)[-1] == "on an edge: infinite, or not positive"
        left = figure.axes[0]
        (marks,) = (line for line in left.lines if line.get_marker() == style.MARKERS["normal"])
        assert marks.get_xdata()[1] == left.get_xlim()[1]
        assert marks.get_ydata()[0] == left.get_ylim()[0]
        figure.draw_without_rendering()
        assert "on an edge" not in "".join(legend(figures.plot_predicted_against_observed(make_record(3))))


class TestErrors:
    def test_rungs_are_in_order_with_error_and_floor(self):
        ax = figures.plot_assumptions(make_record()).axes[0]
        assert ax.get_xscale() == "log"
        assert [name[:2] for name in row_names(ax)] == [f"{i}." for i in range(1, len(RUNGS) + 1)]
        assert row_names(ax)[0] == "1. activations:\nindependent positions and channels"
        assert row_names(ax)[3] == "4. pooled features:\nindependent zero-inflated gammas"
        assert beside(ax) == [
            f"{text}, floor 3.2 %" for text in ("321 %", "160 %", "80 %", "40 %", "20 %", "10 %")
        ]
        marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() != "None"]
        np.testing.assert_allclose(marks, 3.21 / 2.0 ** np.arange(len(RUNGS)))
        assert ax.yaxis_inverted()

    def test_the_line_parts_activations_from_pooled_features(self):
        ax = figures.plot_assumptions(make_record()).axes[0]
        (line,) = (line for line in ax.lines if list(line.get_xdata()) == [0, 1])
        assert line.get_ydata()[0] == 2.5

    @pytest.mark.parametrize(("saturated", "groups"), [("none", 1), ("all", 1), ("some", 2)])
    def test_feature_models_over_all_nodes_and_over_those_not_saturated(self, saturated, groups):
        figure = figures.plot_ladder(make_record(10, SATURATED[saturated]))
        ax = figure.axes[0]
        assert row_names(ax) == [style.TITLES[name] for name in FEATURE_MODELS]
        texts = [f"{i}.0 %, floor 0.50 %" for i in range(1, len(FEATURE_MODELS) + 1)]
        halves = [f"{i / 2:.{1 if i > 1 else 2}f} %, floor 0.25 %" for i in range(1, len(FEATURE_MODELS) + 1)]
        assert beside(ax) == texts + halves * (groups - 1)
        if groups == 2:
            assert legend(figure) == ["all 10 nodes", "the 8 nodes that are not saturated"]
        else:
            assert not figure.legends

    def test_an_infinite_error_is_a_word_and_stands_right_of_all(self):
        record = make_record()
        record["ladder"]["rungs"]["activations_iid"]["all_nodes_matched_error"] = "inf"
        ax = figures.plot_assumptions(record).axes[0]
        assert beside(ax)[0] == "infinite, floor 3.2 %"
        marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() != "None"]
        assert marks[0] > max(marks[1:])

    @pytest.mark.parametrize(("saturated", "share"), [("none", 0.5), ("some", 0.5), ("all", 1)])
    def test_errors_by_number_of_images_are_over_the_headline_s_nodes(self, saturated, share):
        figure = figures.plot_sizes(make_record(10, SATURATED[saturated]))
        lines = {line.get_label(): line for line in figure.axes[0].lines}
        assert list(lines) == legend(figure)
        scale = np.array([20.0, 5.0, 1.0])
        place = {name: i for i, name in enumerate(FEATURE_MODELS, start=1)}
        wanted = {
            style.TITLES[DEFAULT_MODEL]: place[DEFAULT_MODEL] / 100 * scale,
            style.TITLES["normal"]: place["normal"] / 100 * scale,
            "counting, without a model": 0.123 * scale,
            "attainable": 0.0456 * scale,
            "floor": np.full(3, 0.005),
        }
        for name, values in wanted.items():
            np.testing.assert_allclose(lines[name].get_ydata(), share * values)
            assert list(lines[name].get_xdata()) == [50, 200, 500]

    def test_without_fewer_images_there_is_no_such_figure(self):
        with pytest.raises(
            ValueError, match="got one number of fitting images of each class, expected several"
        ):
            figures.plot_sizes(make_record(few=()))

    def test_an_attainable_error_that_is_not_known_leaves_a_gap(self):
        record = make_record()
        record["nodes"]["attainable"] = {}
        lines = {line.get_label(): line for line in figures.plot_sizes(record).axes[0].lines}
        assert np.isnan(lines["attainable"].get_ydata()[-1])
        assert cells(figures.sizes_text(record))[-1][-1] == "unknown"


class TestTables:
    def test_summary_has_the_protocol(self):
        rows = dict(cells(figures.summary(make_record(10, (0, 3)))))
        assert rows["Test accuracy"] == "98.8 %"
        assert rows["Fitting and judging images"].startswith("500 and 501 of each class")
        assert rows["Fitting and judging images"].endswith("fitted on 50 and 200")
        assert rows["Halvings of the test images"].startswith(
            "20, of which 2 for costly models (independent gammas,"
        )
        assert all(style.TITLES[name] in rows["Halvings of the test images"] for name in COSTLY_MODELS)
        assert rows["Saturated nodes"].startswith("2 of 10;")
        assert rows["Default feature model"] == FEATURE_MODELS[DEFAULT_MODEL].title

    def test_summary_says_over_which_nodes_errors_are(self):
        place = list(FEATURE_MODELS).index(DEFAULT_MODEL) + 1
        some, none, every = (
            dict(cells(figures.summary(make_record(10, nodes)))) for nodes in ((0, 3), (), range(10))
        )
        half = f"matched {place / 2:.1f} % (floor 0.25 %), raw {10 * place / 2:.0f} %"
        assert none["Error of the default model"] == half
        assert none["Saturated nodes"] == "none of 10"
        assert (
            some["Error of the default model"] == f"{half}; bounded divergence of saturated nodes 0.035 nats"
        )
        assert every["Error of the default model"].startswith(f"matched {place}.0 % (floor 0.50 %)")
        assert "no node that is not saturated" in every["Saturated nodes"]

    def test_summary_of_few_images_and_one_number_of_splits(self):
        record = make_record(few=())
        for model in record["nodes"]["models"].values():
            model["splits"] = 20
        rows = dict(cells(figures.summary(record)))
        assert rows["Halvings of the test images"] == "20"
        assert rows["Fitting and judging images"] == "40 and 501 of each class (of the smallest)"

    def test_nodes_with_the_bounded_divergence_of_saturated_ones(self):
        record = make_record(3, (1,))
        record["nodes"]["models"]["normal"]["kl"][2] = "inf"
        header, _, first, second, third = cells(figures.node_table(record))
        names = (DEFAULT_MODEL, "normal", "zero_inflated_gamma")
        assert header[:5] == ["Node", "observed (95 %)", *(style.TITLES[n] for n in names)]
        place = {name: i for i, name in enumerate(FEATURE_MODELS)}
        assert first[:2] == ["class 0", "1.50 (1.35 to 1.65)"]
        assert first[2:5] == [f"{1.5 * (1 + place[n]):.2f}" for n in names]
        assert third[3] == "infinite"
        auc = ["0.9500", f"{0.9 + place[DEFAULT_MODEL] / 1000:.4f}"]
        assert first[5:] == [*auc, "", "", ""]
        assert second[5:] == [*auc, "yes", "0.300", f"{0.3 + place[DEFAULT_MODEL] / 1000:.3f}"]

    def test_without_saturated_nodes_the_table_has_no_columns_for_them(self):
        assert cells(figures.node_table(make_record(3)))[0][-1] == "AUC predicted"

    def test_a_bar_in_a_name_does_not_end_its_cell(self):
        record = make_record(3)
        record["class_names"][0] = "a|b"
        assert cells(figures.node_table(record))[2][0] == "a\\|b"

    def test_assumptions_have_a_sentence_each_and_a_remark_on_averages(self):
        text = figures.assumptions_table(make_record())
        rows = cells(text)[2:]
        assert [row[0] for row in rows] == [str(i) for i in range(1, 7)]
        assert [row[1] for row in rows] == [run_tables.STEPS[name] for name in RUNGS]
        assert [row[3] for row in rows] == [f"{0.0123 + i / 1000:.4f}" for i in range(6)]
        remark = "rungs 3 and 5 are the same laws"
        assert remark in text
        assert remark not in figures.assumptions_table(make_record(aggregation="max"))

    def test_what_rungs_are_compared_with_stands_where_the_sentences_say(self):
        assert RUNGS.index("activations_dependent") + 1 == 2
        assert (RUNGS.index("activations_correlated") + 1, RUNGS.index("normal") + 1) == (3, 5)

    def test_models_with_their_errors(self):
        every, some = (figures.models_table(make_record(10, nodes)) for nodes in (range(10), (0,)))
        assert cells(every)[2][2:] == ["10 %", "1.0 %", "0.50 %", "0.0021 (0.0012)", "0.011"]
        assert cells(some)[2][2:5] == ["5.0 %", "0.50 %", "0.25 %"]
        assert "medians over all nodes" in every
        assert "medians over the nodes that are not saturated" in some

    def test_numbers_of_images(self):
        place = list(FEATURE_MODELS).index(DEFAULT_MODEL) + 1
        rows = cells(figures.sizes_text(make_record(10, range(10))))[2:]
        assert [row[0] for row in rows] == ["50", "200", "500"]
        assert rows[1][1:] == [f"{5 * place} %", "62 %", "23 %"]
        assert "40 fitting images of the smallest are too few" in figures.sizes_text(make_record(few=()))

    @pytest.mark.parametrize(
        ("share", "text"),
        [(7.654, "765 %"), (0.1, "10 %"), (0.0767, "7.7 %"), (0.00123, "0.12 %"), ("inf", "infinite")],
    )
    def test_shares(self, share, text):
        assert run_tables.percent(share) == text


class TestNotebook:
    @pytest.fixture(scope="class")
    def notebook(self):
        return nbformat.read(repository_root() / "notebooks/experiments/experiment.ipynb", as_version=4)

    def test_parameters_are_those_of_a_run(self, notebook):
        (cell,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
        values: dict[str, object] = {}
        exec(cell.source, values)
        default = RunParameters("digits", "digitcnn", "avg")
        for name in RunParameters.__dataclass_fields__:
            assert values[name] == getattr(default, name)

    def test_shows_every_figure_and_table_of_a_run(self, notebook):
        source = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
        for function in (*PLOTS, *TEXTS, figures.plot_sizes):
            assert source.count(f"figures.{function.__name__}(result)") == 1

    def test_figures_named_in_the_text_are_always_there(self, notebook):
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        always = [
            c.metadata["mystnb"]["figure"]["name"]
            for c in notebook.cells
            if "mystnb" in c.metadata and not c.source.startswith("if ")
        ]
        assert set(re.findall(r"<(fig-[^>]+)>", text)) <= set(always)
        assert all(c.metadata["mystnb"]["image"]["alt"] for c in notebook.cells if "mystnb" in c.metadata)

    @pytest.mark.parametrize(
        "word", ["Raw", "Matched", "Floor", "Attainable", "Counting", "Saturated", "Bounded"]
    )
    def test_words_are_defined_once(self, notebook, word):
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        assert text.count(f"- **{word}**") == 1
