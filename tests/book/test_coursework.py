"""Coursework in the built book: starters to download, exercises linked, and no word of a solution anywhere."""

from __future__ import annotations

import re

import pytest

from aggdist.coursework.registry import NUMBERS, assignment
from aggdist.coursework.starters import solutions_of
from aggdist.pages.exercises import all_chapters
from aggdist.paths import repository_root

pytestmark = pytest.mark.book
ROOT = repository_root()


def test_no_solution_of_an_assignment_is_in_the_book(book):
    code = [
        line.strip()
        for number in NUMBERS
        for _, source in solutions_of(number).values()
        for line in source.splitlines()
        # what is long enough to be nobody else's line; networks and their training are in many examples
        if len(line.strip()) > 45 and not re.search(r"nn\.|optimiser|torch|np\.random|def ", line)
    ]
    assert len(code) > 15
    texts = [re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")) for path in book.rglob("*.html")]
    texts += [path.read_text(encoding="utf-8") for path in book.rglob("*.ipynb")]
    texts += [path.read_text(encoding="utf-8") for path in (book / "_sources").rglob("*") if path.is_file()]
    assert [line for line in code if any(line in text for text in texts)] == []


def test_each_starter_can_be_downloaded_as_it_is(book):
    page = (book / "coursework" / "assignments.html").read_text(encoding="utf-8")
    for number in NUMBERS:
        stem = assignment(number).stem
        (link,) = set(re.findall(rf'href="([^"]*{stem}\.ipynb)"', page))
        copy = (book / "coursework" / link).resolve()
        assert copy.read_bytes() == (ROOT / "notebooks" / "assignments" / f"{stem}.ipynb").read_bytes()


def test_each_exercise_s_link_leads_to_it(book):
    page = (book / "coursework" / "exercises.html").read_text(encoding="utf-8")
    for chapter in all_chapters(ROOT):
        target = (book / f"{chapter.name}.html").read_text(encoding="utf-8")
        for exercise in chapter.exercises:
            assert f'href="../{chapter.name}.html#{exercise.label}"' in page
            assert f'id="{exercise.label}"' in target
