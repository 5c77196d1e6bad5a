"""`python -m aggdist pdf`: the built book, or some of its pages, as one PDF."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from aggdist.house import pdf_front
from aggdist.house.built_book import STAMP, up_to_date
from aggdist.house.pdf_joining import Part, join, page_count
from aggdist.house.pdf_printing import Printer, printer
from aggdist.house.terminal import HouseError, say
from aggdist.pages.getting import BOOK_URL, archive_name
from aggdist.paths import atomic_file
from aggdist.provenance import provenance

#: What paper cannot show: figures that a reader moves; and what is looked up in a search field.
_ONLY_ON_SCREEN = ("explore", "explore/*", "explorer*", "*_explorer", "api", "api/*")
_PARTS_ONLY_ON_SCREEN = ("Explore",)
_RUNS = "runs/*"
#: Not the name of the whole: nobody shall take some pages for the book.
_CHOSEN_PAGES = "aggdist-pages.pdf"


@dataclass(frozen=True)
class Chosen:
    """A page to print: its name in the book and the part that it belongs to."""

    page: str
    caption: str


def run(root: Path, args: argparse.Namespace) -> int:
    """Write `build/aggdist-book-VERSION.pdf` from the built book.

    Raises
    ------
    HouseError
        If the book was not built or is older than its sources, if there is no Chromium, or if `--only` names no page.
    """
    book = up_to_date(root)
    chosen = choose(root, book, args.only, args.runs)
    whole = args.only == "*" and not args.runs
    target = root / "build" / (archive_name("pdf") if whole else _CHOSEN_PAGES)
    built = datetime.fromtimestamp((root / STAMP).stat().st_mtime, UTC)
    pages = make(root, book, chosen, target, built)
    say(f"The book as a PDF ({pages} pages, {target.stat().st_size / 1e6:.1f} MB):")
    say(f"  {target}")
    return 0


def choose(root: Path, book: Path, only: str, runs: bool) -> list[Chosen]:
    """The pages to print, in the order of the book's table of contents.

    Parameters
    ----------
    root : Path
        The checkout, for `book/_toc.yml`.
    book : Path
        The built book.
    only : str
        Only pages of such a name, as `theory/*`.
    runs : bool
        Whether pages of single runs are wanted.
    """
    toc = yaml.safe_load((root / "book" / "_toc.yml").read_text(encoding="utf-8"))
    found = [Chosen(toc["root"], "")]
    for part in toc["parts"]:
        if part["caption"] not in _PARTS_ONLY_ON_SCREEN:
            found += [Chosen(page, part["caption"]) for page in _walk(part["chapters"], book)]
    wanted = [item for item in found if fnmatchcase(item.page, only) and _on_paper(item.page, runs)]
    if not wanted:
        raise HouseError(f"--only '{only}': expected the name of a page to print, such as {found[1].page}")
    return wanted


def _on_paper(page: str, runs: bool) -> bool:
    left_out = _ONLY_ON_SCREEN if runs else (*_ONLY_ON_SCREEN, _RUNS)
    return not any(fnmatchcase(page, pattern) for pattern in left_out)


def _walk(entries: Sequence[Mapping[str, Any]], book: Path) -> Iterator[str]:
    for entry in entries:
        if "file" in entry:
            yield entry["file"]
        if "glob" in entry:
            for path in sorted(book.glob(f"{entry['glob']}.html")):
                yield path.relative_to(book).with_suffix("").as_posix()
        yield from _walk(entry.get("sections", ()), book)


def make(root: Path, book: Path, chosen: Sequence[Chosen], target: Path, built: datetime) -> int:
    """Print the chosen pages into `target` with a Chromium of its own; see `make_with`."""
    with printer() as tab:
        return make_with(tab, root, book, chosen, target, built)


def make_with(
    tab: Printer, root: Path, book: Path, chosen: Sequence[Chosen], target: Path, built: datetime
) -> int:
    """Print the chosen pages into `target`; the number of pages of paper.

    Parameters
    ----------
    tab : Printer
        The browser.
    root : Path
        The checkout, for `CITATION.cff`.
    book : Path
        The built book.
    chosen : sequence of Chosen
        What to print.
    target : Path
        The PDF.
    built : datetime
        When the book was built.
    """
    facts, book = pdf_front.read_facts(root), book.resolve()
    with tempfile.TemporaryDirectory() as name:
        title, contents = Path(name, "title.pdf"), Path(name, "contents.pdf")
        tab.text(pdf_front.title_page(facts, built, provenance(1)["commit"]), title, 0, numbered=False)
        # The contents say where chapters begin, and chapters begin after the contents: print these twice.
        blank = [pdf_front.Line(item.caption, "A heading of usual length", "", 999) for item in chosen]
        tab.text(pdf_front.contents(blank), contents, 1)
        before = 1 + page_count(contents)
        parts, lines = _print_chapters(tab, book, chosen, Path(name), before)
        tab.text(pdf_front.contents(lines), contents, 1)
        if 1 + page_count(contents) != before:
            raise HouseError("the contents take another number of pages with their headings than without")
        front = [Part(title, "", ""), Part(contents, "contents", "Contents")]
        site, properties = os.environ.get(BOOK_URL, "").strip(), _properties(facts, built)
        with atomic_file(target) as part:
            return join([*front, *parts], book, part, site, properties)


def _print_chapters(
    tab: Printer, book: Path, chosen: Sequence[Chosen], folder: Path, before: int
) -> tuple[list[Part], list[pdf_front.Line]]:
    """Print each page of the book; the printed parts and their lines of the contents."""
    from tqdm import tqdm

    parts, lines = [], []
    for place, item in enumerate(tqdm(chosen, desc="Printing", unit="page", disable=None)):
        source, file = book / f"{item.page}.html", folder / f"{place}.pdf"
        if not source.is_file():
            raise HouseError(f"{source} is missing though book/_toc.yml names it: run make book again")
        printed = tab.book_page(source, file, before)
        parts.append(Part(file, item.page, printed.title, item.caption, printed.sections))
        lines.append(pdf_front.Line(item.caption, printed.title, source.as_uri(), before + 1))
        before += page_count(file)
    return parts, lines


def _properties(facts: Mapping[str, Any], built: datetime) -> dict[str, str]:
    return {
        "/Title": f"{facts['title']}, version {facts['version']}",
        "/Author": ", ".join(author["name"] for author in facts["authors"]),
        "/Keywords": ", ".join(facts["keywords"]),
        "/CreationDate": f"D:{built:%Y%m%d%H%M%S}Z",
    }
