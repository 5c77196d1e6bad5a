"""The built book, its pages and a browser to look at them; `make book` first.

A test with an argument `name` is run for every page. Without Chromium the tests in a browser are skipped at home,
and fail where CI is true.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aggdist.paths import repository_root

BOOK = Path(os.environ.get("AGGDIST_BOOK", repository_root() / "build" / "book"))
# Without a book there is still one page to look for, so that its absence is a failure.
PAGES = [
    name
    for name in sorted(path.relative_to(BOOK).as_posix() for path in BOOK.rglob("*.html"))
    if not name.startswith("_static/") and name != "index.html"  # parts of the theme; a redirection
] or ["intro.html"]
WIDE = 1280
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", PAGES)


@pytest.fixture(scope="session")
def book():
    """The folder of the built book."""
    return BOOK


@pytest.fixture(scope="session")
def pages():
    """Addresses of all pages, relative to the book."""
    return PAGES


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        installed = [found for name in BROWSERS if (found := shutil.which(name))]
        own = playwright.chromium.executable_path
        if not installed and not Path(own).exists():
            stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            stop(f"no Chromium here: found none of {', '.join(BROWSERS)}, nor playwright's own")
        started = playwright.chromium.launch(executable_path=(*installed, own)[0], args=["--no-sandbox"])
        yield started
        started.close()


class Tab:
    """One browser tab that notes what must not happen."""

    def __init__(self, context):
        self.page = context.new_page()
        self.page.set_default_timeout(120_000)  # milliseconds; a busy machine is no fault of the book
        self.problems: list[str] = []
        self.page.on("console", lambda m: m.type == "error" and self.problems.append(f"console: {m.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("request", self._request)
        self.page.on("requestfailed", self._failed)

    def _request(self, request):
        if urlsplit(request.url).scheme not in ("file", "data", "blob"):
            self.problems.append(f"asked a host: {request.url}")

    def _failed(self, request):
        # Opening the next page cuts off what the last one was still loading (its icon, mostly): no fault of a page.
        # A missing file has another reason, ERR_FILE_NOT_FOUND.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"failed: {request.url} ({request.failure})")

    def open(self, address: str, width: int = WIDE) -> None:
        self.problems.clear()
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.goto((BOOK / address.split("?")[0]).as_uri() + address[len(address.split("?")[0]) :])
        self.page.evaluate("window.MathJax?.startup?.promise")

    def ask(self, script: str):
        return self.page.evaluate(script)


@pytest.fixture(scope="session")
def tabs(browser):
    """A tab for each colour scheme, used for all pages."""
    contexts = {scheme: browser.new_context(color_scheme=scheme) for scheme in ("light", "dark")}
    yield {scheme: Tab(context) for scheme, context in contexts.items()}
    for context in contexts.values():
        context.close()
