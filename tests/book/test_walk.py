"""A reader's walk, by clicks: front page, chapter, exercise, solution, a run, a figure's file, how to cite."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.book


def test_a_new_reader_finds_the_way(tabs):
    tab = tabs["light"]
    page = tab.page
    tab.open("intro.html")
    page.get_by_role("link", name="Start reading").click()
    page.wait_for_url("**/theory/01_rectified_gaussian.html")

    solution = page.locator("div.solution.dropdown").first
    page.locator("div.exercise").first.scroll_into_view_if_needed()
    text = solution.locator("p:not(.admonition-title), .math").first
    assert not text.is_visible()
    solution.locator(".admonition-title").click()
    text.wait_for(state="visible")

    contents = page.locator(".bd-sidebar-primary")
    contents.get_by_role("link", name="Experiments", exact=True).click()
    page.wait_for_url("**/experiments.html")
    page.locator("table a[href^='runs/']").first.click()
    page.wait_for_url("**/runs/*.html")
    assert page.locator("figure img").count() >= 5

    contents.get_by_role("link", name="All figures", exact=True).click()
    page.wait_for_url("**/maps/figures.html")
    for ending in ("svg", "pdf"):
        with page.expect_download() as started:
            page.locator(f"a[href$='/fig-t4-ratio.{ending}']").click()
        assert started.value.suggested_filename == f"fig-t4-ratio.{ending}"

    page.locator(".btn-cite-button").first.click()
    page.wait_for_url("**/how_to_cite.html")
    assert "@article{OngHusainBober2024" in page.locator(".bd-article").inner_text()
    assert tab.problems == []
