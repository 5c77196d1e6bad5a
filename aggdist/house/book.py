"""`python -m aggdist book`: execute what the book shows, then render it.

Two steps: papermill executes, Jupyter Book renders with execution off. All that a reader could take for
a page of this build is removed first, and the rendered book appears in `build/book/` only when all went well.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aggdist import runs
from aggdist.experiment import RecordError
from aggdist.house.built_book import STAMP, sources_digest, stamp
from aggdist.house.machine import cores, one_at_a_time
from aggdist.house.terminal import HouseError, complain, duration, last_lines, say, without_colours
from aggdist.notebooks import Job, Outcome, execute_all

#: Functions, written "module:function", that write includes for the book's pages: called with the
#: repository's root and the folder `book/_generated`, after the notebooks and before the rendering.
GENERATORS: tuple[str, ...] = (
    "aggdist.figures.summary_tables:write_includes",
    "aggdist.figures.study_tables:write_studies",
    "aggdist.pages.figure_map:write_figure_map",
    "aggdist.pages.equation_map:write_equation_map",
    "aggdist.pages.claim_map:write_claim_map",
    "aggdist.pages.reproduce:write_reproduce",
    "aggdist.pages.getting:write_getting",
    "aggdist.pages.exercises:write_exercises",
    "aggdist.pages.assignments:write_assignments",
    "aggdist.pages.explorers.write:write_explorers",
    "aggdist.pages.api:write_api",
    "aggdist.pages.report_example:write_report_example",
)

_QUICK_PAGE = "quick-"


def build(root: Path, jobs: int | None = None) -> int:
    """Execute and render the whole book; 1 if anything failed.

    Parameters
    ----------
    root : Path
        The repository.
    jobs : int, optional
        Notebooks executed at a time; as many as there are cores if not given.
    """
    if jobs is not None and jobs < 1:
        raise HouseError(f"--jobs {jobs}: expected at least 1")
    started = time.monotonic()
    with one_at_a_time(root / "build" / "book.lock", "builds the book"):
        clear(root)
        try:
            _execute(root, jobs or cores())
            generate(root)
            page = render(root)
        except (runs.RunTableError, RecordError) as error:
            raise HouseError(str(error)) from error
    say(f"The book is built ({duration(time.monotonic() - started)}). Open it with a browser:")
    say(f"  {page.as_uri()}")
    return 0


def clear(root: Path) -> None:
    """Remove every page and include of an earlier build; the cache of executions stays."""
    made = ("book/theory", "book/experiments", "book/runs", "book/_generated")
    for name in (*made, "build/book", "build/_build"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / STAMP).unlink(missing_ok=True)
    for name in (*made, "book/_generated/site"):
        (root / name).mkdir(parents=True)


def _execute(root: Path, workers: int) -> None:
    planned = runs.plan(root, runs.QUICK)
    theory = theory_jobs(root)
    todo = sum(item.execute for item in planned)
    say(f"Theory: {len(theory)} notebooks. Quick runs: {todo} of {len(planned)} to do. {workers} at a time.")
    _check(runs.execute_plan(root, planned, workers=workers, others=theory, report=_report))
    pages, chapters = page_jobs(root, planned), chapter_jobs(root)
    say(f"Pages of runs: {len(pages)}. Chapters on all of them: {len(chapters)}.")
    _check(execute_all([*chapters, *pages], root / "build", workers=workers, report=_report))


def theory_jobs(root: Path) -> list[Job]:
    """One execution for each theory notebook; they may read extracts and studies, in folders of `results/`."""
    extracts = tuple(sorted(path for path in (root / "results").glob("*/**/*") if path.is_file()))
    notebooks = sorted((root / "notebooks" / "theory").glob("*.ipynb"))
    return [
        Job(f"theory/{notebook.stem}", notebook, root / "book" / "theory" / notebook.name, reads=extracts)
        for notebook in notebooks
    ]


def page_jobs(root: Path, quick: Sequence[runs.Planned]) -> list[Job]:
    """One page for each committed record, and one for each run that this build has made."""
    folder = root / "book" / "runs"
    sources = [(record.stem, record, "") for record in sorted((root / "results").glob("*.json"))]
    sources += [(_QUICK_PAGE + item.record.stem, item.record, "made along with this book") for item in quick]
    return [
        runs.page_job(root, record, page, origin, folder / f"{page}.ipynb")
        for page, record, origin in sources
    ]


def chapter_jobs(root: Path) -> list[Job]:
    """One execution for each notebook about all committed records and studies, which are all that it reads."""
    folder = root / "results"
    records = (*sorted(folder.glob("*.json")), *sorted((folder / "studies").glob("*.json")))
    found = sorted((root / "notebooks" / "experiments").glob("*.ipynb"))
    notebooks = [notebook for notebook in found if notebook.name != runs.TEMPLATE.name]
    return [
        Job(
            f"experiments/{notebook.stem}",
            notebook,
            root / "book" / "experiments" / notebook.name,
            reads=records,
        )
        for notebook in notebooks
    ]


def _report(outcome: Outcome) -> None:
    how = "FAILED" if outcome.error else "done" if outcome.executed else "unchanged"
    say(f"  {outcome.job.name}: {how} ({duration(outcome.seconds)})")


def _check(outcomes: Sequence[Outcome]) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error]
    for error in errors:
        complain(error)
    if errors:
        raise HouseError(
            f"{len(errors)} of {len(outcomes)} notebooks failed (see above), so there is no book"
        )


def generate(root: Path) -> None:
    """Call the functions of `GENERATORS`."""
    for name in GENERATORS:
        module, function = name.split(":")
        getattr(importlib.import_module(module), function)(root, root / "book" / "_generated")


def render(root: Path) -> Path:
    """Render `book/` with warnings as errors into `build/book/`; the address of its first page.

    Raises
    ------
    HouseError
        If Jupyter Book fails or warns; its last lines are in the message, all of them in `build/book.log`.
    """
    started, made_from = time.monotonic(), sources_digest(root)
    say("Rendering.")
    output = root / "build"
    command = [
        sys.executable,
        "-c",
        "from jupyter_book.cli.main import main; main()",
        "build",
        str(root / "book"),
    ]
    options = ["--path-output", str(output), "--builder", "html", "--all", "-W", "-n", "--keep-going"]
    done = subprocess.run(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    log, text = output / "book.log", without_colours(done.stdout)
    log.write_text(text, encoding="utf-8")
    if done.returncode:
        raise HouseError(f"the book could not be rendered; the end of {log}:\n{_what_went_wrong(text)}")
    (output / "_build" / "html").replace(output / "book")
    shutil.rmtree(output / "_build")
    stamp(root, made_from)
    say(f"  rendered in {duration(time.monotonic() - started)}")
    return output / "book" / "index.html"


def _what_went_wrong(log: str) -> str:
    """The warnings and errors of a log, then its last lines."""
    marked = [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line or "CRITICAL" in line]
    return "\n".join(["  " + line.strip() for line in marked[-15:]] + [last_lines(log, 8)])
