"""A reader's walk, by clicks: front page, chapter, exercise, solution, a run, a figure's file, how to cite."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

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
    assert page.locator("a[download][href$='/fig-t4-ratio.svg']").is_visible()

    page.locator(".btn-cite-button").first.click()
    page.wait_for_url("**/how_to_cite.html")
    assert "@article{OngHusainBober2024" in page.locator(".bd-article").inner_text()
    assert tab.problems == []


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def served(book):
    """Address of the book on a server of this machine: only there does a browser save a linked file."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_a_figure_is_saved_under_its_name(browser, served, book, ending):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/maps/figures.html")
    with page.expect_download() as started:
        page.locator(f"a[href$='/fig-t4-ratio.{ending}']").click()
    assert started.value.suggested_filename == f"fig-t4-ratio.{ending}"
    assert started.value.path().read_bytes() == (book / "figures" / f"fig-t4-ratio.{ending}").read_bytes()
    context.close()
