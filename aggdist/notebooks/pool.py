"""Execute several notebooks at a time, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path

from aggdist.notebooks.cache import execute_cached, take
from aggdist.notebooks.execution import execute
from aggdist.notebooks.job import Job, NotebookError, Outcome


def attempt(job: Job, build: Path) -> Outcome:
    """Execute one job and say how it ended; made to run in a process of its own."""
    started = time.monotonic()
    executed, error = True, None
    try:
        if job.cached:
            executed = execute_cached(job, build)
        else:
            execute(job, build)
    except (NotebookError, OSError) as problem:
        error = str(problem)
    return Outcome(job, time.monotonic() - started, executed, error)


def execute_all(
    jobs: Sequence[Job],
    build: Path,
    *,
    workers: int,
    executor: Executor | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Execute several notebooks at a time; a failed one does not stop the others.

    Parameters
    ----------
    workers : int
        Processes, where no executor is given.
    executor : concurrent.futures.Executor, optional
        Where the jobs are submitted instead (a Dask cluster's executor, say).
    report : callable
        Called with each outcome as it comes.

    Returns
    -------
    list of Outcome, in the order of `jobs`.
    """
    names = [job.name for job in jobs]
    if len(set(names)) < len(names):
        raise ValueError(f"two jobs have one name: got {', '.join(sorted(names))}, expected different names")
    kept = {job.name: outcome for job in jobs if (outcome := _from_cache(job, build))}
    for outcome in kept.values():
        report(outcome)
    todo = [job for job in jobs if job.name not in kept]
    done = kept | {outcome.job.name: outcome for outcome in _execute(todo, build, workers, executor, report)}
    return [done[name] for name in names]


def _from_cache(job: Job, build: Path) -> Outcome | None:
    """Without a process, which takes longer to start than a copy takes."""
    started = time.monotonic()
    try:
        taken = job.cached and take(job, build)
    except (NotebookError, OSError):  # met again, and reported, where the job is executed
        return None
    return Outcome(job, time.monotonic() - started, executed=False) if taken else None


def _execute(
    jobs: Sequence[Job],
    build: Path,
    workers: int,
    executor: Executor | None,
    report: Callable[[Outcome], None],
) -> list[Outcome]:
    if not jobs:
        return []
    if executor is not None:
        return _collect(executor, jobs, build, report)
    others = set(active_children())
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn"))
    try:
        outcomes = _collect(pool, jobs, build, report)
    except BaseException:
        # Without waiting: a worker that was interrupted would otherwise begin its next notebook.
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in set(active_children()) - others:
            worker.kill()  # its kernel notices and ends
        raise
    pool.shutdown()
    return outcomes


def _collect(
    executor: Executor, jobs: Sequence[Job], build: Path, report: Callable[[Outcome], None]
) -> list[Outcome]:
    futures = {executor.submit(attempt, job, build): job for job in jobs}
    outcomes = []
    for future in as_completed(futures):
        outcomes.append(_outcome(future, futures[future]))
        report(outcomes[-1])
    return outcomes


def _outcome(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        return Outcome(
            job, 0.0, True, f"{job.name}: the process that ran it was killed (out of memory?): {error}"
        )
