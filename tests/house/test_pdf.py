"""What is printed into the PDF, what it begins with, and where its links lead."""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import ArrayObject, DictionaryObject, Fit, NameObject

from aggdist.house import built_book, pdf_command, pdf_front, pdf_printing
from aggdist.house.pdf_joining import Part, join, page_count
from aggdist.house.terminal import HouseError
from aggdist.pages.getting import archive_name
from aggdist.paths import repository_root

ROOT = repository_root()


class TestChoice:
    @pytest.fixture
    def root(self, tmp_path):
        toc = {
            "root": "intro",
            "parts": [
                {"caption": "Theory", "chapters": [{"file": "theory/01"}, {"file": "theory/02"}]},
                {
                    "caption": "Experiments",
                    "chapters": [
                        {"file": "experiments", "sections": [{"glob": "runs/*"}]},
                        {"file": "studies"},
                    ],
                },
                {"caption": "Explore", "chapters": [{"file": "pooling"}]},
                {"caption": "Reference", "chapters": [{"file": "api", "sections": [{"file": "api/a"}]}]},
            ],
        }
        (tmp_path / "book").mkdir()
        (tmp_path / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
        runs = tmp_path / "build" / "book" / "runs"
        runs.mkdir(parents=True)
        for name in ("b", "a"):
            (runs / f"{name}.html").touch()
        return tmp_path

    def pages(self, root, only="*", runs=False):
        return [item.page for item in pdf_command.choose(root, root / "build" / "book", only, runs)]

    def test_everything_that_paper_can_show_in_the_book_s_order(self, root):
        assert self.pages(root) == ["intro", "theory/01", "theory/02", "experiments", "studies"]

    def test_runs_if_they_are_asked_for(self, root):
        found = self.pages(root, runs=True)
        assert found[3:] == ["experiments", "runs/a", "runs/b", "studies"]

    def test_some_pages(self, root):
        assert self.pages(root, "theory/*") == ["theory/01", "theory/02"]
        with pytest.raises(
            HouseError, match="--only 'x': expected the name of a page to print, such as theory/01"
        ):
            self.pages(root, "x")

    def test_each_has_the_caption_of_its_part(self, root):
        chosen = pdf_command.choose(root, root / "build" / "book", "*", False)
        assert [item.caption for item in chosen] == ["", "Theory", "Theory", "Experiments", "Experiments"]


class TestCommand:
    @pytest.fixture
    def asked(self, tmp_path, monkeypatch):
        """A built book of one page, and what is asked to be printed."""
        book = tmp_path / "build" / "book"
        book.mkdir(parents=True)
        (tmp_path / "book").mkdir()
        (tmp_path / "book" / "_toc.yml").write_text(yaml.safe_dump({"root": "intro", "parts": []}))
        (book / "index.html").touch()
        built_book.stamp(tmp_path, built_book.sources_digest(tmp_path))
        seen = []

        def make(root, folder, chosen, target, built):
            seen.append(([item.page for item in chosen], target.name))
            target.write_bytes(b"%PDF")
            return 7

        monkeypatch.setattr(pdf_command, "make", make)
        return seen

    @pytest.mark.parametrize(
        ("only", "runs", "name"),
        [
            ("*", False, archive_name("pdf")),
            ("intro", False, "aggdist-pages.pdf"),
            ("*", True, "aggdist-pages.pdf"),
        ],
    )
    def test_some_pages_are_not_named_as_the_whole(self, asked, tmp_path, capsys, only, runs, name):
        assert pdf_command.run(tmp_path, argparse.Namespace(only=only, runs=runs)) == 0
        assert asked == [(["intro"], name)]
        assert "7 pages" in capsys.readouterr().out

    def test_an_old_book_is_not_printed(self, asked, tmp_path):
        (tmp_path / "book" / "new.md").touch()
        with pytest.raises(HouseError, match="older than its sources"):
            pdf_command.run(tmp_path, argparse.Namespace(only="*", runs=False))
        assert asked == []


class TestFront:
    facts = pdf_front.read_facts(ROOT)

    def test_the_title_page_says_who_which_version_when_and_how_to_cite(self):
        page = pdf_front.title_page(self.facts, datetime(2026, 3, 4, tzinfo=UTC), "0123456789abcdef+")
        for text in (
            "The aggdist authors",
            f"Version {self.facts['version']}, commit 0123456789+",
            "Built on 4 March 2026",
            "CC BY 4.0",
            "MIT",
            "https://doi.org/10.1109/TNNLS.2022.3207790",
        ):
            assert text in page
        assert ", commit" not in pdf_front.title_page(self.facts, datetime(2026, 3, 4, tzinfo=UTC), None)

    def test_both_citations_are_those_of_the_page_how_to_cite(self):
        page = " ".join((ROOT / "book" / "how_to_cite.md").read_text(encoding="utf-8").split())
        for html, year in ((pdf_front.paper(self.facts["preferred-citation"]), 2024),
                           (pdf_front.companion(self.facts, 2026), 2026)):  # fmt: skip
            words = html.replace("&amp;", "&").split(f"({year})")[0].split("<")[0]
            assert words.strip().rstrip(".") in page

    def test_contents_name_each_part_once_and_escape_headings(self):
        lines = [
            pdf_front.Line("", "Front", "file:///b/intro.html", 3),
            pdf_front.Line("Theory", "A < B", "file:///b/1.html", 5),
            pdf_front.Line("Theory", "C", "file:///b/2.html", 17),
        ]
        page = pdf_front.contents(lines)
        assert page.count("<h2>Theory</h2>") == 1
        assert "A &lt; B" in page
        assert "<span>17</span>" in page


class TestJoining:
    """Two printed pages: one with an anchor on its second sheet, one with all kinds of links."""

    @pytest.fixture
    def folder(self, tmp_path):
        book = tmp_path / "book"
        self.print(tmp_path / "one.pdf", 2, {"part%C3%A9": (1, 700)}, [])
        links = ["one.html#part%C3%A9", "one.html", "one.html#gone", "runs/r.html#x", "_images/a.svg"]
        addresses = [f"{book.as_uri()}/{link}" for link in links]
        addresses += ["file:///etc/hosts", "https://example.org/x"]
        self.print(tmp_path / "two.pdf", 1, {"here": (0, 500)}, addresses, ["here", "nowhere"])
        return tmp_path

    @staticmethod
    def print(path: Path, pages: int, anchors, addresses, names=()):
        writer = PdfWriter()
        for _ in range(pages):
            writer.add_blank_page(595, 842)
        places = DictionaryObject()
        for name, (number, top) in anchors.items():
            target = Fit.xyz(48, top)
            fit = [writer.pages[number].indirect_reference, NameObject("/XYZ"), *target.fit_args]
            places[NameObject(f"/{name}")] = ArrayObject(fit)
        writer.root_object[NameObject("/Dests")] = places
        for address in addresses:
            writer.add_annotation(0, Link(rect=(1, 1, 9, 9), url=address))
        for name in names:
            link = Link(rect=(1, 1, 9, 9), url="x")
            del link["/A"]
            link[NameObject("/Dest")] = NameObject(f"/{name}")
            writer.add_annotation(0, link)
        writer.write(path)

    def joined(self, folder, site):
        parts = [
            Part(folder / "one.pdf", "one", "One", "Theory", (("parté", "A part"), ("gone", "Gone"))),
            Part(folder / "two.pdf", "two", "Two", "Theory"),
        ]
        target = folder / "whole.pdf"
        assert join(parts, folder / "book", target, site, {"/Title": "All"}) == 3
        return PdfReader(target)

    @staticmethod
    def links(reader):
        found = []
        for entry in reader.pages[2]["/Annots"]:
            link = entry.get_object()
            if "/Dest" in link:
                page, _, _, top, _ = link["/Dest"]
                found.append((reader.get_page_number(page.get_object()), float(top)))
            else:
                found.append(link["/A"]["/URI"])
        return found

    def test_links_lead_inside_and_those_to_this_machine_are_gone(self, folder):
        inside = [(1, 700.0), (0, 842.0), (0, 842.0)]
        assert self.links(self.joined(folder, "")) == [
            *inside,
            "https://example.org/x",
            (2, 500.0),
            (2, 842.0),
        ]
        assert b"file://" not in (folder / "whole.pdf").read_bytes()

    def test_what_is_not_printed_is_where_it_is_published(self, folder):
        site = "https://example.org/book/"
        outside = [f"{site}runs/r.html#x", f"{site}_images/a.svg"]
        assert self.links(self.joined(folder, site))[3:5] == outside

    def test_bookmarks_by_part_chapter_and_section(self, folder):
        reader = self.joined(folder, "")
        caption, chapters = reader.outline
        assert caption.title == "Theory"
        one, sections, two = chapters
        assert [one.title, sections[0].title, two.title] == ["One", "A part", "Two"]
        assert len(sections) == 1
        pages = [reader.get_destination_page_number(item) for item in (one, sections[0], two)]
        assert pages == [0, 1, 2]

    def test_it_says_what_it_is(self, folder):
        reader = self.joined(folder, "")
        assert reader.metadata.title == "All"
        assert reader.root_object["/Lang"] == "en"
        assert page_count(folder / "whole.pdf") == 3


class TestChromium:
    def test_without_any_it_says_what_to_install(self, monkeypatch, tmp_path):
        monkeypatch.setattr(shutil, "which", lambda name: None)
        with pytest.raises(
            HouseError, match=r"no Chromium here: found none of chromium, .*apt-get install chromium"
        ):
            pdf_printing.find_chromium(tmp_path / "chrome")
        own = tmp_path / "own"
        own.touch()
        assert pdf_printing.find_chromium(own) == str(own)

    def test_the_machine_s_own_comes_first(self, monkeypatch, tmp_path):
        monkeypatch.setattr(
            shutil, "which", lambda name: "/x/google-chrome" if name == "google-chrome" else None
        )
        assert pdf_printing.find_chromium(tmp_path) == "/x/google-chrome"
