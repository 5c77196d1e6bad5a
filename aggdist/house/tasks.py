"""The tasks that only start other programs: tests, Jupyter, tidying up.

The standard library is enough to import this module.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from aggdist.house.environment import Environment
from aggdist.house.machine import thread_variables
from aggdist.house.terminal import say

_QUICK = "not slow and not network and not book"
_FULL = "not network and not book"

#: Made by the tasks, ignored by git.
_MADE = ("build", "book/theory", "book/runs", "book/_generated", "book/experiments")
_CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def _pytest(root: Path, arguments: Sequence[str], **variables: str) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=root, env=os.environ | variables, check=False).returncode


def run_tests(root: Path, arguments: Sequence[str] = ()) -> int:
    """The tests without the long ones, browser, book or connection; at most 5 minutes."""
    return _pytest(root, ["-m", _QUICK, "-n", "2", *arguments], **thread_variables(1))


def run_all_tests(root: Path, arguments: Sequence[str] = ()) -> int:
    """The tests with the long property tests."""
    return _pytest(
        root, ["-m", _FULL, "-n", "2", *arguments], HYPOTHESIS_PROFILE="full", **thread_variables(1)
    )


def run_book_tests(root: Path, arguments: Sequence[str] = ()) -> int:
    """Every page of the built book in headless Chromium."""
    # One file of tests for each of two browsers, whatever there is to do next.
    return _pytest(root, ["tests/book", "-m", "book", "-n", "2", "--dist", "loadfile", *arguments])


def run_bench(root: Path) -> int:
    """The benchmark, in one thread; 1 if an accuracy was missed."""
    command = [sys.executable, "-m", "aggdist.bench"]
    variables = thread_variables(1) | {"OPENTURNS_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=root, env=os.environ | variables, check=False).returncode


def lab(root: Path, arguments: Sequence[str] = ()) -> int:
    """JupyterLab on the notebooks, with this environment's kernel first."""
    command = [sys.executable, "-m", "jupyterlab", "notebooks", *arguments]
    return subprocess.run(
        command, cwd=root, env=os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}, check=False
    ).returncode


def clean(root: Path) -> int:
    """Remove what the tasks made, but neither the environment nor the caches of data and training."""
    for name in (*_MADE, *_CACHES):
        _remove(root / name)
    for folder in ("aggdist", "tests", "book/_ext"):
        for found in sorted((root / folder).rglob("__pycache__")):
            shutil.rmtree(found, ignore_errors=True)
    return 0


def clean_environment(root: Path) -> int:
    """Remove the project's own virtual environment."""
    _remove(Environment(root).folder)
    return 0


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
        say(f"removed {path}")
