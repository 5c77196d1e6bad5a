"""The command line behind `python -m aggdist`; the standard library is enough to start it.

A task that needs the project's packages sets `.venv` up if needed, then runs itself again inside it
(`--here`).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggdist.house import environment, tasks
from aggdist.house.environment import Environment
from aggdist.house.terminal import HouseError, complain
from aggdist.paths import repository_root

_EPILOG = (
    "Tasks marked * set up the project's own environment (.venv) first if needed. TORCH=cpu in front of the "
    "command takes PyTorch without gigabytes of CUDA libraries on Linux."
)


@dataclass(frozen=True)
class Task:
    """One word after `python -m aggdist`: what it does, whether it needs `.venv`, its arguments."""

    run: Callable[[argparse.Namespace], int]
    help: str
    inside: bool = False
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None


def main(argv: Sequence[str]) -> int:
    """Run one task; its exit code."""
    name = argv[0] if argv else "help"
    try:
        if name == "datasets":
            _find_packages(argv)
        parser = _parser(name)
        args = parser.parse_args(argv)
        if args.task in (None, "help"):
            parser.print_help()
            return 0
        task = TASKS[name]
        if task.inside and not args.here:
            enter(environment.ensure(repository_root()), [name, "--here", *argv[1:]])
        return task.run(args)
    except (HouseError, FileNotFoundError) as error:
        complain(f"aggdist {name}: {error}")
        return 1
    except KeyboardInterrupt:
        complain(f"aggdist {name}: interrupted; nothing half-done looks finished, run it again to carry on")
        return 130


def enter(env: Environment, arguments: Sequence[str]) -> None:
    """Become `.venv/bin/python -m aggdist ARGUMENTS`; does not return."""
    variables = environment.clean_variables() | {
        "VIRTUAL_ENV": str(env.folder),
        "PATH": f"{env.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONNOUSERSITE": "1",
    }
    sys.stdout.flush()
    os.execve(env.python, [str(env.python), "-m", "aggdist", *arguments], variables)


def _find_packages(argv: Sequence[str]) -> None:
    """For a task that does not set anything up: go on here, in `.venv`, or say what to do."""
    try:
        import aggdist.datasets  # noqa: F401
    except ModuleNotFoundError as error:
        env = Environment(Path(__file__).resolve().parents[2])
        if env.stamp.exists() and env.python.exists() and Path(sys.prefix) != env.folder:
            enter(env, argv)
        raise HouseError(
            f"{sys.executable} has no {error.name}: run make book first, which sets up .venv, or use the "
            "Python of another environment that has aggdist's packages"
        ) from error


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aggdist",
        description="Distributions of aggregation layers in deep networks: the book, tests, runs and data.",
        epilog=_EPILOG,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=16, width=100),
    )
    words = parser.add_subparsers(dest="task", metavar="TASK", title="tasks")
    for word, task in TASKS.items():
        text = task.help + (" *" if task.inside else "")
        sub = words.add_parser(word, help=text, description=f"{task.help[0].upper()}{task.help[1:]}.")
        if task.inside:
            here = "use the packages of the Python that runs this (a conda environment, say) instead of .venv"
            sub.add_argument("--here", action="store_true", help=here)
        if word == name:  # only then: describing the datasets' arguments needs packages
            task.add_arguments(sub)
    words.add_parser("help", help="this text")
    return parser


def _passed_on(to: str) -> Callable[[argparse.ArgumentParser], None]:
    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "arguments", nargs="*", metavar="ARGUMENT", help=f"passed on to {to}; put -- before them"
        )

    return add


def _book_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, help="notebooks executed at a time (default: one for each core)")


def _runs_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--table", default="full", help="table of notebooks/experiments/runs.yml (default: full)"
    )
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="only runs of such a name, as 'digits-*-s0'"
    )
    parser.add_argument("--jobs", type=int, help="runs at a time (default: as the cores allow, at most 4)")
    parser.add_argument("--list", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--force", action="store_true", help="also runs whose record is up to date")


def _verify_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        default="digits-*",
        help="rows of the full table of such a name, '*' for all (default: 'digits-*')",
    )
    parser.add_argument("--list", action="store_true", help="say what would be done, and do nothing")


def _pdf_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", metavar="PATTERN", default="*", help="only pages of such a name, as 'theory/*'"
    )
    parser.add_argument("--runs", action="store_true", help="also the pages of single runs")


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    _assignment_argument(parser)
    parser.add_argument(
        "--file", type=Path, metavar="PATH", help="the notebook (default: the starter's place)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default: 0)")


def _assignment_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", nargs="?", type=int, metavar="N", help="the assignment: 1, 2 or 3")


def _datasets_arguments(parser: argparse.ArgumentParser) -> None:
    from aggdist.datasets import cli

    cli.add_arguments(parser)


def _book(args: argparse.Namespace) -> int:
    from aggdist.house import book

    return book.build(repository_root(), jobs=args.jobs)


def _figure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the figure, as on the book's page 'All figures'")


def _figure(args: argparse.Namespace) -> int:
    from aggdist.house import figure_command

    return figure_command.make(repository_root(), args.name)


def _zip(args: argparse.Namespace) -> int:
    from aggdist.house import zip_command

    return zip_command.run(repository_root())


def _pdf(args: argparse.Namespace) -> int:
    from aggdist.house import pdf_command

    return pdf_command.run(repository_root(), args)


def _runs(args: argparse.Namespace) -> int:
    from aggdist.house import run_command

    return run_command.run(repository_root(), args)


def _verify(args: argparse.Namespace) -> int:
    from aggdist.house import verify_command

    return verify_command.run(repository_root(), args)


def _datasets(args: argparse.Namespace) -> int:
    from aggdist.datasets import cli

    return cli.run(args)


def _check_assignment(args: argparse.Namespace) -> int:
    from aggdist.house import coursework_command

    return coursework_command.check_assignment(repository_root(), args)


def _solutions(args: argparse.Namespace) -> int:
    from aggdist.house import coursework_command

    return coursework_command.solutions(repository_root(), args)


def _starting(program: Callable[[Path, Sequence[str]], int]) -> Callable[[argparse.Namespace], int]:
    return lambda args: program(repository_root(), args.arguments)


_PYTEST = _passed_on("pytest")

TASKS: dict[str, Task] = {
    "book": Task(
        _book, "run the theory notebooks and the quick runs, render the book", True, _book_arguments
    ),
    "zip": Task(_zip, "pack the built book into one file that is read without a connection", True),
    "pdf": Task(_pdf, "print the built book into one PDF (needs Chromium)", True, _pdf_arguments),
    "test": Task(_starting(tasks.run_tests), "run the tests", True, _PYTEST),
    "test-full": Task(
        _starting(tasks.run_all_tests), "run the tests with the long property tests", True, _PYTEST
    ),
    "test-book": Task(
        _starting(tasks.run_book_tests), "look at each page of the built book in Chromium", True, _PYTEST
    ),
    "bench": Task(lambda args: tasks.run_bench(repository_root()), "measure errors and times", True),
    "runs": Task(_runs, "make the records of the run table that are not up to date", True, _runs_arguments),
    "verify": Task(
        _verify, "make runs anew and compare them with their committed records", True, _verify_arguments
    ),
    "figure": Task(
        _figure, "make one figure again, as SVG and PDF in build/figures/", True, _figure_arguments
    ),
    "datasets": Task(
        _datasets, "list the datasets, or fetch one: datasets fetch NAME|all", False, _datasets_arguments
    ),
    "check-assignment": Task(
        _check_assignment, "check an assignment on random inputs: check-assignment N", True, _check_arguments
    ),
    "solutions": Task(_solutions, "make the solved assignments, for lecturers", True, _assignment_argument),
    "lab": Task(_starting(tasks.lab), "open the notebooks in JupyterLab", True, _passed_on("JupyterLab")),
    "clean": Task(lambda args: tasks.clean(repository_root()), "remove what was built, but not .venv"),
    "clean-env": Task(lambda args: tasks.clean_environment(repository_root()), "remove .venv"),
}
