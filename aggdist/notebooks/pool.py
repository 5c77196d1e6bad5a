"""Execute several notebooks at a time, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from aggdist.notebooks.cache import execute_cached
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
    if not jobs:
        return []
    pool = executor or ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn"))
    try:
        futures = {pool.submit(attempt, job, build): job for job in jobs}
        outcomes = {}
        for future in as_completed(futures):
            outcomes[futures[future].name] = _outcome(future, futures[future])
            report(outcomes[futures[future].name])
        return [outcomes[name] for name in names]
    finally:
        if executor is None:
            pool.shutdown(cancel_futures=True)


def _outcome(future: Future[Outcome], job: Job) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        return Outcome(
            job, 0.0, True, f"{job.name}: the process that ran it was killed (out of memory?): {error}"
        )
