"""Studies at the command line: what is due is measured, network by network, and failures are told."""

from __future__ import annotations

import argparse
import os
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from aggdist.house import run_command, study_command
from aggdist.house.study_command import PlannedStudy, execute_studies, make_study, plan_studies, run_studies
from aggdist.studies import StudyError, StudyRun, registry, study_path

RUNS = tuple(
    StudyRun(study, "digits", "digitcnn", seed) for seed in (0, 1) for study in ("information", "invariance")
)


class Later(Executor):
    """Keeps what is submitted until it is asked for, so that the order of submissions can be seen."""

    def __init__(self, fail=()):
        self.names, self.fail = [], fail

    def submit(self, function, item):
        self.names.append(item.parameters.name)
        future = Future()
        if item.parameters.name in self.fail:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(function(item))
        return future


@pytest.fixture
def quick(monkeypatch):
    """Studies that measure nothing; that of seed 1 on information fails."""

    class Quick:
        @staticmethod
        def measure(run, *, progress):
            if run.seed == 1 and run.study == "information":
                raise ValueError("the reason")
            return {"threads": os.environ.get("OMP_NUM_THREADS")}

    monkeypatch.setattr(registry, "import_module", lambda name: Quick)


def test_what_is_out_of_date_is_measured_and_then_skipped(quick, tmp_path):
    planned = plan_studies(tmp_path, RUNS[:2])
    assert [item.reason for item in planned] == ["there is no record"] * 2
    assert run_all(planned)
    again = plan_studies(tmp_path, RUNS[:2])
    assert [(item.execute, item.reason) for item in again] == [(False, "up to date")] * 2
    assert plan_studies(tmp_path, RUNS[:1], force=True)[0].reason == "asked for with --force"


def run_all(planned):
    return not any(outcome.error for outcome in execute_studies(planned, workers=1, executor=Later()))


def test_a_dataset_that_is_not_here_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("AGGDIST_DATA", str(tmp_path))
    (item,) = plan_studies(tmp_path, (StudyRun("invariance", "mnist", "greycnn"),))
    assert not item.execute
    assert item.reason.endswith("get it with: python -m aggdist datasets fetch mnist")


def test_studies_of_one_network_and_seed_follow_each_other_and_others_go_on_after_a_failure(quick, tmp_path):
    executor, seen = Later(), []
    outcomes = execute_studies(
        plan_studies(tmp_path, RUNS), workers=2, executor=executor, report=lambda o: seen.append(o)
    )
    assert sorted(executor.names[:2]) == ["information-digits-digitcnn-s0", "information-digits-digitcnn-s1"]
    assert len(executor.names) == 4
    errors = [outcome.error for outcome in outcomes if outcome.error]
    assert errors == ["information-digits-digitcnn-s1: ValueError: the reason"]
    assert seen == outcomes
    assert [study_path(tmp_path, run).exists() for run in RUNS] == [True, True, False, True]


def test_a_worker_that_was_killed_is_told_with_what_to_do(quick, tmp_path):
    with pytest.raises(StudyError, match=r"process that measured it was killed .*run again with --jobs 1"):
        execute_studies(
            plan_studies(tmp_path, RUNS[:1]),
            workers=1,
            executor=Later(fail=("information-digits-digitcnn-s0",)),
        )


def test_workers_get_one_thread_and_the_variables_come_back(quick, monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    seen = []

    class Pool(Later):
        def __init__(self, workers, mp_context):
            super().__init__()
            seen.append((workers, os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]))

    monkeypatch.setattr(study_command, "ProcessPoolExecutor", Pool)
    execute_studies(plan_studies(tmp_path, RUNS), workers=4)
    assert seen == [(2, "1", "1")]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_the_command_tells_what_was_done_and_what_failed(quick, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(study_command, "ProcessPoolExecutor", lambda workers, mp_context: Later())
    assert run_studies([], 2)
    assert not run_studies(plan_studies(tmp_path, RUNS), 2)
    out, err = capsys.readouterr()
    assert "4 of 4 studies to do, 2 at a time." in out
    assert "FAILED information-digits-digitcnn-s1: ValueError: the reason" in err


def test_make_runs_measures_studies_after_the_table_and_fails_with_them(quick, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(study_command, "ProcessPoolExecutor", lambda workers, mp_context: Later())
    monkeypatch.setattr(run_command.runs, "read_studies", lambda root, only: RUNS)
    monkeypatch.setattr(run_command.runs, "read_extracts", lambda root, only: ())
    monkeypatch.setattr(run_command.runs, "plan", lambda root, table, only, force, required: [])
    args = argparse.Namespace(table="full", only="*", force=False, jobs=None, list=True)
    assert run_command.run(tmp_path, args) == 0
    assert "study invariance-digits-digitcnn-s1   to do: there is no record" in capsys.readouterr().out
    args.list = False
    assert run_command.run(tmp_path, args) == 1
    monkeypatch.setattr(run_command.runs, "read_studies", lambda root, only: RUNS[:2])
    assert run_command.run(tmp_path, args) == 0


def test_making_one_study_never_raises_what_belongs_to_it(quick, tmp_path):
    item = PlannedStudy(RUNS[0], tmp_path / "missing" / "x.json", True, "")
    assert make_study(item).error is None
    item = PlannedStudy(RUNS[2], tmp_path / "x.json", True, "")
    assert "the reason" in str(make_study(item).error)
