"""Pages of the built book, printed one by one in Chromium."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggdist.house.terminal import HouseError

_INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: Margins in millimetres, and what is left of an A4 page in pixels of a style sheet: formulas are fitted to it.
_MARGINS, _SIDE, _WIDTH = (20, 18, 20, 18), 18, round((210 - 2 * 18) / 25.4 * 96)

_STYLE = """
@page {{
  size: A4; margin: {margins};
  @top-right {{ content: {title}; font: 8pt sans-serif; color: #4b5563; }}
  @bottom-center {{ content: {number}; font: 9pt sans-serif; color: #000; }}
}}
@page :first {{ @top-right {{ content: ""; }} }}
html {{ counter-reset: page {before}; }}
#main-content .bd-article h1 {{ display: block !important; margin-top: 0; }}
"""

#: Solutions go, not only out of sight; so does what the theme adds when a page is printed by itself.
_PREPARE = """
() => {
  for (const part of document.querySelectorAll("div.solution, #jb-print-docs-body, .headerlink")) part.remove();
  document.querySelectorAll("details.hide").forEach((part) => part.remove());
  document.querySelectorAll("img[loading]").forEach((image) => image.removeAttribute("loading"));
  // Chromium notes where an anchor is only if a link of the same page leads there.
  const list = document.createElement("div");
  list.hidden = true;
  for (const target of document.querySelectorAll(".bd-article [id]")) {
    const link = document.createElement("a");
    link.href = "#" + encodeURIComponent(target.id);
    list.append(link);
  }
  document.body.append(list);
  return Promise.all([...document.images].map((image) => image.decode().catch(() => image.src)))
    .then((failed) => failed.filter(Boolean));
}
"""

#: What is still wider than the paper becomes smaller.
_FIT = """
() => {
  const narrow = (part, inner, space) => {
    const ratio = space / Math.max(inner.getBoundingClientRect().width, inner.scrollWidth);
    const size = parseFloat(getComputedStyle(part).fontSize);
    if (ratio < 1) part.style.fontSize = Math.floor(size * ratio * 97) / 100 + "px";
    return ratio < 1;
  };
  for (const table of document.querySelectorAll(".bd-article table")) {
    for (let tries = 0; tries < 4 && narrow(table, table, table.parentElement.clientWidth); tries++);
  }
  for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
    const number = formula.parentElement.querySelector(":scope > .eqno")?.offsetWidth ?? 0;
    narrow(formula, formula.querySelector("mjx-math"), formula.parentElement.clientWidth - number);
  }
}
"""

_SECTIONS = """
() => [...document.querySelectorAll(".bd-article section > h2")]
  .filter((head) => head.parentElement.id)
  .map((head) => [head.parentElement.id, head.textContent.trim()])
"""


@dataclass(frozen=True)
class Printed:
    """A printed page of the book.

    Parameters
    ----------
    title : str
        Its heading.
    sections : tuple of (str, str)
        Anchor and heading of each of its sections.
    """

    title: str
    sections: tuple[tuple[str, str], ...] = ()


class Printer:
    """One tab of a headless Chromium that prints.

    Parameters
    ----------
    page : playwright.sync_api.Page
        The tab.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        page.set_default_timeout(300_000)  # milliseconds, for a busy machine
        page.emulate_media(media="print", color_scheme="light")
        page.set_viewport_size({"width": _WIDTH, "height": 1000})

    def book_page(self, page: Path, target: Path, before: int) -> Printed:
        """Print a page of the built book; its headings.

        Parameters
        ----------
        page : Path
            The page's HTML file.
        target : Path
            The PDF file to write.
        before : int
            Number of the last page before this one.

        Raises
        ------
        HouseError
            If a formula or a figure could not be shown.
        """
        self._page.goto(page.as_uri())
        self._page.evaluate("window.MathJax?.startup?.promise")
        failed = self._page.evaluate(_PREPARE)
        errors = self._page.evaluate("document.querySelectorAll('mjx-merror').length")
        unset = self._page.evaluate("document.querySelectorAll('.math:not(:has(mjx-container))').length")
        if failed or errors or unset:
            raise HouseError(
                f"{page}: {errors} formulas with an error, {unset} not typeset, figures that do not load: {failed}; "
                "expected none. Is the book whole? make book, then make test-book, says more"
            )
        title = self._page.evaluate("document.querySelector('.bd-article h1').textContent.trim()")
        sections = self._page.evaluate(_SECTIONS)
        self._print(target, title, before)
        return Printed(title, tuple((anchor, text) for anchor, text in sections))

    def text(self, html: str, target: Path, before: int, numbered: bool = True) -> None:
        """Print a page that is not in the book: the title page, the contents."""
        self._page.set_content(html)
        self._print(target, "", before, numbered)

    def _print(self, target: Path, title: str, before: int, numbered: bool = True) -> None:
        margins = " ".join(f"{value}mm" for value in _MARGINS)
        number = "counter(page)" if numbered else '""'
        style = _STYLE.format(
            margins=margins, title=json.dumps(title, ensure_ascii=False), before=before, number=number
        )
        self._page.add_style_tag(content=style)
        self._page.evaluate(_FIT)
        self._page.pdf(path=str(target), prefer_css_page_size=True, print_background=True)


@contextmanager
def printer() -> Iterator[Printer]:
    """A Chromium that prints, for as long as the block lasts.

    Raises
    ------
    HouseError
        If there is no Chromium on this machine.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = find_chromium(Path(playwright.chromium.executable_path))
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield Printer(browser.new_page())
        finally:
            browser.close()


def find_chromium(own: Path) -> str:
    """The Chromium or Chrome of this machine, or playwright's own.

    Raises
    ------
    HouseError
        If there is none.
    """
    for name in _INSTALLED:
        if found := shutil.which(name):
            return found
    if own.is_file():
        return str(own)
    raise HouseError(
        f"no Chromium here: found none of {', '.join(_INSTALLED)}, nor {own}. Install one (Debian and Ubuntu: sudo "
        "apt-get install chromium; macOS: brew install --cask google-chrome), or playwright's own: "
        ".venv/bin/python -m playwright install chromium"
    )
