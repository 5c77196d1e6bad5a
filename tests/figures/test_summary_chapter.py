"""Tables and sentences of the summary chapter, and the notebook that shows them."""

from __future__ import annotations

import re

import nbformat
import numpy as np
import pytest

from aggdist.figures import summary_chapter as chapter
from aggdist.figures import summary_reasons as reasons
from aggdist.figures import summary_statistics as statistics
from aggdist.figures import summary_targets as targets
from aggdist.figures.style import TITLES
from aggdist.figures.summary_choice import model_for
from aggdist.house import book
from aggdist.paths import repository_root
from aggdist.prediction import COSTLY_MODELS, DEFAULT_MODEL, FEATURE_MODELS

ROOT = repository_root()
NOTEBOOK = ROOT / "notebooks" / "experiments" / "summary.ipynb"
SPACE, DASH = "\N{NO-BREAK SPACE}", "\N{EN DASH}"
TEXTS = [
    chapter.overview,
    chapter.choice_sentence,
    chapter.choice_table,
    chapter.left_out_table,
    chapter.seed_table,
    lambda records: chapter.rank_table(records, model_for(records)),
    lambda records: chapter.targets_table(targets.error_targets(records)),
    lambda records: chapter.targets_table(targets.distance_targets(records)),
    lambda records: chapter.targets_table(targets.accuracy_targets(records)),
    reasons.attainable_table,
    reasons.attainable_sentence,
    reasons.exact_law_sentence,
    reasons.independence_sentence,
    reasons.saturation_table,
    reasons.tails_sentence,
    reasons.counting_sentence,
    reasons.small_table,
]


def cells(table):
    rows = [line.strip("|") for line in table.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def rows(table):
    """Rows by their first cell, as dictionaries by heading."""
    header, _, *rest = cells(table)
    return {row[0]: dict(zip(header, row, strict=True)) for row in rest}


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_every_text_can_be_made_with_any_records(number, records, make_record):
    text = TEXTS[number]
    for some in (records, [], [make_record(saturated=4)], [make_record(few=())]):
        made = text(some)
        assert made.strip()
        assert made.endswith("\n")
        assert not re.search(r"\b(None|nan|inf)\b", made)
        assert len({len(row) for row in cells(made)}) <= 1


def test_overview_counts_and_names_what_is_left_out(records):
    text = chapter.overview(records)
    assert (
        "9 runs of 5 networks on 5 datasets, with 36 output nodes in all; 25 of them are not saturated"
        in text
    )
    assert "unsaturated nodes: MNIST with `greycnn` (1 of 1 runs)." in text
    assert "Digits with `digitcnn` (3 of 3 runs) and Free Spoken Digits with `melcnn` (1 of 1 runs)." in text


def test_the_chosen_model_is_bold_and_costly_ones_are_marked(records):
    table = rows(chapter.choice_table(records))
    marked = {name for name in FEATURE_MODELS if f"{TITLES[name]} †" in table}
    assert marked == set(COSTLY_MODELS)
    assert table[TITLES[DEFAULT_MODEL]]["without MNIST"] == f"**9.2{SPACE}%**"


def test_verdicts_are_said(make_record):
    made = [
        targets.Target("a", "%", 0.05, False, 0.04, 0.03, 0.5),
        targets.Target("b", "x", 2.0, False, 3.0),
        targets.Target("c", "", 0.97, True, None),
    ]
    table = rows(chapter.targets_table(made))
    assert [row["reached"] for row in table.values()] == ["yes", "**no**", "no run says it"]
    assert table["a"]["asked"] == f"≤ 5.0{SPACE}%"
    assert table["a"]["attainable"] == f"3.0{SPACE}%"
    assert table["b"]["found"] == "3.00"
    assert table["c"]["asked"] == "≥ 0.970"
    assert table["c"]["found"] == DASH


def test_seeds_show_mean_and_standard_deviation(records):
    (row,) = rows(chapter.seed_table(records)).values()
    values = 100 * np.array([0.97, 0.975, 0.98])
    assert row["accuracy"].replace(SPACE, " ") == f"{values.mean():.1f} ± {values.std(ddof=1):.1f} %"
    assert row["seeds"] == "3"
    assert "No run is committed with several seeds" in chapter.seed_table(records[:3])


def test_ranks_are_shown_beside_those_of_independent_channels(records):
    table = rows(chapter.rank_table(records, lambda run: DEFAULT_MODEL))
    assert table["MNIST"]["unsaturated nodes"] == "0 of 4"
    assert table["MNIST"]["unsaturated"] == DASH
    assert table["Fashion-MNIST"]["all"] == "1.000"


def test_what_is_attainable_by_number_of_images(records):
    table = rows(reasons.attainable_table(records))
    assert list(table) == ["50", "200", "as many as there are, at most 500"]
    few = table["50"]
    assert few["runs"] == "4"
    assert few["attainable"] == f"10{SPACE}%"
    assert few["attainable in floors"] == "2.50"
    assert few["counting"] == f"20{SPACE}%"
    assert table["as many as there are, at most 500"]["runs"] == "8"


def test_a_figure_that_a_true_model_would_not_reach_is_called_so(make_record):
    runs = [make_record(), make_record(dataset="mnist")]
    text = reasons.attainable_sentence(runs)
    assert f"shows an error of 10{SPACE}%, or 2.50 floors" in text
    assert "**A model that is true and fitted on these images would not reach that.**" in text
    kl = np.median([1.1 * v for v in (2.0, 3.0, 5.0)])
    assert f"divergence of {kl:.1f} nats" in text
    assert f"{100 * statistics.mean_shift_error(kl, 50):.0f}{SPACE}%" in text
    for run in runs:
        run["nodes"]["fewer"]["50"]["attainable"]["matched_error"] = 0.05
    assert "would not reach" not in reasons.attainable_sentence(runs)


def test_an_error_below_what_is_attainable_is_explained(make_record):
    better = [make_record(errors={DEFAULT_MODEL: 0.03})]
    assert "is no contradiction" in reasons.attainable_sentence(better)
    assert "is no contradiction" not in reasons.attainable_sentence(
        [make_record(errors={DEFAULT_MODEL: 0.09})]
    )


def test_independent_channels_predict_too_much(records):
    text = reasons.independence_sentence(records)
    assert "For the 25 unsaturated nodes, predicted over observed KL is 3.0 in the median" in text
    assert f"too much for 100{SPACE}% of them" in text


def test_saturated_nodes_by_dataset(make_record):
    one = make_record(saturated=2, observed=(2.0, 3.0, 5.0, 12.0))
    one["nodes"]["models"]["normal"]["saturated"] = [False, False, False, True]
    one["nodes"]["models"][DEFAULT_MODEL]["bounded"] = [0.3, 0.3, 0.3, 0.3]
    row = rows(reasons.saturation_table([one]))["Fashion-MNIST"]
    assert row["saturated"] == "2 of 4"
    assert row["by tails"] == "1"
    assert row["observed over predicted KL"] == f"{1 / 1.1:.2f}"
    assert row["bounded KL observed"] == f"{np.mean([0.2, 0.34]):.3f}"
    assert row["its error"] == f"{np.mean([0.1, 0.04]):.4f}"
    assert row["AUC error in floors"] == "1.00"
    none = rows(reasons.saturation_table([make_record(saturated=0)]))["Fashion-MNIST"]
    assert none["its error"] == DASH


def test_skewness_and_tails(make_record):
    text = reasons.tails_sentence([make_record(errors={"normal": 0.08, DEFAULT_MODEL: 0.04})])
    assert "is 2.00 times that of the default model with the most images, and 2.00 times with 50" in text
    assert "Of the 1 saturated nodes 1 would not be saturated with normals" in text  # they predict 7.2 nats


def test_in_how_many_runs_the_model_is_better_than_counting(make_record):
    runs = [make_record(name, errors={DEFAULT_MODEL: e}) for name, e in (("avg", 0.05), ("max", 0.2))]
    runs.append(make_record("gem", errors={DEFAULT_MODEL: 0.09}, few=()))
    text = reasons.counting_sentence(runs)
    assert "with 50 images in 1 of 2 runs (median quotient 1.25)" in text
    assert "with the most images in 2 of 3 runs (median quotient 0.90)" in text


def test_small_classes_are_listed(records):
    table = rows(reasons.small_table(records))
    (row,) = [row for name, row in table.items() if "fsdd" in name]
    assert row["Run"] == "{doc}`fsdd-melcnn-gem-s0 </runs/fsdd-melcnn-gem-s0>`"
    assert row["fitting and judging images"] == "40 and 500"
    assert "Every run reaches 50" in reasons.small_table(records[:3])


class TestNotebook:
    def test_the_book_executes_it_whenever_a_record_changes(self):
        (job,) = (job for job in book.chapter_jobs(ROOT) if job.notebook == NOTEBOOK)
        assert job.target == ROOT / "book" / "experiments" / "summary.ipynb"
        studies = (ROOT / "results" / "studies").glob("*.json")
        assert set(job.reads) == {*(ROOT / "results").glob("*.json"), *studies}
        assert "file: experiments/summary" in (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")

    def test_every_figure_has_a_name_that_the_text_refers_to_and_a_description(self):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        drawn = [cell for cell in notebook.cells if "plot_" in cell.source and cell.cell_type == "code"]
        assert len(drawn) >= 6
        for cell in drawn:
            shown = cell.metadata["mystnb"]
            assert f"<{shown['figure']['name']}>" in text
            assert len(shown["image"]["alt"]) > 40
            assert shown["figure"]["caption"].endswith(".")

    def test_no_title_holds_mathematics_and_no_result_is_typed(self):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        for cell in notebook.cells:
            titles = (
                re.findall(r"^#+ .*$", cell.source, flags=re.MULTILINE)
                if cell.cell_type == "markdown"
                else []
            )
            assert not [title for title in titles if "$" in title]
            if cell.cell_type == "markdown":
                assert not re.search(r"\d\s*%|\d\.\d", cell.source)

    def test_its_code_runs_on_any_records(self, records, monkeypatch, tmp_path):
        import matplotlib

        from aggdist.figures import summary_records

        matplotlib.use("agg")
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        for some in (records, []):
            monkeypatch.setattr(summary_records, "load_records", lambda folder, some=some: some)
            with matplotlib.rc_context():
                exec(compile(source, NOTEBOOK.name, "exec"), {})
            matplotlib.pyplot.close("all")


def test_the_page_of_experiments_names_every_feature_model():
    page = (ROOT / "book" / "experiments.md").read_text(encoding="utf-8")
    assert [model.title for model in FEATURE_MODELS.values() if f"| {model.title} |" not in page] == []
