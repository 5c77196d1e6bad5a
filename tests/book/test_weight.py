"""How heavy pages are, and how soon one sees something: read from files, on a laptop, without a connection."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.book

OWN, SHARED = 1_000_000, 4_000_000  # bytes
PAINT = 1000.0  # milliseconds
# Pages of different kinds: long ones, one with formulas, one with a chart.
KINDS = (
    "intro.html",
    "theory/09_output_nodes.html",
    "runs/digits-digitcnn-avg-s0.html",
    "explore/nodes.html",
)
LARGEST_PAINT = """() => new Promise(done => new PerformanceObserver(
  list => done(list.getEntries().at(-1).startTime)
).observe({type: "largest-contentful-paint", buffered: true}))"""


class Loaded:
    """The files that a page asks for, which are all in the book."""

    def __init__(self, context, address):
        self.page = context.new_page()
        self.files: set[Path] = set()
        self.page.on("request", lambda request: self.files.add(Path(unquote(urlsplit(request.url).path))))
        self.page.goto(address)
        self.page.evaluate("window.MathJax?.startup?.promise")
        # Images further down are loaded when one comes near; a reader of the whole page loads all.
        self.page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
        self.page.wait_for_load_state("networkidle")

    def bytes(self, shared: bool) -> int:
        return sum(
            file.stat().st_size
            for file in self.files
            if file.is_file() and ("_static" in file.parts) == shared
        )


@pytest.fixture(scope="module")
def context(browser):
    opened = browser.new_context(viewport={"width": 1280, "height": 900})
    yield opened
    opened.close()


def test_a_page_and_what_is_its_own_are_light(context, book, name):
    loaded = Loaded(context, (book / name).as_uri())
    own, shared = loaded.bytes(shared=False), loaded.bytes(shared=True)
    loaded.page.close()
    assert 3_000 < own < OWN, f"{name}: {own} bytes of its own; the limit is {OWN}"
    assert shared < SHARED, f"{name}: {shared} bytes that all pages share; the limit is {SHARED}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_part_is_seen_within_a_second(context, book, kind):
    times = []
    # The fastest of some: what else the machine does only adds.
    while len(times) < 8 and min(times, default=PAINT) >= PAINT:
        page = context.new_page()
        page.goto((book / kind).as_uri())
        times.append(page.evaluate(LARGEST_PAINT))
        page.close()
    assert min(times) < PAINT, f"{kind}: largest contentful paint after {min(times):.0f} ms"
