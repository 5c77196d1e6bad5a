"""Where starters and solutions are, and how a solved notebook is made of both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat

from aggdist.coursework.registry import NUMBERS, assignment
from aggdist.coursework.task import CourseworkError
from aggdist.paths import atomic_file

STARTERS = Path("notebooks") / "assignments"
TASK = "task:"
"""Before the function's name, in the tag of the cell that students fill in."""

_SOLUTIONS = Path(__file__).parent / "solutions"
_PART = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```\n?", flags=re.MULTILINE | re.DOTALL)


def starter(root: Path, number: int) -> Path:
    """The starter of an assignment."""
    return root / STARTERS / f"{assignment(number).stem}.ipynb"


def solutions_of(number: int) -> dict[str, tuple[str, str]]:
    """Text and code of the solution of each task.

    Raises
    ------
    CourseworkError
        If a part has not exactly one block of code.
    """
    source = (_SOLUTIONS / f"{assignment(number).stem}.md").read_text(encoding="utf-8")
    found = {}
    for name, part in _PART.findall(source):
        code = _CODE.findall(part)
        if len(code) != 1:
            raise CourseworkError(f"the solution of {name} has {len(code)} blocks of code, expected one")
        found[name] = (_CODE.sub("", part).strip(), code[0].rstrip())
    return found


def task_of(cell: Any) -> str | None:
    """The function that a cell is for, by its tag."""
    tags = cell.metadata.get("tags", [])
    names = [tag.removeprefix(TASK) for tag in tags if tag.startswith(TASK)]
    return names[0] if names else None


def solved(root: Path, number: int) -> Any:
    """The starter with each cell to fill in replaced by its solution, after the text that derives it.

    Raises
    ------
    CourseworkError
        If a task has no solution, or a solution no task.
    """
    book = nbformat.read(starter(root, number), as_version=4)  # type: ignore[no-untyped-call]
    solutions, cells = solutions_of(number), []
    for cell in book.cells:
        name = task_of(cell)
        if name is not None:
            if name not in solutions:
                raise CourseworkError(f"assignment {number}: there is no solution of {name}")
            text, cell.source = solutions.pop(name)
            cells.append(nbformat.v4.new_markdown_cell(f"**Solution.** {text}", id=f"solution-{name[:40]}"))  # type: ignore[no-untyped-call]
        cells.append(cell)
    if solutions:
        raise CourseworkError(f"assignment {number}: no cell is tagged {TASK}{', '.join(solutions)}")
    book.cells = cells
    return book


def write_solutions(root: Path, numbers: tuple[int, ...] = NUMBERS) -> list[Path]:
    """Write the solved notebooks into `build/solutions/`; their paths."""
    folder, written = root / "build" / "solutions", []
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"{assignment(number).stem}.ipynb"
        with atomic_file(path) as part:
            nbformat.write(solved(root, number), part)  # type: ignore[no-untyped-call]
        written.append(path)
    return written
