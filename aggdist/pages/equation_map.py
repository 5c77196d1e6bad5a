"""The map of principal equations: each with its chapter, its check, and the state of the check in this very book."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aggdist.equations import Equation, equations
from aggdist.equations.readable import readable
from aggdist.pages.executed import Executed, PageError, executed_notebooks, outputs_of

_SHOWN = re.compile(
    r'<div class="equation-check (?P<state>\w+)" id="(?P<anchor>[\w-]+)" '
    r'data-error="(?P<error>[^"]+)" data-allowed="(?P<allowed>[^"]+)">'
)


@dataclass(frozen=True)
class Shown:
    """A check as an executed page shows it."""

    page: str
    title: str
    state: str
    error: str
    allowed: str


def write_equation_map(root: Path, folder: Path) -> None:
    """Write the tables of the page `maps/equations`; the build of the book calls this."""
    text = equation_map(equations(), shown_checks(root))
    (folder / "equation_map.md").write_text(text, encoding="utf-8", newline="\n")


def shown_checks(root: Path) -> dict[str, Shown]:
    """The checks in all executed notebooks of a checkout's book, by anchor.

    Raises
    ------
    PageError
        If two pages show one check: an anchor is to lead to one place.
    """
    found: dict[str, Shown] = {}
    for notebook in executed_notebooks(root):
        for anchor, shown in _checks_of(notebook).items():
            if anchor in found:
                raise PageError(
                    f"{anchor} is on the pages {found[anchor].page} and {shown.page}: check it on one"
                )
            found[anchor] = shown
    return found


def _checks_of(notebook: Executed) -> dict[str, Shown]:
    text = "".join(output for cell in notebook.cells for output in outputs_of(cell, "text/html"))
    return {
        match["anchor"]: Shown(
            notebook.page, notebook.title, match["state"], match["error"], match["allowed"]
        )
        for match in _SHOWN.finditer(text)
    }


def equation_map(known: Mapping[str, Equation], shown: Mapping[str, Shown]) -> str:
    """A section for each chapter, with a table of its equations.

    Raises
    ------
    PageError
        If an equation of the registry is on no page: its chapter has to call its check.
    """
    missing = [tag for tag, equation in known.items() if equation.anchor not in shown]
    if missing:
        raise PageError(
            f"no page shows the checks of {', '.join(missing)}: call check(TAG) in their chapters"
        )
    chapters: dict[str, list[Equation]] = {}
    for equation in known.values():
        chapters.setdefault(shown[equation.anchor].page, []).append(equation)
    return "\n".join(_section(page, found, shown) for page, found in chapters.items())


def _section(page: str, found: list[Equation], shown: Mapping[str, Shown]) -> str:
    rows = "\n".join(_row(equation, shown[equation.anchor]) for equation in found)
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Equation", "Statement", "State", "Check"))
    title = shown[found[0].anchor].title
    return (
        f"## {{doc}}`{title} </{page}>`\n\n"
        f'<div class="pst-scrollable-table-container"><table class="table"><thead><tr>{heads}</tr></thead><tbody>\n'
        f"{rows}\n</tbody></table></div>\n"
    )


def _row(equation: Equation, shown: Shown) -> str:
    code = f"{equation.run.__module__.removeprefix('aggdist.equations.')}.{equation.run.__name__}"
    code = re.sub(r"([._])", r"\1<wbr>", code)  # where a narrow column may break it
    return (
        f'<tr><td><a href="../{shown.page}.html#{equation.anchor}">{equation.tag}</a></td>'
        f"<td>{readable(equation.statement)}</td>"
        f"<td>{shown.state}, error {_whole(shown.error)} of {_whole(shown.allowed)}</td>"
        f"<td><code>{code}</code></td></tr>"
    )


def _whole(number: str) -> str:
    """A number that is not broken at its minus."""
    return f'<span class="text-nowrap">{number}</span>'
