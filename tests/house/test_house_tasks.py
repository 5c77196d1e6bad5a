"""The tasks that start other programs, and `runs` on the command line."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from aggdist.capture import ExtractError
from aggdist.experiment import RunParameters
from aggdist.extracts import PlannedExtract
from aggdist.house import run_command, tasks
from aggdist.house.terminal import HouseError, duration, last_lines, without_colours
from aggdist.notebooks import Job, Outcome
from aggdist.runs import CURRENT, Planned, RunTableError


@pytest.fixture
def started(monkeypatch):
    """The last program that a task started: its arguments and its environment."""
    seen = {}

    def run(command, cwd, env, check):
        seen.update(command=command, cwd=cwd, env=env)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(tasks.subprocess, "run", run)
    return seen


def test_the_tests_leave_out_what_is_long_or_needs_a_browser_a_book_or_a_connection(started, tmp_path):
    assert tasks.run_tests(tmp_path, ["-k", "x"]) == 3
    expected = ["-m", "pytest", "-m", "not slow and not network and not book", "-n", "2", "-k", "x"]
    assert started["command"] == [sys.executable, *expected]
    assert started["cwd"] == tmp_path
    assert started["env"]["OMP_NUM_THREADS"] == "1"


def test_all_tests_are_with_the_long_ones_and_the_full_profile(started, tmp_path):
    assert tasks.run_all_tests(tmp_path) == 3
    assert "not network and not book" in started["command"]
    assert started["env"]["HYPOTHESIS_PROFILE"] == "full"


def test_the_book_tests_are_those_marked_book(started, tmp_path):
    assert tasks.run_book_tests(tmp_path) == 3
    assert started["command"][3:6] == ["tests/book", "-m", "book"]


def test_the_benchmark_has_one_thread(started, tmp_path):
    assert tasks.run_bench(tmp_path) == 3
    assert started["command"] == [sys.executable, "-m", "aggdist.bench"]
    assert started["env"]["OPENBLAS_NUM_THREADS"] == started["env"]["OPENTURNS_NUM_THREADS"] == "1"


def test_lab_opens_the_notebooks(started, tmp_path):
    assert tasks.lab(tmp_path, ["--no-browser"]) == 3
    assert started["command"] == [sys.executable, "-m", "jupyterlab", "notebooks", "--no-browser"]


def test_clean_removes_what_was_built_and_nothing_else(tmp_path):
    for name in (
        "build/book",
        "book/runs",
        "book/theory",
        "aggdist/__pycache__",
        ".venv/bin",
        "results",
        "book/_ext",
    ):
        (tmp_path / name).mkdir(parents=True)
    assert tasks.clean(tmp_path) == 0
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"book", "book/_ext", "aggdist", ".venv", ".venv/bin", "results"}
    assert tasks.clean_environment(tmp_path) == 0
    assert not (tmp_path / ".venv").exists()


def test_words_for_the_terminal():
    assert [duration(seconds) for seconds in (8.4, 59.6, 200)] == ["8 s", "1 min 0 s", "3 min 20 s"]
    assert last_lines("a\n\nb\nc\n", 2) == "  b\n  c"
    assert without_colours("\x1b[91mred\x1b[39;49;00m") == "red"


def planned(name: str, execute: bool = True, reason: str = "there is no record") -> Planned:
    return Planned(RunParameters("digits", "digitcnn", name), Path("x.json"), execute, reason)


def asked(**values) -> argparse.Namespace:
    return argparse.Namespace(
        **{"table": "full", "only": "*", "force": False, "jobs": None, "list": False} | values
    )


@pytest.fixture
def table(monkeypatch):
    """A plan with a run that ends well, one that fails, one up to date, and one without its dataset."""
    rows = [
        planned("avg"),
        planned("max"),
        planned("gem", False, CURRENT),
        planned("lse", False, "not here; get it"),
    ]
    workers = []

    def execute_plan(root, items, workers, report):
        seen_workers.append(workers)
        errors = {"runs/digits-digitcnn-max-s0": "runs/max: cell 3 failed; see build/failed/max.log"}
        jobs = [Job(f"runs/{i.parameters.name}", Path(), Path()) for i in items if i.execute]
        outcomes = [Outcome(job, 1.0, True, errors.get(job.name)) for job in jobs]
        for outcome in outcomes:
            report(outcome)
        return outcomes

    seen_workers = workers
    monkeypatch.setattr(run_command.runs, "plan", lambda root, table, only, force, required: rows)
    monkeypatch.setattr(run_command.runs, "execute_plan", execute_plan)
    monkeypatch.setattr(run_command.runs, "read_extracts", lambda root, only: ())
    monkeypatch.setattr(run_command.runs, "read_studies", lambda root, only: ())
    monkeypatch.setattr(run_command, "cores", lambda: 5)
    return workers, rows


def test_a_failed_run_fails_the_command_and_everything_is_accounted_for(table, tmp_path, capsys):
    assert run_command.run(tmp_path, asked()) == 1
    out, err = capsys.readouterr()
    assert "2 of 4 runs to do, 2 at a time." in out
    assert "1 made, 1 up to date, 2 not made." in out
    assert "skipped digits-digitcnn-lse-s0: not here; get it" in out
    assert "FAILED runs/max: cell 3 failed; see build/failed/max.log" in err
    assert table[0] == [4]  # of 5 cores: each run may need more than 1 GB


def test_without_a_failure_the_command_succeeds(table, tmp_path, capsys):
    table[1][1] = planned("max", False, CURRENT)
    assert run_command.run(tmp_path, asked(jobs=2)) == 0
    assert "1 made, 2 up to date, 1 not made." in capsys.readouterr().out
    assert table[0] == [2]


def test_list_does_nothing(table, tmp_path, capsys):
    assert run_command.run(tmp_path, asked(list=True)) == 0
    assert table[0] == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "digits-digitcnn-avg-s0  to do: there is no record"
    assert lines[2] == "digits-digitcnn-gem-s0  skipped: up to date"


def test_extracts_are_made_after_the_runs_but_not_of_failed_ones(table, tmp_path, monkeypatch, capsys):
    made = []

    def make(run, path):
        made.append(run.aggregation)
        if run.aggregation == "gem":
            raise ExtractError("too large")

    plans = [
        PlannedExtract(planned(name).parameters, Path(), name != "lse", "there is none")
        for name in ("avg", "max", "gem", "lse")
    ]
    monkeypatch.setattr(run_command.extracts, "plan_extracts", lambda root, chosen, force: plans)
    monkeypatch.setattr(run_command.extracts, "make_extract", make)
    assert run_command.run(tmp_path, asked(list=True)) == 0
    assert "extract digits-digitcnn-max-s0  to do: there is none" in capsys.readouterr().out
    assert made == []
    table[1][1] = planned("max", False, CURRENT)
    assert run_command.run(tmp_path, asked()) == 1
    assert made == ["avg", "max", "gem"]
    assert "FAILED extract digits-digitcnn-gem-s0: too large" in capsys.readouterr().err
    made.clear()
    table[1][1] = planned("max")
    assert run_command.run(tmp_path, asked()) == 1
    assert made == ["avg", "gem"]


def test_mistakes_on_the_command_line_are_errors(tmp_path, monkeypatch):
    with pytest.raises(HouseError, match="--jobs 0: expected at least 1"):
        run_command.run(tmp_path, asked(jobs=0))

    def wrong(*values, **named):
        raise RunTableError("no table 'ful'")

    monkeypatch.setattr(run_command.runs, "plan", wrong)
    with pytest.raises(HouseError, match="no table 'ful'"):
        run_command.run(tmp_path, asked(table="ful"))
