"""The tasks `check-assignment` and `solutions`."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from aggdist.coursework.check import Checked, check
from aggdist.coursework.registry import NUMBERS
from aggdist.coursework.starters import starter, write_solutions
from aggdist.coursework.task import CourseworkError
from aggdist.house.terminal import HouseError, duration, say

_TASK, _POINTS, _GOT, _EXPECTED = 20, 7, 40, 40


def check_assignment(root: Path, args: argparse.Namespace) -> int:
    """Check one notebook and print its table; 0 for full marks, else 1."""
    if args.number is None:
        raise HouseError(
            "which assignment? Expected 1, 2 or 3: make check-assignment N=1, or python -m aggdist "
            "check-assignment 1"
        )
    number = _known(args.number)
    if args.seed < 0:
        raise HouseError(f"--seed {args.seed}: expected a whole number of at least 0")
    path = args.file or starter(root, number)
    say(f"Assignment {number}: {path}, seed {args.seed}")
    try:
        checked = check(number, path, args.seed)
    except CourseworkError as error:
        raise HouseError(str(error)) from error
    for line in table(checked):
        say(line)
    return 0 if checked.points == checked.full else 1


def solutions(root: Path, args: argparse.Namespace) -> int:
    """Write the solved notebooks of one assignment, or of all."""
    try:
        written = write_solutions(root, NUMBERS if args.number is None else (_known(args.number),))
    except CourseworkError as error:
        raise HouseError(str(error)) from error
    for path in written:
        say(f"written: {path}")
    return 0


def _known(number: int) -> int:
    if number not in NUMBERS:
        raise HouseError(f"assignment {number}: expected one of {', '.join(map(str, NUMBERS))}")
    return number


def table(checked: Checked) -> list[str]:
    """The lines that are printed: a row for each task, the total, what is unfinished, what cells raised."""
    lines = _row("Task", "Points", "Got", "Expected")
    lines.append(" ".join("-" * width for width in (_TASK, _POINTS, _GOT, _EXPECTED)))
    for mark in checked.marks:
        lines += _row(mark.task.name, f"{mark.points}/{mark.task.points}", mark.got, mark.expected)
    lines.append(f"Total: {checked.points} of {checked.full} points ({duration(checked.seconds)})")
    if checked.unfinished:
        lines.append(f"Not written yet: {', '.join(checked.unfinished)}")
    return lines + [f"Note: {note}" for note in checked.notes]


def _row(task: str, points: str, got: str, expected: str) -> list[str]:
    """One row of the table; long words go on below."""
    left, right = (textwrap.wrap(" ".join(text.split()), _GOT) or [""] for text in (got, expected))
    height = max(len(left), len(right))
    columns = [[task], [points], left, right]
    filled = [column + [""] * (height - len(column)) for column in columns]
    widths = (_TASK, _POINTS, _GOT, _EXPECTED)
    return [
        " ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*filled, strict=True)
    ]
