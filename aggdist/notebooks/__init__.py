"""Execute notebooks: papermill with this interpreter's kernel, strict parameters, a cache by content.

A notebook that fails is never a page: what is executed goes to a scratch place first and moves on success
only.
"""

from __future__ import annotations

from aggdist.notebooks.cache import content_key, execute_cached
from aggdist.notebooks.execution import checked_parameters, execute
from aggdist.notebooks.job import Job, NotebookError, Outcome
from aggdist.notebooks.pool import execute_all

__all__ = [
    "Job",
    "NotebookError",
    "Outcome",
    "checked_parameters",
    "content_key",
    "execute",
    "execute_all",
    "execute_cached",
]
