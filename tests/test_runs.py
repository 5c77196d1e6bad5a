"""The run table: a mistake is an error; what is up to date or not here is skipped; the rest is executed."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from dataclasses import asdict, replace
from pathlib import Path

import nbformat
import pytest

from aggdist import runs
from aggdist.datasets import DATASETS
from aggdist.experiment import RunParameters
from aggdist.notebooks import checked_parameters, execute
from aggdist.paths import repository_root
from aggdist.run_table import TABLE

GOOD = """
defaults: {seed: 0, splits: 2}
tables:
  quick:
    - {dataset: digits, network: digitcnn, aggregation: [avg, max], seed: [0, 1]}
  full:
    - {dataset: digits, network: digitcnn, aggregation: gem, splits: 3}
    - {dataset: mnist, network: greycnn, aggregation: avg}
"""

# Writes what a run leaves behind, without training anything.
CELL = """
import json, pathlib
assert aggregation != "max", "the reason"
if compute:
    path = pathlib.Path(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"aggregation": aggregation, "seed": seed, "threads": threads}))
"""


class Here(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with a run table, a small experiment notebook, and records that are current once there."""
    folder = tmp_path / "notebooks" / "experiments"
    folder.mkdir(parents=True)
    (folder / "runs.yml").write_text(GOOD)
    (tmp_path / "results").mkdir()
    values = asdict(RunParameters("digits", "digitcnn", "avg")) | {"record": "", "compute": True}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(metadata=kernel)
    tagged = {"tags": ["parameters"]}
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# @@title@@\n\n(run-@@name@@)="),
        nbformat.v4.new_code_cell("\n".join(f"{k} = {v!r}" for k, v in values.items()), metadata=tagged),
        nbformat.v4.new_code_cell(CELL),
    ]
    nbformat.write(notebook, folder / "experiment.ipynb")
    monkeypatch.setattr(
        runs, "record_is_current", lambda parameters, path: (path.exists(), "there is no record")
    )
    return tmp_path


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "runs.yml"
    path.write_text(text)
    return path


def test_lists_give_one_run_for_each_value_and_defaults_are_merged(tmp_path):
    tables = runs.read_tables(written(tmp_path, GOOD))
    assert [run.name for run in tables["quick"]] == [
        "digits-digitcnn-avg-s0",
        "digits-digitcnn-avg-s1",
        "digits-digitcnn-max-s0",
        "digits-digitcnn-max-s1",
    ]
    assert [run.splits for run in tables["full"]] == [3, 2]
    assert tables["quick"][1] == RunParameters("digits", "digitcnn", "avg", seed=1, splits=2)


ROW = "tables: {quick: [{dataset: digits, network: digitcnn, aggregation: avg%s}]}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROW % ", epoch: 3", r"table 'quick', row 1: unknown key 'epoch', expected some of dataset, network"),
        (ROW % ", seed: -1", r"row 1: .*seed: got -1, expected a whole number of at least 0"),
        (ROW % ", seed: one", r"row 1: seed: Input should be a valid integer"),
        (ROW % ", seed: 1.5", r"row 1: seed: "),
        (ROW % ", seed: [0, 0]", r"table 'quick' has two runs called digits-digitcnn-avg-s0"),
        (ROW % ", dataset: mnist", r"line 1: key dataset stands twice"),
        (ROW.replace("digits", "digit") % "", r"unknown dataset 'digit', expected one of digits, mnist"),
        (ROW.replace("digitcnn", "cnn") % "", r"unknown network 'cnn', expected one of digitcnn, greycnn"),
        (ROW.replace("avg", "mean") % "", r"unknown aggregation 'mean', expected one of avg, max, gem"),
        ("tables: {quick: [{dataset: digits}]}", r"row 1: network: .*required.*aggregation: .*required"),
        ("tables: {quick: {dataset: digits}}", r"expected `defaults` and `tables`, got tables.quick"),
        ("table: {}", r"expected `defaults` and `tables`, got .*unknown key 'table'"),
        ("- 1", r"expected `defaults` and `tables`"),
        ("tables: {", r"runs.yml is not YAML"),
    ],
)
def test_a_mistake_in_the_table_is_an_error_that_names_it(tmp_path, text, message):
    with pytest.raises(runs.RunTableError, match=message):
        runs.read_tables(written(tmp_path, text))


STUDY = "tables: {}\nstudies: [{study: invariance, dataset: digits, network: digitcnn%s}]"


def test_studies_have_their_rows(root):
    table = root / TABLE
    table.write_text(STUDY % ", seed: [0, 2]" + "\n")
    names = [run.name for run in runs.read_studies(root)]
    assert names == ["invariance-digits-digitcnn-s0", "invariance-digits-digitcnn-s2"]
    assert [run.seed for run in runs.read_studies(root, "*-s2")] == [2]
    assert runs.read_studies(root, "overfitting-*") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            STUDY % ", epochs: 3",
            r"studies, row 1: unknown key 'epochs', expected some of study, dataset, network",
        ),
        (STUDY % ", seed: -1", r"studies, row 1: .*seed: got -1"),
        (STUDY % ", seed: [0, 0]", r"table 'studies' has two runs called invariance-digits-digitcnn-s0"),
        (STUDY.replace("invariance", "variance") % "", r"row 1: .*unknown study 'variance', expected one of"),
        (STUDY.replace("digitcnn", "cnn") % "", r"row 1: unknown network 'cnn', expected one of digitcnn"),
    ],
)
def test_a_mistake_in_the_studies_is_an_error_that_names_it(root, text, message):
    (root / TABLE).write_text(text)
    with pytest.raises(runs.RunTableError, match=message):
        runs.read_studies(root)


def test_a_pattern_may_match_studies_only(root):
    assert runs.read_table(root, "full", "invariance-*", required=False) == ()
    assert runs.plan(root, "full", "invariance-*", required=False) == []


def test_an_unknown_table_or_pattern_is_an_error(root):
    with pytest.raises(runs.RunTableError, match=r"no table 'ful' .*expected one of quick, full"):
        runs.read_table(root, "ful")
    with pytest.raises(
        runs.RunTableError, match=r"no run of table 'full' matches 'cifar\*'; its runs are digits-"
    ):
        runs.read_table(root, "full", "cifar*")


def test_the_plan_says_what_is_done_and_why_the_rest_is_not(root):
    plan = {item.parameters.name: item for item in runs.plan(root, "full")}
    digits, mnist = plan["digits-digitcnn-gem-s0"], plan["mnist-greycnn-avg-s0"]
    assert (digits.execute, digits.reason) == (True, "there is no record")
    assert digits.record == root / "results" / "digits-digitcnn-gem-s0.json"
    assert not mnist.execute
    assert mnist.reason == "dataset mnist is not here; get it with: python -m aggdist datasets fetch mnist"


def test_a_record_that_is_up_to_date_is_made_again_only_with_force(root):
    (root / "results" / "digits-digitcnn-gem-s0.json").write_text("{}")
    current, forced = (runs.plan(root, "full", "digits*", force)[0] for force in (False, True))
    assert (current.execute, current.reason) == (False, runs.CURRENT)
    assert (forced.execute, forced.reason) == (True, "asked for with --force")


def test_a_run_leaves_its_record_and_a_failed_one_does_not_stop_the_others(root):
    planned = runs.plan(root, "quick", "*-s1")
    assert [item.record.parent for item in planned] == [root / "build" / "records"] * 2
    outcomes = {o.job.name: o for o in runs.execute_plan(root, planned, workers=1, executor=Here())}
    assert outcomes["runs/digits-digitcnn-avg-s1"].error is None
    assert "AssertionError: the reason" in outcomes["runs/digits-digitcnn-max-s1"].error
    record = json.loads((root / "build" / "records" / "digits-digitcnn-avg-s1.json").read_text())
    assert record == {"aggregation": "avg", "seed": 1, "threads": 1}
    assert (root / "build" / "failed" / "runs" / "digits-digitcnn-max-s1.ipynb").exists()
    assert not (root / "build" / "records" / "digits-digitcnn-max-s1.json").exists()
    assert [item.execute for item in runs.plan(root, "quick", "*-s1")] == [False, True]


def test_a_run_that_ends_well_without_its_record_has_failed(root, monkeypatch):
    planned = runs.plan(root, "quick", "digits-digitcnn-avg-s0")
    monkeypatch.setattr(runs, "record_is_current", lambda parameters, path: (False, "its parameters differ"))
    outcome = runs.execute_plan(root, planned, workers=1, executor=Here())[0]
    assert "ended well, but its record" in outcome.error
    assert "its parameters differ" in outcome.error


def test_places_differ_between_the_pages_of_one_run():
    record = asdict(RunParameters("fashionmnist", "greycnn", "avg"))
    plain, quick = runs.places(record, "a"), runs.places(record, "quick-a", "made along with this book")
    assert plain["title"] == "Fashion-MNIST, average pooling, seed 0"
    assert quick["title"] == "Fashion-MNIST, average pooling, seed 0 (made along with this book)"
    assert (plain["name"], quick["name"]) == ("a", "quick-a")


def test_every_dataset_has_a_title():
    assert set(runs.DATASET_TITLES) == set(DATASETS)


def test_the_table_of_this_repository_is_good_and_its_notebook_knows_every_parameter():
    root = repository_root()
    tables = runs.read_tables(root / "notebooks" / "experiments" / "runs.yml")
    quick = {(run.dataset, run.aggregation) for run in tables["quick"]}
    assert quick == {("digits", name) for name in ("avg", "max", "gem")}
    for table, rows in tables.items():
        for row in rows:
            planned = runs.Planned(row, runs.record_path(root, table, row), True, "")
            assert set(checked_parameters(runs.compute_job(root, planned))) == {
                *asdict(row),
                "record",
                "compute",
            }


def test_the_experiment_notebook_makes_a_record_and_a_page_that_shows_it(tmp_path):
    """The real notebook, once around: a small run on digits, then its show part alone."""
    root = repository_root()
    run = RunParameters("digits", "digitcnn", "avg", epochs=1, splits=1, draws=2, fit_per_class=10)
    planned = runs.Planned(run, tmp_path / "records" / "r.json", True, "")
    compute = replace(runs.compute_job(root, planned), target=tmp_path / "computed.ipynb")
    execute(compute, tmp_path / "build")
    assert runs.record_is_current(asdict(run), planned.record) == (True, "up to date")
    page = runs.page_job(
        root, planned.record, "quick-x", "made along with this book", tmp_path / "page.ipynb"
    )
    execute(page, tmp_path / "build")
    shown = nbformat.read(page.target, as_version=4)
    figures = [cell.metadata["mystnb"] for cell in shown.cells if "mystnb" in cell.metadata]
    assert len(figures) >= 3
    assert all(figure["figure"]["name"].startswith("fig-quick-x-") for figure in figures)
    assert "@@" not in json.dumps(shown)
