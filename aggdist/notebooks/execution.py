"""Execute one notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
from papermill.exceptions import PapermillExecutionError

from aggdist.house.machine import thread_variables
from aggdist.house.terminal import last_lines, without_colours
from aggdist.notebooks.engine import ENGINE
from aggdist.notebooks.job import Job, NotebookError
from aggdist.paths import atomic_file

KERNEL = "python3"


class _NeverStarted(RuntimeError):
    """The kernel failed before the first cell."""


def checked_parameters(job: Job) -> dict[str, Any]:
    """The parameters as plain JSON values, each known to the notebook.

    Raises
    ------
    NotebookError
        For a name that the notebook's parameters cell does not define, or a value that JSON does not have.
    """
    known = list(papermill.inspect_notebook(job.notebook)) if job.parameters else []
    unknown = sorted(set(job.parameters) - set(known))
    if unknown:
        raise NotebookError(
            f"{job.name}: got unknown parameters {', '.join(unknown)}, expected some of "
            f"{', '.join(known) or 'none'}; "
            f"{job.notebook.name} defines its parameters in the cell tagged 'parameters', one to a line"
        )
    try:
        return dict(json.loads(json.dumps(dict(job.parameters))))
    except TypeError as error:
        raise NotebookError(
            f"{job.name}: a parameter is no plain number, text, list or mapping: {error}"
        ) from error


def execute(job: Job, build: Path) -> None:
    """Execute a notebook; `job.target` appears on success only.

    A failed one stays in `build/failed/` for inspection, beside what its kernel wrote on standard error.

    Raises
    ------
    NotebookError
        If a cell fails, the kernel dies, or the parameters do not fit.
    """
    if not job.notebook.is_file():
        raise NotebookError(f"{job.name}: there is no notebook {job.notebook}")
    parameters = checked_parameters(job)
    scratch = build / "failed" / f"{job.name}.ipynb"
    scratch.parent.mkdir(parents=True, exist_ok=True)
    log = scratch.with_suffix(".log")
    start: dict[str, Any] = {"cwd": str(job.notebook.parent), "env": _kernel_variables(job.threads, build)}
    for attempt in (1, 2):
        try:
            with log.open("w", encoding="utf-8") as stream:
                _execute_once(job, start | {"stderr": stream}, parameters, scratch)
            break
        except _NeverStarted as error:
            # Kernels that start together may choose the same port; the second try is alone.
            if attempt == 2:
                raise NotebookError(
                    f"{job.name}: the kernel did not start, twice: {error}; see {log}"
                ) from error
    _publish(scratch, job.target)
    scratch.unlink()
    log.unlink()


def _execute_once(job: Job, start: Mapping[str, Any], parameters: Mapping[str, Any], scratch: Path) -> None:
    try:
        papermill.execute_notebook(
            job.notebook,
            scratch,
            parameters=parameters,
            engine_name=ENGINE,
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            fill=job.fill,
            start=start,
        )
    except PapermillExecutionError as error:
        trace = without_colours("\n".join(error.traceback))
        start["stderr"].write(trace + "\n")
        raise NotebookError(
            f"{job.name}: cell {error.cell_index} failed: {error.ename}: {without_colours(error.evalue)}\n"
            f"{last_lines(trace, 12)}\n  The notebook as far as it went: {scratch}"
        ) from error
    except NotebookError as error:
        raise NotebookError(f"{job.name}: {error}") from error
    except (
        Exception
    ) as error:  # whatever papermill, nbclient or the kernel raise; it is passed on, never swallowed
        if not _has_started(scratch):
            raise _NeverStarted(f"{type(error).__name__}: {error}") from error
        raise NotebookError(
            f"{job.name}: the kernel stopped: {type(error).__name__}: {error} (out of memory?)\n"
            f"  The notebook as far as it went: {scratch}, and its log: {scratch.with_suffix('.log')}"
        ) from error


def _kernel_variables(threads: int, build: Path) -> dict[str, str]:
    # MPLBACKEND would keep figures out of the page; a user's IPython start-up files would change the run.
    mine = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return mine | thread_variables(threads) | {"IPYTHONDIR": str(build / "ipython")}


def _has_started(scratch: Path) -> bool:
    """Whether any cell was begun, by what papermill notes in the notebook as it goes."""
    if not scratch.exists():
        return False
    cells = json.loads(scratch.read_text(encoding="utf-8"))["cells"]
    return any(cell["metadata"].get("papermill", {}).get("start_time") for cell in cells)


def _publish(executed: Path, target: Path) -> None:
    """Move an executed notebook to its place, without times and local paths."""
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    noted = notebook["metadata"].pop("papermill")
    if noted["exception"]:
        raise NotebookError(f"{executed} holds an exception: it is not published")
    notebook["metadata"]["papermill"] = {"exception": False, "parameters": noted["parameters"]}
    for cell in notebook["cells"]:
        cell["metadata"].pop("papermill", None)
        cell["metadata"].pop("execution", None)
    with atomic_file(target) as part:
        part.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
