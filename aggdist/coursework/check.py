"""`check-assignment`: run a student's notebook in a fresh kernel, call its functions, judge and print a table."""

from __future__ import annotations

import json
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from aggdist.coursework.registry import assignment
from aggdist.coursework.task import CourseworkError, Task, Verdict

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

CELL_SECONDS = 120
"""Time limit of one cell of a student's notebook."""


@dataclass(frozen=True)
class Mark:
    """One row of the table."""

    task: Task
    points: int
    got: str
    expected: str


@dataclass(frozen=True)
class Checked:
    """All marks of one notebook, and what its own cells raised."""

    marks: tuple[Mark, ...]
    notes: tuple[str, ...]
    unfinished: tuple[str, ...]
    seconds: float

    @property
    def points(self) -> int:
        """What was reached."""
        return sum(mark.points for mark in self.marks)

    @property
    def full(self) -> int:
        """What could be reached."""
        return sum(mark.task.points for mark in self.marks)


def check(number: int, notebook: Path, seed: int, cell_seconds: int = CELL_SECONDS) -> Checked:
    """Run a notebook in a fresh kernel and judge its functions on inputs drawn from the seed.

    Raises
    ------
    CourseworkError
        If the file is no notebook.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        notes = _run(number, _read(notebook), notebook.resolve().parent, seed, Path(folder), cell_seconds)
        outcomes = {task.name: _outcome(Path(folder), task) for task in assignment(number).tasks}
    marks = tuple(_mark(task, outcomes[task.name], seed) for task in assignment(number).tasks)
    unfinished = tuple(name for name, outcome in outcomes.items() if "unfinished" in outcome)
    return Checked(marks, tuple(notes), unfinished, time.monotonic() - started)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CourseworkError(f"there is no notebook {path}; --file names another one")
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        raise CourseworkError(f"{path}: expected a Jupyter notebook: {error}") from error


def _run(number: int, book: Any, place: Path, seed: int, folder: Path, cell_seconds: int) -> list[str]:
    """Execute all cells, then one that calls the functions; what the student's cells raised."""
    own = len(book.cells)
    calls = (
        "from aggdist.coursework.inside import call_all as _call_all\n"
        f"_call_all({number}, {seed}, globals(), {str(folder)!r})"
    )
    book.cells.append(nbformat.v4.new_code_cell(calls))  # type: ignore[no-untyped-call]
    most = sum(task.seconds * len(task.arguments(seed)) for task in assignment(number).tasks)
    client = NotebookClient(
        book,
        timeout=None,
        timeout_func=lambda cell: int(most) + 30 if cell is book.cells[-1] else cell_seconds,
        interrupt_on_timeout=True,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(place)}},
    )
    notes = []
    try:
        client.execute()
    except DeadKernelError as error:
        notes.append(f"the kernel stopped ({error}); out of memory, or exit() in a cell?")
    cells = [(at, cell) for at, cell in enumerate(book.cells) if cell.cell_type == "code"]
    for at, cell in cells:
        notes += [
            _note(at, out, own) for out in cell.get("outputs", []) if out.output_type == "error"
            and out.ename != "NotImplementedError"
        ]  # fmt: skip
    return notes


def _note(at: int, output: Any, own: int) -> str:
    where = f"cell {at + 1}" if at < own else "calling the functions"
    slow = " (its time was over)" if output.ename == "KeyboardInterrupt" else ""
    what = _COLOUR.sub("", str(output.evalue))
    return f"{where} raised {output.ename}: {what}{slow}"


def _outcome(folder: Path, task: Task) -> dict[str, Any]:
    path = folder / f"{task.name}.json"
    if not path.exists():
        return {"missing": "it was not called, see the notes below"}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _mark(task: Task, outcome: dict[str, Any], seed: int) -> Mark:
    if "unfinished" in outcome:
        return Mark(task, 0, "not written yet", "")
    if "missing" in outcome:
        return Mark(task, 0, outcome["missing"], f"a function {task.name}")
    cases = task.arguments(seed)
    values = outcome["values"]
    verdicts = [task.judge(arguments, value) for arguments, value in zip(cases, values, strict=False)]
    for at, verdict in enumerate(verdicts, start=1):
        if not verdict.right:
            return _wrong(task, at, len(cases), verdict)
    if "error" in outcome:
        case = f"case {len(values) + 1} of {len(cases)}"
        return Mark(task, 0, f"{case}: {outcome['error']}", "a value")
    return Mark(task, task.points, verdicts[-1].got, verdicts[-1].expected)


def _wrong(task: Task, at: int, of: int, verdict: Verdict) -> Mark:
    return Mark(task, 0, f"case {at} of {of}: {verdict.got}", verdict.expected)
