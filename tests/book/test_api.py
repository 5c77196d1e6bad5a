"""The reference in the built book: an entry for each public name, found by search, linked from chapters."""

from __future__ import annotations

import html
import re

import pytest

from aggdist.pages import api

pytestmark = pytest.mark.book


def letters(text: str) -> str:
    return re.sub(r"[^A-Za-z]", "", text)


@pytest.mark.parametrize("room", api.ROOMS)
def test_every_public_name_has_an_entry_that_says_something(book, room):
    page = (book / "api" / f"{room}.html").read_text(encoding="utf-8")
    for one in api.public_names(room):
        assert f'id="{one.path}"' in page, one.path
        entry = page.split(f'id="{one.path}"', 1)[1].split("<dd", 1)[1][:3000]
        assert letters(one.summary)[:20] in letters(html.unescape(re.sub(r"<[^>]+>", "", entry))), one.path
        for member in one.members:
            assert f'id="{one.path}.{member}"' in page


def test_search_finds_a_class_of_the_package_without_a_connection(tabs):
    tab = tabs["light"]
    tab.open("search.html?q=ZeroInflatedGamma")
    link = tab.page.locator("#search-results a[href*='api/distributions.html']").first
    link.wait_for()
    assert tab.problems == []


def test_a_chapter_ends_with_links_to_what_it_imports(tabs):
    tab = tabs["light"]
    tab.open("theory/03_average_pooling.html")
    box = tab.page.locator(".used-names")
    box.get_by_role("link", name="ZeroInflatedGamma", exact=True).click()
    tab.page.wait_for_url("**/api/distributions.html#aggdist.distributions.ZeroInflatedGamma")
    assert tab.problems == []
