"""The studies of the run table, for `python -m aggdist runs`: those that are out of date are measured."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import active_children, get_context
from pathlib import Path

from tqdm import tqdm

from aggdist.house.machine import thread_variables
from aggdist.house.terminal import complain, duration, say
from aggdist.studies import StudyError, StudyRun, compute, study_is_current, study_path, write_study
from aggdist.studies.registry import THREADS


@dataclass(frozen=True)
class PlannedStudy:
    """A study: its record, whether it will be measured, and why (not)."""

    parameters: StudyRun
    record: Path
    execute: bool
    reason: str


@dataclass(frozen=True)
class StudyOutcome:
    """How a study ended: `error` is None where it ended well."""

    planned: PlannedStudy
    seconds: float
    error: str | None


def plan_studies(root: Path, chosen: Sequence[StudyRun], force: bool = False) -> list[PlannedStudy]:
    """What would be done with each study, and why."""
    from aggdist.datasets import status

    here = cache(status)
    return [
        PlannedStudy(run, study_path(root, run), *_decision(run, study_path(root, run), force, here))
        for run in chosen
    ]


def _decision(run: StudyRun, path: Path, force: bool, here: Callable[[str], str]) -> tuple[bool, str]:
    current, reason = study_is_current(run, path)
    if current and not force:
        return False, reason
    if here(run.dataset) == "no":
        fetch = f"python -m aggdist datasets fetch {run.dataset}"
        return False, f"dataset {run.dataset} is not here; get it with: {fetch}"
    return True, "asked for with --force" if current else reason


def make_study(planned: PlannedStudy) -> StudyOutcome:
    """Measure one study and write its record; made to run in a process of its own."""
    started = time.monotonic()
    try:
        write_study(compute(planned.parameters, progress=False), planned.record)
        error = None
    except (RuntimeError, ValueError, OSError, ArithmeticError) as problem:
        error = f"{planned.parameters.name}: {type(problem).__name__}: {problem}"
    return StudyOutcome(planned, time.monotonic() - started, error)


def run_studies(planned: Sequence[PlannedStudy], workers: int) -> bool:
    """Measure those that are to be measured, with a progress bar; whether all went well."""
    todo = [item for item in planned if item.execute]
    if not todo:
        return True
    say(f"{len(todo)} of {len(planned)} studies to do, {workers} at a time.")
    started = time.monotonic()
    with tqdm(total=len(todo), unit="study", dynamic_ncols=True) as bar:

        def report(outcome: StudyOutcome) -> None:
            ended = "FAILED" if outcome.error else "done"
            bar.write(f"{outcome.planned.parameters.name}: {ended} in {duration(outcome.seconds)}")
            bar.update()

        outcomes = execute_studies(todo, workers=workers, report=report)
    say(f"{len(todo)} studies in {duration(time.monotonic() - started)}.")
    failed = [outcome.error for outcome in outcomes if outcome.error]
    for error in failed:
        complain(f"  FAILED {error}")
    return not failed


def execute_studies(
    planned: Sequence[PlannedStudy],
    *,
    workers: int,
    executor: Executor | None = None,
    report: Callable[[StudyOutcome], None] = lambda outcome: None,
) -> list[StudyOutcome]:
    """Measure several studies at a time; a failed one does not stop the others.

    Studies of one dataset, network and seed are measured one after the other, because they share networks: two that
    run together would both train them.

    Parameters
    ----------
    workers : int
        Processes, where no executor is given.
    executor : concurrent.futures.Executor, optional
        Where studies are submitted instead.
    report : callable
        Called with each outcome as it comes.
    """
    groups: dict[tuple[str, str, int], deque[PlannedStudy]] = {}
    for item in planned:
        run = item.parameters
        groups.setdefault((run.dataset, run.network, run.seed), deque()).append(item)
    if executor is not None:
        return list(_in_turn(executor, list(groups.values()), report))
    others = set(active_children())
    with _environment(thread_variables(THREADS)):
        pool = ProcessPoolExecutor(min(workers, len(groups) or 1), mp_context=get_context("spawn"))
        try:
            outcomes = list(_in_turn(pool, list(groups.values()), report))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in set(active_children()) - others:
                worker.kill()
            raise
        pool.shutdown()
    return outcomes


def _in_turn(
    executor: Executor, groups: Sequence[deque[PlannedStudy]], report: Callable[[StudyOutcome], None]
) -> Iterator[StudyOutcome]:
    running: dict[Future[StudyOutcome], tuple[PlannedStudy, deque[PlannedStudy]]] = {}

    def begin(group: deque[PlannedStudy]) -> None:
        if group:
            item = group.popleft()
            running[executor.submit(make_study, item)] = (item, group)

    for group in groups:
        begin(group)
    while running:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            item, group = running.pop(future)
            outcome = _outcome(future, item)
            report(outcome)
            yield outcome
            begin(group)


def _outcome(future: Future[StudyOutcome], item: PlannedStudy) -> StudyOutcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise StudyError(
            f"{item.parameters.name}: the process that measured it was killed (out of memory?): {error}; run again "
            "with --jobs 1: what was finished is kept"
        ) from error


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables inside the block: processes that start there inherit them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
