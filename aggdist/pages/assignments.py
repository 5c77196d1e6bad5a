"""The table of the assignments, from what the check knows of them."""

from __future__ import annotations

from pathlib import Path

from aggdist.coursework.registry import NUMBERS, assignment
from aggdist.coursework.starters import starter


def assignments_table(root: Path) -> str:
    """A row for each assignment: its starter, the functions to write with their points, the sum.

    Raises
    ------
    FileNotFoundError
        If there is no starter.
    """
    lines = ["| Assignment | Functions to write (points) | Points |", "|---|---|---:|"]
    for number in NUMBERS:
        path, asked = starter(root, number), assignment(number)
        if not path.is_file():
            raise FileNotFoundError(f"assignment {number} has no starter: expected {path}")
        link = f"{{download}}`{number}: {asked.title} <../../{path.relative_to(root).as_posix()}>`"
        functions = ", ".join(f"`{task.name}` ({task.points})" for task in asked.tasks)
        lines.append(f"| {link} | {functions} | {asked.points} |")
    return "\n".join(lines) + "\n"


def write_assignments(root: Path, folder: Path) -> None:
    """Write the generated part of the page of assignments into `folder`."""
    (folder / "assignments.md").write_text(assignments_table(root), encoding="utf-8", newline="\n")
