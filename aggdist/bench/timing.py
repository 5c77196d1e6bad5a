"""Times that mean something on a busy machine: processor time of one thread, the least of many repetitions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

_FEWEST, _MOST = 3, 50


def least_ms(function: Callable[[], object], budget: float = 2.0) -> float:
    """Least processor time of a call in milliseconds, from 3 to 50 calls that take about `budget` seconds together.

    Processor time leaves out what other processes take; their use of caches and memory still shows, so only the least
    is worth noting. The first call, which may fill caches, is not counted.
    """
    function()
    times: list[float] = []
    while len(times) < _FEWEST or (sum(times) < budget and len(times) < _MOST):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def once_ms(function: Callable[[], object]) -> float:
    """Processor time of one call in milliseconds, for what is too slow to be repeated."""
    start = time.process_time()
    function()
    return 1e3 * (time.process_time() - start)


def interpreter_ms(code: str, repetitions: int = 7) -> float:
    """Least wall-clock time in milliseconds of a new interpreter that runs `code`."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def yardsticks() -> dict[str, float]:
    """What this machine does at the moment with three plain tasks, to compare runs by."""
    x = np.random.default_rng(0).uniform(0.1, 3.0, 16_000)
    square = x[:10_000].reshape(100, 100)
    wide = np.tile(square, (5, 5))
    product = least_ms(lambda: wide @ wide, 0.3)
    return {
        "log, ns a number": 1e6 * least_ms(lambda: np.log(x), 0.2) / x.size,
        "arctan, ns a number": 1e6 * least_ms(lambda: np.arctan(x), 0.2) / x.size,
        "matrix product, Gflop/s": 2 * len(wide) ** 3 / product * 1e-6,
    }
