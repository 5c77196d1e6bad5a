"""`python -m aggdist` and the Makefile start with the standard library alone and say what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aggdist.house import cli, environment
from aggdist.house.environment import Environment
from aggdist.house.terminal import HouseError
from aggdist.paths import repository_root

ROOT = repository_root()


def bare(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line, or some code, in a Python that sees no installed package."""
    what = ["-c", code] if code else ["-m", "aggdist", *arguments]
    return subprocess.run(
        [sys.executable, "-S", "-E", "-s", *what], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_help_needs_nothing_but_the_standard_library_and_names_every_task():
    done = bare("help")
    assert done.returncode == 0, done.stderr
    for name in cli.TASKS:
        assert f"\n    {name}" in done.stdout


def test_no_task_and_help_are_the_same():
    assert bare().stdout == bare("help").stdout


def test_an_unknown_task_is_an_error():
    done = bare("bok")
    assert done.returncode == 2
    assert "invalid choice: 'bok'" in done.stderr


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_gets_a_clear_message(version):
    start = "runpy.run_module('aggdist', run_name='__main__')"
    code = f"import sys, runpy; sys.version_info = (*{version}, 0); {start}"
    done = bare(code=code)
    assert done.returncode == 1
    assert (
        f"aggdist needs Python 3.11, 3.12 or 3.13, and this is Python {version[0]}.{version[1]}"
        in done.stderr
    )


def test_datasets_without_packages_says_what_to_do(monkeypatch, tmp_path):
    code = (
        "import pathlib, sys; from aggdist.house import cli, environment;"
        f"cli.Environment = lambda root: environment.Environment(pathlib.Path({str(tmp_path)!r}));"
        "sys.exit(cli.main(['datasets']))"
    )
    done = bare(code=code)
    assert done.returncode == 1
    assert "has no numpy: run make book first, which sets up .venv" in done.stderr


@pytest.fixture
def entered(monkeypatch, tmp_path):
    """What the command line would become, instead of becoming it."""
    calls = []

    class Became(Exception):
        pass

    def execve(path, arguments, variables):
        calls.append((path, arguments, variables))
        raise Became

    env = Environment(tmp_path)
    monkeypatch.setattr(environment, "ensure", lambda root: env)
    monkeypatch.setattr(cli.os, "execve", execve)

    def enter(*argv):
        with pytest.raises(Became):
            cli.main(argv)
        return calls[-1]

    return enter


def test_a_task_that_needs_packages_goes_on_in_the_environment(entered, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    path, arguments, variables = entered("runs", "--table", "quick")
    python = tmp_path / ".venv" / "bin" / "python"
    assert path == python
    assert arguments == [str(python), "-m", "aggdist", "runs", "--here", "--table", "quick"]
    assert variables["VIRTUAL_ENV"] == str(tmp_path / ".venv")
    assert variables["PATH"].split(os.pathsep)[0] == str(python.parent)
    assert "PYTHONPATH" not in variables


def test_here_uses_the_packages_of_the_running_python(monkeypatch):
    seen = []
    monkeypatch.setattr(environment, "ensure", lambda root: pytest.fail("the environment was set up"))
    monkeypatch.setitem(cli.TASKS, "book", cli.Task(lambda args: seen.append(args.here) or 0, "x", True))
    assert cli.main(["book", "--here"]) == 0
    assert seen == [True]


@pytest.mark.parametrize(
    ("problem", "code", "text"),
    [(HouseError("the reason"), 1, "aggdist clean: the reason"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_a_problem_is_one_message_and_an_exit_code(monkeypatch, capsys, problem, code, text):
    def fails(args):
        raise problem

    monkeypatch.setitem(cli.TASKS, "clean", cli.Task(fails, "x"))
    assert cli.main(["clean"]) == code
    assert text in capsys.readouterr().err


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def make(tmp_path):
    """`make` with the Makefile alone in a folder, and only the Pythons that a test puts into `bin`."""
    program = shutil.which("make")
    if program is None:
        pytest.skip("make is not installed here")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()

    def run(*arguments):
        variables = {"PATH": str(tmp_path / "bin")}
        return subprocess.run(
            [program, *arguments], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )

    run.bin = tmp_path / "bin"
    run.folder = tmp_path
    return run


SHIM = 'echo "pyenv: command not found" >&2; exit 127'
OLD = f'[ "$1" = -c ] && exec {sys.executable} -c "import sys; sys.version_info = (3, 10); $2"; echo "old $@"'
GOOD = f'[ "$1" = -c ] && exec {sys.executable} "$@"; echo "good $@"'
WITHOUT = "import sys; sys.modules['ensurepip'] = None"
NO_VENV = f'[ "$1" = -c ] && exec {sys.executable} -c "{WITHOUT}; $2"; echo "bare $@"'


def test_make_takes_a_python_that_runs_and_passes_the_task_and_arguments_on(make):
    script(make.bin / "python3.13", SHIM)
    script(make.bin / "python3.12", OLD)
    script(make.bin / "python3.11", NO_VENV)
    script(make.bin / "python3", GOOD)
    assert make("runs", "ARGS=--list").stdout == "good -m aggdist runs --list\n"


def test_make_prefers_the_environment_that_is_there(make):
    script(make.bin / "python3.11", OLD)
    (make.folder / ".venv" / "bin").mkdir(parents=True)
    script(make.folder / ".venv" / "bin" / "python", GOOD)
    assert make("book").stdout == "good -m aggdist book\n"


def test_make_takes_a_python_without_venv_rather_than_none(make):
    script(make.bin / "python3.11", NO_VENV)
    assert make("test").stdout == "bare -m aggdist test\n"


@pytest.mark.parametrize("which", [None, "python3"])
def test_make_without_a_python_says_what_is_missing(make, which):
    if which:
        script(make.bin / which, OLD)
    done = make("book")
    assert done.returncode == 2
    assert "No Python 3.11, 3.12 or 3.13 was found. Install one" in done.stderr


def test_make_alone_is_help(make):
    script(make.bin / "python3", GOOD)
    assert make().stdout == "good -m aggdist help\n"


def test_make_j_keeps_the_order_that_tasks_need(make):
    script(make.bin / "python3", GOOD + "; " + str(shutil.which("sleep")) + " 0.1")
    lines = make("-j4", "test-book", "book", "clean").stdout.split("\n")
    assert lines == [*(f"good -m aggdist {name}" for name in ("clean", "book", "test-book")), ""]


def test_every_task_is_a_make_target():
    line = next(x for x in (ROOT / "Makefile").read_text().splitlines() if x.startswith("TASKS"))
    assert set(line.split(":=")[1].split()) == {*cli.TASKS, "help"} - {"datasets"}
