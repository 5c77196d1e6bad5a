"""What is to be executed, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class NotebookError(RuntimeError):
    """A notebook cannot be executed, or did not end well; the message names the cell and the reason."""


@dataclass(frozen=True)
class Job:
    """One execution of one notebook.

    Attributes
    ----------
    name : str
        Name in messages; failed notebooks and cached ones are kept under it (it may hold slashes).
    notebook, target : Path
        What is executed, and where the executed notebook goes.
    parameters : mapping of JSON values
        Values for the cell tagged `parameters`; each must be defined there.
    fill : mapping
        Texts for the places `@@name@@` in markdown and in `mystnb` metadata.
    reads : paths
        Files that the notebook reads, apart from aggdist's sources; the cache looks at their content.
    threads : int
        Threads of the numerical libraries in the kernel.
    cached : bool
        Whether the executed notebook may be one that was kept, if nothing has changed since.
    """

    name: str
    notebook: Path
    target: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    fill: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[Path, ...] = ()
    threads: int = 1
    cached: bool = True


@dataclass(frozen=True)
class Outcome:
    """How one job ended: `error` is None where it ended well, `executed` False where the cache had it."""

    job: Job
    seconds: float
    executed: bool
    error: str | None = None
