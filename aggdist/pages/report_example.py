"""The report that the page `use/reading_the_report` reads: made by the page's own code."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from aggdist.figures.style import as_svg
from aggdist.figures.summary_results import table
from aggdist.own_network import Report
from aggdist.pages.executed import PageError
from aggdist.paths import atomic_file

PAGE = "use/reading_the_report"
FOLDER = "use"
"""Where the parts of pages are: inside `book/_generated/`."""

FIGURE = "divergences"
COLUMNS = (
    "images",
    "observed_raw",
    "observed_matched",
    "shrunk_tails_kl",
    "shrunk_tails_matched",
    "shrunk_tails_saturated",
    "zero_inflated_gamma_kl",
    "observed_auc",
)
_ALTERNATIVE = (
    "Two scatter plots of predicted against observed divergence of ten output nodes, for three feature models, with "
    "the line on which a prediction is perfect."
)


def write_report_example(root: Path, folder: Path) -> None:
    """Run the page's code and write what it shows; the build of the book calls this."""
    report = report_of((root / "book" / f"{PAGE}.md").read_text(encoding="utf-8"))
    to = folder / FOLDER
    to.mkdir(parents=True, exist_ok=True)
    _write(to / "summary.md", f"```text\n{report!r}\n```\n")
    _write(to / "table.md", rows_table(report))
    _write(to / f"{FIGURE}.svg", _figure(report))
    _write(
        to / "figure.md",
        f"```{{figure}} ../_generated/{FOLDER}/{FIGURE}.svg\n:name: fig-report-{FIGURE}\n:alt: {_ALTERNATIVE}\n"
        "The figure `divergences` of this report.\n```\n",
    )


def report_of(page: str) -> Report:
    """The report that the code of a page makes.

    Raises
    ------
    PageError
        If its Python blocks leave no `report`.
    """
    names: dict[str, Any] = {"__name__": "page"}
    with contextlib.redirect_stdout(io.StringIO()):  # what it prints is tested along with the other pages
        for code in re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
            exec(compile(code, PAGE, "exec"), names)
    report = names.get("report")
    if not isinstance(report, Report):
        raise PageError(f"{PAGE}: its code leaves no Report called report; got {type(report).__name__}")
    return report


def rows_table(report: Report) -> str:
    """Some columns of `report.to_dataframe()`, as a table of a page."""
    frame = report.to_dataframe()[list(COLUMNS)]
    rows = [
        [str(name), *map(_shown, row)]
        for name, row in zip(frame.index, frame.itertuples(index=False), strict=True)
    ]
    return table(["class", *(f"`{name}`" for name in COLUMNS)], rows, left=1)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return {"True": "yes", "False": "no"}.get(str(value), str(value))


def _figure(report: Report) -> str:
    figures = report.figures()
    svg = as_svg(figures[FIGURE])
    for figure in figures.values():
        plt.close(figure)
    return svg


def _write(path: Path, text: str) -> None:
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
