"""`python -m aggdist figure NAME`: one figure of the book, made again from its notebook alone."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from pathlib import Path

from aggdist.house.book import chapter_jobs, page_jobs, theory_jobs
from aggdist.house.machine import one_at_a_time
from aggdist.house.terminal import HouseError, say
from aggdist.notebooks import Job, NotebookError, execute_cached
from aggdist.pages.executed import Executed
from aggdist.pages.figure_files import FORMATS, RUNS, figures_of, write_files


def make(root: Path, name: str) -> int:
    """Execute the notebook of a figure, unless it is kept, and write `NAME.svg` and `NAME.pdf` to `build/figures/`.

    Raises
    ------
    HouseError
        If no notebook has a figure of that name, or its notebook fails.
    """
    jobs = figure_jobs(root)
    if name not in jobs:
        near = difflib.get_close_matches(name, jobs, n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise HouseError(
            f"no figure {name!r}: expected one of the book's page 'All figures', such as fig-t4-ratio{hint}"
        )
    folder = root / "build" / "figures"
    job = replace(jobs[name], target=folder / f"{name}.ipynb")
    say(f"{name} is drawn by {job.notebook.relative_to(root)}.")
    with one_at_a_time(root / "build" / "book.lock", "builds the book"):
        try:
            execute_cached(job, root / "build")
        except NotebookError as error:
            raise HouseError(str(error)) from error
    cells = json.loads(job.target.read_text(encoding="utf-8"))["cells"]
    job.target.unlink()
    page = job.name.replace("pages/", RUNS)
    drawn = [figure for figure in figures_of(Executed(page, cells)) if figure.name == name]
    if not drawn:
        raise HouseError(f"{page} leaves {name} out: its record has nothing to show there")
    write_files(drawn, folder)
    for ending in FORMATS:
        say(f"  {folder / f'{name}.{ending}'}")
    return 0


def figure_jobs(root: Path) -> dict[str, Job]:
    """The execution that draws each figure of chapters and of committed runs, by the figure's name."""
    found = {}
    for job in [*theory_jobs(root), *chapter_jobs(root), *page_jobs(root, ())]:
        fill = dict(job.fill)
        for cell in json.loads(job.notebook.read_text(encoding="utf-8"))["cells"]:
            named = cell["metadata"].get("mystnb", {}).get("figure")
            if named:
                found[named["name"].replace("@@name@@", fill.get("name", ""))] = job
    return found
