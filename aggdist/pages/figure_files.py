"""Every figure of the book as SVG and PDF: taken from the executed notebooks, put where the book offers them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggdist.pages.executed import Executed, PageError, executed_notebooks, outputs_of
from aggdist.paths import atomic_file

FOLDER = "figures"
"""Where the files are: inside `book/_generated/site/`, which the build copies to the book's root as it is."""

FORMATS = ("svg", "pdf")
RUNS = "runs/"
"""Where the pages of runs are."""


@dataclass(frozen=True)
class Figure:
    """One figure of an executed notebook.

    Attributes
    ----------
    name : str
        Its permanent name, the label that pages refer to.
    page : str
        The page that shows it.
    chapter : str
        The title of that page.
    caption : str
        Its caption, in MyST Markdown.
    svg, pdf : bytes
        The two files.
    """

    name: str
    page: str
    chapter: str
    caption: str
    svg: bytes
    pdf: bytes

    @property
    def first_sentence(self) -> str:
        """The caption up to its first full stop, or colon behind more than a word such as "Left"."""
        return re.split(r"(?<=\.)\s|(?<=:)(?<!^Left:)\s", self.caption, maxsplit=1)[0].rstrip(".:")


def figures_of(notebook: Executed) -> Iterator[Figure]:
    """The named figures of an executed notebook, in its order.

    The page of a run leaves a figure out where its record has nothing for it (no smaller samples, say).

    Raises
    ------
    PageError
        If a cell that is to show a figure has not exactly one, as SVG and as PDF.
    """
    for cell in notebook.cells:
        named = cell["metadata"].get("mystnb", {}).get("figure")
        if named:
            files = [outputs_of(cell, mime) for mime in ("image/svg+xml", "application/pdf")]
            if any(files) or not notebook.page.startswith(RUNS):
                yield _figure(notebook, named, *files)


def _figure(
    notebook: Executed, named: Mapping[str, str], drawn: Sequence[str], printed: Sequence[str]
) -> Figure:
    if (len(drawn), len(printed)) != (1, 1):
        raise PageError(
            f"{notebook.page}: the cell of {named['name']} has {len(drawn)} SVG and {len(printed)} PDF outputs, "
            "expected one of each: the notebook calls figures.use_style() and the cell shows one figure; "
            "then run make book again"
        )
    svg, pdf = drawn[0].encode(), base64.b64decode(printed[0])
    return Figure(named["name"], notebook.page, notebook.title, named["caption"], svg, pdf)


def all_figures(root: Path) -> list[Figure]:
    """The figures of all executed notebooks of a checkout's book.

    Raises
    ------
    PageError
        If a figure is not there as SVG and PDF, or two have one name.
    """
    found = [figure for notebook in executed_notebooks(root) for figure in figures_of(notebook)]
    names = [figure.name for figure in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PageError(
            f"several figures are called {', '.join(twice)}; names are permanent and for one figure"
        )
    return found


def write_files(figures: list[Figure], folder: Path) -> None:
    """Write `NAME.svg` and `NAME.pdf` of each figure into a folder, which is made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        for ending in FORMATS:
            with atomic_file(folder / f"{figure.name}.{ending}") as part:
                part.write_bytes(getattr(figure, ending))
