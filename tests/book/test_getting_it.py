"""The built book in its other forms: unpacked from its zip, and some of its pages as a PDF."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pypdf import PdfReader

from aggdist.house import pdf_command, pdf_printing, zip_command
from aggdist.house.pdf_command import Chosen
from aggdist.pages.getting import archive_name
from aggdist.paths import repository_root

pytestmark = pytest.mark.book

ROOT = repository_root()
CHAPTER = "theory/04_gamma_ratio"
PRINTED = [Chosen("intro", ""), Chosen(CHAPTER, "Theory"), Chosen("how_to_run", "Reference")]


class Addresses(HTMLParser):
    """What a page links to or loads."""

    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


@pytest.fixture(scope="module")
def archive(book, tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / archive_name("zip")
    zip_command.pack(ROOT, book, path)
    return path


@pytest.fixture(scope="module")
def unpacked(archive):
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(archive.parent / "anywhere")
    return archive.parent / "anywhere" / archive.stem


class TestZip:
    def test_it_is_small_enough_to_send(self, archive):
        assert archive.stat().st_size < 25e6

    def test_every_page_of_the_book_is_in_it(self, unpacked, book):
        def pages(folder: Path) -> set[str]:
            return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}

        assert pages(unpacked) == pages(book)

    def test_every_link_leads_to_a_file_in_it(self, unpacked):
        broken = []
        for page in unpacked.rglob("*.html"):
            if "_static" in page.parts:  # parts of the theme
                continue
            parser = Addresses()
            parser.feed(page.read_text(encoding="utf-8"))
            for address in parser.found:
                parts = urlsplit(address)
                if parts.scheme or parts.netloc or not parts.path:
                    continue
                target = (page.parent / unquote(parts.path)).resolve()
                if not target.is_file() or not target.is_relative_to(unpacked.resolve()):
                    broken.append((page.name, address))
        assert broken == []

    def test_notebooks_have_no_outputs_and_solutions_of_assignments_are_not_there(self, unpacked):
        notebooks = list(unpacked.rglob("*.ipynb"))
        assert len(notebooks) > 30
        assert [path for path in notebooks if '"output_type"' in path.read_text(encoding="utf-8")] == []
        assert [path for path in unpacked.rglob("*") if path.name == "solutions"] == []

    def test_its_pages_open_from_there(self, unpacked, browser):
        problems: list[str] = []
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or problems.append(r.url))
        page.goto((unpacked / "index.html").as_uri())
        page.wait_for_url(re.compile(r"intro\.html"))
        page.click(f'nav a[href="{CHAPTER}.html"] >> visible=true')
        page.wait_for_url(re.compile(re.escape(CHAPTER)), wait_until="load")
        page.evaluate("window.MathJax.startup.promise")
        assert page.locator("mjx-container").count() > 100
        page.click(".btn-cite-button")
        page.wait_for_url(re.compile(r"/how_to_cite\.html"), wait_until="load")
        assert page.text_content(".bd-article h1").startswith("How to cite")
        context.close()
        assert problems == []


@pytest.fixture(scope="module")
def pdf(book, browser, tmp_path_factory):
    """Three pages of the book as a PDF, printed in the browser of the other tests."""
    target = tmp_path_factory.mktemp("pdf") / archive_name("pdf")
    context = browser.new_context()
    tab = pdf_printing.Printer(context.new_page())
    pdf_command.make_with(tab, ROOT, book, PRINTED, target, datetime(2026, 1, 2, tzinfo=UTC))
    context.close()
    return PdfReader(target)


@pytest.fixture(scope="module")
def sheets(pdf):
    return [" ".join(page.extract_text().split()) for page in pdf.pages]


def fonts(page) -> list:
    return [font.get_object() for font in page["/Resources"].get("/Font", {}).values()]


class TestPdf:
    def test_its_text_can_be_read_and_begins_with_title_and_contents(self, sheets):
        assert "Built on 2 January 2026" in sheets[0]
        assert "Contents Distributions of aggregation layers 3 Theory T4: When the gamma" in sheets[1]
        assert any("one number per channel" in text for text in sheets)
        assert len(sheets) > 15

    def test_formulas_are_there_as_glyphs(self, pdf, book):
        """Chromium embeds the fonts of MathJax as outlines (type 3), and nothing else in this book is one."""
        with_formulas = [page for page in pdf.pages if any(f["/Subtype"] == "/Type3" for f in fonts(page))]
        assert len(with_formulas) > 10
        glyphs = {name for page in with_formulas for f in fonts(page) for name in f.get("/CharProcs", {})}
        assert len(glyphs) > 60
        assert any("κ" in page.extract_text() for page in with_formulas)

    def test_solutions_folded_code_and_navigation_are_not(self, sheets, book):
        html = (book / f"{CHAPTER}.html").read_text(encoding="utf-8")
        for hidden in ("Solution", "Show source", "Copyright"):
            assert re.search(rf"(>|© ){hidden}\b", html), hidden
            assert not [text for text in sheets if re.search(rf"\b{hidden}\b", text)], hidden
        assert any("Exercise" in text for text in sheets)

    def test_code_that_is_seen_and_every_tab_are(self, sheets):
        assert any("import numpy as np" in text for text in sheets)
        assert any("conda activate aggdist" in text for text in sheets)

    def test_pages_are_numbered_as_the_contents_say(self, pdf, sheets):
        said = {title: int(n) for title, n in re.findall(r"(T4[^0-9]*R|How to run it)[ .]*(\d+)", sheets[1])}
        assert len(said) == 2
        for title, number in said.items():
            assert title in sheets[number - 1]
        for number, text in enumerate(sheets[1:], start=2):
            assert re.search(rf"\b{number}\b", text), number

    def test_links_lead_inside_or_to_the_web(self, pdf):
        inside, outside = [], []
        for page in pdf.pages:
            for entry in page.get("/Annots", []):
                link = entry.get_object()
                (inside if "/Dest" in link else outside).append(link)
        pages = {pdf.get_page_number(link["/Dest"][0].get_object()) for link in inside}
        assert len(pages) > 8
        assert None not in pages
        assert {urlsplit(link["/A"]["/URI"]).scheme for link in outside} == {"https"}

    def test_nothing_tells_where_it_was_made(self, pdf, book):
        content = Path(pdf.stream.name).read_bytes() if hasattr(pdf.stream, "name") else pdf.stream.getvalue()
        assert b"file:" not in content
        assert str(book).encode() not in content

    def test_bookmarks_by_chapter(self, pdf):
        titles = [item.title for item in pdf.outline if not isinstance(item, list)]
        assert titles == ["Contents", "Distributions of aggregation layers", "Theory", "Reference"]
        assert pdf.metadata.author == "The aggdist authors"
