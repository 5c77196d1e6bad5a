"""Executed notebooks, kept as long as nothing that determines them changes."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

from aggdist.notebooks.execution import execute
from aggdist.notebooks.job import Job, NotebookError
from aggdist.paths import atomic_file
from aggdist.provenance import package_version, source_digest

_PACKAGE = Path(__file__).resolve().parents[1]
# What decides how an executed notebook looks, apart from its source and aggdist's.
_KEY_PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "matplotlib",
    "seaborn",
    "torch",
    "scikit-learn",
    "ipykernel",
    "papermill",
)


def sources() -> list[Path]:
    """Source files of aggdist on which an executed notebook may depend: all but house, pages, coursework."""
    files = [*_PACKAGE.rglob("*.py"), *_PACKAGE.rglob("*.mplstyle")]
    apart = {_PACKAGE / "house", _PACKAGE / "pages", _PACKAGE / "coursework"}
    return [path for path in files if apart.isdisjoint(path.parents)]


def content_key(job: Job) -> str:
    """SHA-256 of all that determines an executed notebook: its source, values, aggdist, packages, files read.

    Raises
    ------
    NotebookError
        If a file that the notebook reads is missing.
    """
    missing = [str(path) for path in (job.notebook, *job.reads) if not path.is_file()]
    if missing:
        raise NotebookError(f"{job.name}: missing {', '.join(missing)}")
    parts = [
        "format 1",
        json.dumps([dict(job.parameters), dict(job.fill), job.threads], sort_keys=True),
        source_digest(sources()),
        repr([(name, package_version(name)) for name in _KEY_PACKAGES]),
        sys.version,
        *(hashlib.sha256(path.read_bytes()).hexdigest() for path in (job.notebook, *job.reads)),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def take(job: Job, build: Path) -> bool:
    """Put a kept notebook at `job.target`, if there is one for what the job is now; whether there was.

    Raises
    ------
    NotebookError
        If a file that the notebook reads is missing.
    """
    kept = _kept(job, build)
    if not kept.exists():
        return False
    with atomic_file(job.target) as part:
        part.write_bytes(kept.read_bytes())
    return True


def execute_cached(job: Job, build: Path) -> bool:
    """Put the executed notebook at `job.target`, from `build/executed/` if nothing has changed.

    Returns
    -------
    bool
        Whether it had to be executed.
    """
    if take(job, build):
        return False
    kept = _kept(job, build)
    execute(replace(job, target=kept), build)
    for older in set(kept.parent.glob("*.ipynb")) - {kept}:
        older.unlink()
    with atomic_file(job.target) as part:
        part.write_bytes(kept.read_bytes())
    return True


def _kept(job: Job, build: Path) -> Path:
    return build / "executed" / job.name / f"{content_key(job)}.ipynb"
