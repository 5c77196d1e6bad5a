from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from aggdist.experiment import RecordError
from aggdist.figures import summary_figures as figures
from aggdist.figures import summary_records, summary_results, summary_tables
from aggdist.figures.style import TITLES
from aggdist.prediction import DEFAULT_MODEL

README = (
    "# A\n<!-- headline:begin -->\nold\n<!-- headline:end -->\n"
    "kept\n<!-- results:begin --><!-- results:end -->\n"
)
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def record(make_record):
    return make_record


@pytest.fixture
def three(record):
    return [record("gem"), record("avg"), record("max")]


@pytest.fixture
def checkout(tmp_path, three):
    """A folder with records, README and book, as far as the command looks."""
    for name in ("results", "book/_static"):
        (tmp_path / name).mkdir(parents=True)
    for one in three:
        (tmp_path / "results" / f"{one['name']}.json").write_text(json.dumps(one))
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def cells(table):
    rows = [line.strip("|") for line in table.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row.split("|")] for row in rows]


class TestRecords:
    def test_order_is_dataset_then_average_max_gem_then_seed(self, three, record):
        records = [*three, record("avg", seed=1), record("max", dataset="digits")]
        names = [r["name"] for r in summary_records.ordered(records)]
        assert names == [
            "digits-greycnn-max-s0",
            *(f"fashionmnist-greycnn-{rest}" for rest in ("avg-s0", "avg-s1", "max-s0", "gem-s0")),
        ]

    def test_main_runs_are_the_first_of_each_aggregation_on_fashion_mnist(self, three, record):
        chosen = summary_records.main_runs([record("avg", seed=3), record(dataset="digits"), *three])
        assert [(r["aggregation"], r["seed"]) for r in chosen] == [("avg", 0), ("max", 0), ("gem", 0)]

    def test_load_reads_every_record(self, checkout, three):
        assert summary_records.load_records(checkout / "results") == summary_records.ordered(three)

    def test_a_damaged_record_is_an_error(self, checkout):
        (checkout / "results" / "broken.json").write_text("{")
        with pytest.raises(RecordError, match=r"broken\.json is damaged"):
            summary_records.load_records(checkout / "results")

    @pytest.mark.parametrize(
        ("words", "text"),
        [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
    )
    def test_listed(self, words, text):
        assert summary_records.listed(words) == text


class TestTable:
    def test_a_row_holds_the_numbers_and_ends_in_its_command(self, three):
        header, rule, first, *rest = cells(summary_tables.results_table(three))
        assert len(rest) == 2
        assert len(header) == len(rule) == len(first)
        assert (header[0], header[-1]) == ("Run", "Command")
        assert (rule[0], rule[1], rule[-1]) == ("---", "---:", "---")
        assert first == [
            "fashionmnist, greycnn, average, seed 0",
            f"91.2{SPACE}%",
            "0.055",
            "0.059",
            f"5.0{SPACE}%",
            f"4.0{SPACE}%",
            f"78{SPACE}%",
            "3/4",
            "`python -m aggdist runs --only fashionmnist-greycnn-avg-s0`",
        ]

    def test_in_the_book_there_is_more_and_the_name_links_to_the_page(self, three):
        table = summary_tables.results_table(three, linked=True)
        header, _, first, *_ = cells(table)
        row = dict(zip(header, first, strict=True))
        assert row["Run"] == "{doc}`fashionmnist-greycnn-avg-s0 <runs/fashionmnist-greycnn-avg-s0>`"
        assert row["normals"] == f"7.1{SPACE}%"
        assert row["50 images, default"] == f"10{SPACE}%"
        assert row["50 images, counting"] == f"20{SPACE}%"
        assert "Command" not in header
        assert "python -m aggdist runs --only RUN --force" in table
        assert TITLES[DEFAULT_MODEL] in table

    def test_where_all_nodes_are_saturated_the_error_is_over_all_and_has_a_star(self, record):
        row = cells(summary_tables.results_table([record(saturated=4)]))[2]
        assert row[4:8] == [f"7.5{SPACE}%\\*", f"6.0{SPACE}%\\*", f"117{SPACE}%\\*", "0/4"]

    def test_a_run_with_small_classes_has_dashes_for_few_images(self, record):
        row = cells(summary_tables.results_table([record(few=())], linked=True))[2]
        assert row[-2:] == ["\N{EN DASH}"] * 2

    def test_an_infinite_error_is_said_in_a_word(self, record):
        one = record()
        one["nodes"]["models"]["zero_inflated_gamma"]["matched_error"] = "inf"
        assert cells(summary_tables.results_table([one]))[2][6] == "infinite"

    @pytest.mark.parametrize(
        ("share", "decimals", "text"),
        [
            (0.0994, None, "9.9"),
            (0.0996, None, "10"),
            (2.5, None, "250"),
            (0.1234, 1, "12.3"),
            (-0.02, None, "-2.0"),
        ],
    )
    def test_percent(self, share, decimals, text):
        assert summary_results.percent(share, decimals) == f"{text}{SPACE}%"

    def test_what_a_run_does_not_have_is_a_dash(self):
        assert summary_results.percent(None) == "\N{EN DASH}"

    def test_without_records_it_says_how_to_make_them(self, record):
        assert "python -m aggdist runs" in summary_tables.results_table([])
        assert "python -m aggdist runs" in summary_tables.headline([record(dataset="digits")])

    def test_headline_has_three_points_with_each_pooling_s_numbers(self, three):
        three[1]["nodes"]["models"][DEFAULT_MODEL]["matched_error"] = 0.123  # of avg, which comes first
        text = " ".join(summary_tables.headline(three).replace(SPACE, " ").split())
        assert "average, max and GeM pooling" in text
        assert "0.059, 0.059 and 0.059 to held-out images" in text
        assert "0.055, 0.055 and 0.055" in text
        assert "78 %, 78 % and 78 %" in text
        assert "12 %, 5.0 % and 5.0 %" in text
        assert "would show 4.0 %, 4.0 % and 4.0 %." in text
        assert "not saturated (3 of 4, 3 of 4 and 3 of 4)." in text
        assert [part in text for part in ("1. ", "2. ", "3. ", "4. ")] == [True, True, True, False]

    def test_headline_says_where_errors_are_over_all_nodes(self, three, record):
        text = summary_tables.headline([*three[:2], record("max", saturated=4)])
        assert "or over all nodes where every one is" in text
        assert "*" not in text.replace("**", "")

    def test_protocol_names_the_defaults_of_a_run(self):
        values = {row[1]: row[2] for row in cells(summary_tables.protocol_table())}
        assert values["`fit_per_class`"] == "500"
        assert values["`splits`"] == "20"
        assert values["`draws`"] == "10"

    def test_includes_are_written_for_the_book(self, checkout):
        summary_tables.write_includes(checkout, checkout / "book" / "_generated")
        written = {path.name for path in (checkout / "book" / "_generated").iterdir()}
        assert written == {"headline.md", "results_table.md", "protocol.md"}


class TestMarkers:
    def test_only_what_is_between_the_markers_changes(self):
        text = summary_tables.with_generated(README, {"headline": "new\n", "results": r"\1 back" + "\n"})
        assert text == (
            "# A\n<!-- headline:begin -->\nnew\n<!-- headline:end -->\nkept\n"
            "<!-- results:begin -->\n\\1 back\n<!-- results:end -->\n"
        )

    @pytest.mark.parametrize("text", ["no markers", README + README])
    def test_markers_that_are_missing_or_stand_twice_are_an_error(self, text):
        with pytest.raises(ValueError, match=r"pairs of markers .* expected one; put them in again"):
            summary_tables.with_generated(text, {"headline": "new\n"})


class TestCommand:
    def test_write_then_check(self, checkout, capsys):
        assert summary_tables.main(["--check"], checkout) == 1
        assert "README.md is not what results/ says; run: python -m" in capsys.readouterr().err
        assert summary_tables.main(["--write"], checkout) == 0
        assert summary_tables.main(["--check"], checkout) == 0
        assert "fashionmnist-greycnn-gem-s0" in (checkout / "README.md").read_text(encoding="utf-8")
        assert "kept" in (checkout / "README.md").read_text(encoding="utf-8")

    def test_a_changed_record_makes_both_stale(self, checkout, three):
        summary_tables.write(checkout)
        three[1]["nodes"]["models"]["normal"]["kl"][0] = 2.5
        three[1]["test_accuracy"] = 0.5
        (checkout / "results" / f"{three[1]['name']}.json").write_text(json.dumps(three[1]))
        assert summary_tables.stale(checkout) == ["README.md", "book/_static/main_result.svg"]

    def test_a_figure_without_records_is_stale(self, checkout):
        summary_tables.write(checkout)
        for path in (checkout / "results").iterdir():
            path.unlink()
        assert "book/_static/main_result.svg" in summary_tables.stale(checkout)

    def test_without_records_of_fashion_mnist_there_is_no_figure(self, checkout, capsys):
        for path in (checkout / "results").iterdir():
            path.unlink()
        assert summary_tables.main(["--write"], checkout) == 1
        assert "got no record of fashionmnist" in capsys.readouterr().err
        assert not (checkout / "book" / "_static" / "main_result.svg").exists()

    def test_one_of_write_and_check_has_to_be_said(self, checkout):
        with pytest.raises(SystemExit):
            summary_tables.main([], checkout)


@pytest.mark.usefixtures("no_window")
class TestMainFigure:
    def test_panels_hold_the_numbers_of_the_records(self, three):
        panels = figures.load_main_result(three)
        assert [panel.title for panel in panels] == ["Average pooling", "Max pooling", "GeM pooling"]
        assert panels[0].observed == (2.0, 3.0, 5.0, 8.0)
        assert [points.model for points in panels[0].models] == list(figures.MAIN_MODELS)
        default = panels[0].models[2]
        assert (default.model, default.title) == (DEFAULT_MODEL, TITLES[DEFAULT_MODEL])
        assert default.predicted == pytest.approx([2.2, 3.3, 5.5, 8.8])
        assert not any(default.saturated)

    def test_every_node_is_drawn_once_for_each_model(self, three):
        figure = figures.plot_main_result(figures.load_main_result(three))
        assert len(figure.axes) == 3
        for ax in figure.axes:
            points = [line for line in ax.lines if line.get_linestyle() == "None"]
            assert sum(line.get_xdata().size for line in points) == len(figures.MAIN_MODELS) * 4
            hollow = [line for line in points if line.get_markerfacecolor() == "white"]
            assert sum(line.get_xdata().size for line in hollow) == 2  # independent channels: 15 and 24 nats

    def test_what_lies_on_the_diagonal_is_a_perfect_prediction(self, record):
        figure = figures.plot_main_result(figures.load_main_result([record()]))
        diagonal = figure.axes[0].lines[0]
        np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())

    def test_an_infinite_prediction_is_drawn_at_the_right_edge_and_explained(self, record):
        one = record()
        one["nodes"]["models"]["zero_inflated_gamma"]["kl"][1] = "inf"
        figure = figures.plot_main_result(figures.load_main_result([one]))
        ax = figure.axes[0]
        (edge,) = [line for line in ax.lines if line.get_marker() == ">"]
        assert edge.get_xdata() == pytest.approx([ax.get_xlim()[1]])
        assert edge.get_ydata() == pytest.approx([3.0])
        assert "at the right edge: infinite" in [text.get_text() for text in figure.legends[0].get_texts()]

    def test_an_interval_that_reaches_below_zero_leaves_the_figure_drawable(self, tmp_path, record):
        one = record()
        one["nodes"]["observed"]["raw_low"][0] = -0.5
        figures.draw_main_result(figures.load_main_result([one]), tmp_path / "figure.svg")
        assert (tmp_path / "figure.svg").stat().st_size > 1000

    def test_the_file_is_an_svg_with_title_and_digest_and_the_same_each_time(self, tmp_path, three):
        panels = figures.load_main_result(three)
        for name in ("a.svg", "b.svg"):
            figures.draw_main_result(panels, tmp_path / name)
        text = (tmp_path / "a.svg").read_text(encoding="utf-8")
        assert text == (tmp_path / "b.svg").read_text(encoding="utf-8")
        assert figures.main_result_digest(panels) in text
        root = ET.fromstring(text)
        title = root.find("{http://www.w3.org/2000/svg}title")
        assert title is not None
        assert title.text == "Predicted and observed KL divergence of output nodes"

    def test_without_records_it_says_how_to_make_them(self, record):
        with pytest.raises(ValueError, match="python -m aggdist runs --only 'fashionmnist-"):
            figures.load_main_result([record(dataset="digits")])
