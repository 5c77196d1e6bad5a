"""Executed notebooks of the book as generated pages read them, and the errors of this room."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Folders of the book that hold executed notebooks, in the order of its parts.
FOLDERS = ("theory", "experiments", "runs")


class PageError(RuntimeError):
    """A page cannot be generated from what is there; the message says what is missing and what to do."""


@dataclass(frozen=True)
class Executed:
    """One executed notebook.

    Attributes
    ----------
    page : str
        Its page, as addresses of the book name it without ending, such as `theory/04_gamma_ratio`.
    cells : list
        Its cells with their outputs, as nbformat has them.
    """

    page: str
    cells: list[Any]

    @property
    def title(self) -> str:
        """Its first heading.

        Raises
        ------
        PageError
            If it has none.
        """
        for cell in self.cells:
            heading = re.search(r"^# (.+)$", source_of(cell), flags=re.MULTILINE)
            if cell["cell_type"] == "markdown" and heading:
                return heading[1].strip()
        raise PageError(f"{self.page}: no heading of the first level in the notebook; give it one")


def executed_notebooks(root: Path) -> Iterator[Executed]:
    """All executed notebooks of a checkout's book, folder by folder, by name.

    Raises
    ------
    PageError
        If there is none.
    """
    paths = [path for folder in FOLDERS for path in sorted((root / "book" / folder).glob("*.ipynb"))]
    if not paths:
        raise PageError(f"no executed notebook in {root / 'book'}; run make book, which executes them first")
    for path in paths:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield Executed(f"{path.parent.name}/{path.stem}", cells)


def source_of(cell: Any) -> str:
    """The source of a cell, which files hold as one text or as a list of lines."""
    return "".join(cell["source"])


def outputs_of(cell: Any, mime: str) -> list[str]:
    """The outputs of one kind of a cell; nothing for cells that have none."""
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return ["".join(one[mime]) for one in data if mime in one]


def to_root(page: str) -> str:
    """The way from a page to the book's root, for links in raw HTML: `../` for each folder it is in."""
    return "../" * page.count("/")
