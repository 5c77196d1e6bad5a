"""The machine that the house tasks run on: processor cores, threads, one task at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggdist.house.terminal import say

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: respects taskset and container limits on cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_variables(threads: int) -> dict[str, str]:
    """Environment variables that give a child process and its numerical libraries this many threads."""
    return dict.fromkeys(_THREAD_VARIABLES, str(threads))


@contextmanager
def one_at_a_time(lock: Path, what: str) -> Iterator[None]:
    """Hold `lock` during the block, so that tasks started together (`make -j`) take turns.

    The operating system releases it when the process ends, however it ends.
    """
    import fcntl  # not on native Windows, which is supported through WSL

    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"Waiting for another process that {what} ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
