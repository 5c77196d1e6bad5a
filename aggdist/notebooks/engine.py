"""The papermill engine: this interpreter's kernel, filled places, hidden parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from aggdist.notebooks.job import NotebookError

ENGINE = "aggdist"
_PLACE = re.compile(r"@@(\w+)@@")


class _OwnKernel(AsyncKernelManager):
    """A kernel of this very interpreter, whatever kernels are installed for the user or the machine."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        # Without folders to search, `python3` is ipykernel's own specification: sys.executable.
        return KernelSpecManager(parent=self, kernel_dirs=[])


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine, with @@places@@ filled, the injected cell hidden, and an environment of its own."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        """Called by papermill with the `fill`, `start` and `start_timeout` given to `execute_notebook`."""
        for cell in nb_man.nb.cells:
            fill_places(cell, options["fill"])
            _hide_parameters(cell, nb_man.nb.cells)
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            kernel_manager_class=_OwnKernel,
            startup_timeout=options["start_timeout"],
            timeout=None,
        )
        client.execute(**options["start"])


papermill_engines.register(ENGINE, _Engine)


def fill_places(cell: Any, fill: Mapping[str, str]) -> None:
    """Replace `@@name@@` in a markdown cell's text and in a cell's `mystnb` metadata, in place."""

    def text(match: re.Match[str]) -> str:
        if match[1] not in fill:
            known = ", ".join(sorted(fill)) or "none"
            raise NotebookError(f"place @@{match[1]}@@ has no value: expected one of {known}")
        return str(fill[match[1]])

    if cell.cell_type == "markdown":
        cell.source = _PLACE.sub(text, cell.source)
    for section in cell.metadata.get("mystnb", {}).values():
        for key, value in section.items() if isinstance(section, Mapping) else ():
            if isinstance(value, str):
                section[key] = _PLACE.sub(text, value)


def _hide_parameters(cell: Any, cells: Iterable[Any]) -> None:
    """The injected cell is folded; the defaults that it overrides are not shown at all."""
    tags = cell.metadata.get("tags", [])
    injected = any("injected-parameters" in other.metadata.get("tags", []) for other in cells)
    if "injected-parameters" in tags:
        cell.metadata["tags"] = [*tags, "hide-input"]
    elif "parameters" in tags and injected:
        cell.metadata["tags"] = [*dict.fromkeys([*tags, "remove-cell"])]
