"""The map of figures: each with its notebook, what that reads, the command that makes it, and its files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from aggdist.figures.summary_figures import draw_main_result, load_main_result
from aggdist.figures.summary_records import load_records, main_runs
from aggdist.figures.summary_results import table
from aggdist.figures.summary_tables import MAIN_FIGURE, WRITE
from aggdist.pages.executed import PageError
from aggdist.pages.figure_files import FOLDER, FORMATS, RUNS, Figure, all_figures, write_files
from aggdist.paths import atomic_file
from aggdist.runs import TEMPLATE
from aggdist.studies import STUDIES

MAIN = "fig-main-result"
"""The figure of the front page; it is drawn from records, not by a notebook."""


def write_figure_map(root: Path, folder: Path) -> None:
    """Write all figures' files and the tables of the page `maps/figures`; the build of the book calls this."""
    figures = all_figures(root)
    files = folder / "site" / FOLDER
    write_files(figures, files)
    records = load_records(root / "results")
    if main_runs(records):
        (files / f"{MAIN}.svg").write_bytes((root / MAIN_FIGURE).read_bytes())
        with atomic_file(files / f"{MAIN}.pdf") as part:
            draw_main_result(load_main_result(records), part, "pdf")
    chapters = [figure for figure in figures if not figure.page.startswith(RUNS)]
    runs = [figure for figure in figures if figure.page.startswith(RUNS)]
    text = chapters_text(
        chapters, {page: reads(root, page) for page in dict.fromkeys(f.page for f in chapters)}
    )
    (folder / "figure_map.md").write_text(text, encoding="utf-8", newline="\n")
    (folder / "figure_map_runs.md").write_text(runs_table(runs), encoding="utf-8", newline="\n")


def reads(root: Path, page: str) -> str:
    """What the notebook of a chapter reads, by the names in its source: extracts, studies, records of runs.

    Raises
    ------
    PageError
        If there is no such notebook.
    """
    path = root / "notebooks" / f"{page}.ipynb"
    if not path.is_file():
        raise PageError(f"page {page} has no notebook {path}: a page of executed cells comes from one")
    text = path.read_text(encoding="utf-8")
    extracts = [
        file.stem for file in sorted((root / "results" / "extracts").glob("*.npz")) if file.stem in text
    ]
    studies = [name for name in STUDIES if re.search(rf'load_studies\(.*?\\"{name}\\"\)', text)]
    if "all_findings" in text:
        studies = list(STUDIES)
    parts = [f"extract `{name}`" for name in extracts]
    parts += [f"study {{ref}}`{name} <study-{name}>`" for name in studies]
    if "load_records" in text or "all_findings" in text:
        parts.append("{doc}`all records </experiments>`")
    return ", ".join(parts) or "nothing: it computes"


def chapters_text(figures: Sequence[Figure], read: Mapping[str, str]) -> str:
    """A section for each chapter, with a row for each of its figures."""
    pages: dict[str, list[Figure]] = {}
    for figure in figures:
        pages.setdefault(figure.page, []).append(figure)
    return "\n".join(_section(page, found, read[page]) for page, found in pages.items())


def _section(page: str, figures: Sequence[Figure], read: str) -> str:
    rows = table(["Figure", "What it shows", "Command", "Files"], map(_row, figures), left=4)
    head = f"## {{doc}}`{figures[0].chapter} </{page}>`"
    return f"{head}\n\nNotebook: `notebooks/{page}.ipynb`. It reads: {read}.\n\n{rows}"


def _row(figure: Figure) -> list[str]:
    shown = figure.first_sentence.replace("|", "\\|")
    return [f"{{numref}}`%s <{figure.name}>`", shown, f"`{command(figure.name)}`", links(figure.name)]


def command(name: str) -> str:
    """The command that makes one figure again."""
    return WRITE if name == MAIN else f"python -m aggdist figure {name}"


def links(name: str) -> str:
    """Links to the files of a figure, from a page in a folder of the book."""
    return " ".join(
        f'<a href="../{FOLDER}/{name}.{ending}" download>{ending.upper()}</a>' for ending in FORMATS
    )


def runs_table(figures: Sequence[Figure]) -> str:
    """A row for each page of a run, a column for each kind of figure."""
    pages: dict[str, dict[str, str]] = {}
    for figure in figures:
        run = figure.page.removeprefix(RUNS)
        pages.setdefault(run, {})[figure.name.removeprefix(f"fig-{run}-")] = figure.name
    kinds = list(dict.fromkeys(kind for found in pages.values() for kind in found))
    header = ["Run", *(kind.capitalize() for kind in kinds)]
    rows = [
        [f"{{doc}}`/{RUNS}{run}`", *(links(found[kind]) if kind in found else "–" for kind in kinds)]
        for run, found in pages.items()
    ]
    return f"Notebook of all of them: `{TEMPLATE.as_posix()}`.\n\n" + table(header, rows, left=len(header))
