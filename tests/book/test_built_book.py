"""Every page of the built book, as files and in headless Chromium; `make book` first."""

from __future__ import annotations

import os
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aggdist.paths import repository_root

pytestmark = pytest.mark.book

WIDE, PHONE = 1280, 390


class PageParser(HTMLParser):
    """What a page links to, loads and shows."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.images: list[dict[str, str]] = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids.update(values[name] for name in ("id", "name") if values.get(name))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and set(values.get("rel", "").split()) & {
            "stylesheet",
            "icon",
            "preload",
            "modulepreload",
        }:
            self.loads.append(values["href"])
        if tag in ("script", "img", "iframe", "source", "video", "object", "embed"):
            self.loads += [values[name] for name in ("src", "data") if values.get(name)]
        if tag == "img":
            self.images.append(values)


@cache
def parsed(path: Path) -> PageParser:
    assert path.is_file(), f"there is no {path}: run make book first"
    parser = PageParser()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def target_of(page: Path, address: str) -> tuple[Path, str]:
    """The file that an internal address on a page means, and the anchor in it."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    whole = page.parent / path if path else page
    return Path(os.path.normpath(whole)), unquote(parts.fragment)


def test_internal_links_lead_somewhere(book, name):
    broken = []
    for link in parsed(book / name).links:
        if urlsplit(link).scheme or link in ("", "#"):
            continue
        target, anchor = target_of(book / name, link)
        inside = target.is_relative_to(book) and target.is_file()
        if not inside or (anchor and target.suffix == ".html" and anchor not in parsed(target).ids):
            broken.append(link)
    assert not broken


def test_everything_that_is_loaded_is_in_the_book(book, name):
    def is_inside(address):
        target = target_of(book / name, address)[0]
        return not urlsplit(address).netloc and target.is_relative_to(book) and target.is_file()

    loads = [address for address in parsed(book / name).loads if not address.startswith("data:")]
    assert not [address for address in loads if not is_inside(address)]


def test_every_image_has_a_real_description(book, name):
    def poor(image):
        alt = image.get("alt", "").strip()
        return len(alt) < 15 or "_images/" in alt or alt.endswith((".png", ".svg", ".jpg"))

    assert not [image.get("src") for image in parsed(book / name).images if poor(image)]


def test_the_address_that_is_printed_leads_to_the_first_page(book, tabs):
    tab = tabs["light"]
    tab.page.goto((book / "index.html").as_uri())
    tab.page.wait_for_url("**/intro.html")


def test_each_record_has_a_page(pages):
    expected = {f"runs/{record.stem}.html" for record in (repository_root() / "results").glob("*.json")}
    assert expected <= set(pages)
    assert any(page.startswith("runs/quick-") for page in pages)


# Formulas that MathJax left as they were, or could not read; an unknown macro is shown in red.
FORMULAS = r"""() => {
  const article = document.querySelector(".bd-article") ?? document.body;
  const bare = [...article.querySelectorAll(".math")].filter(e => !e.querySelector("mjx-container"));
  const wrong = [...document.querySelectorAll("mjx-merror, mjx-mtext[style*='color: red']")];
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const raw = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const exempt = node.parentElement.closest("code, pre, script, style, mjx-container");
    if (!exempt && /\\[(\[]|\$\$|@@/.test(node.data)) raw.push(node.data.trim().slice(0, 80));
  }
  return [...bare, ...wrong].map(e => "formula near #" + e.closest("[id]")?.id).concat(raw);
}"""

# Unloaded images; and in the dark, figures that are filtered or not on white.
IMAGES = """dark => [...document.querySelectorAll(".bd-article img")].filter(image => {
  const style = getComputedStyle(image);
  const shown = image.complete && image.naturalWidth > 0;
  return !shown || (dark && (style.filter !== "none" || style.backgroundColor !== "rgb(255, 255, 255)"));
}).map(image => image.src)"""

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width + 1) return [];
  return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1)
    .slice(0, 5).map(e => e.tagName + "." + e.className);
}"""

# Text whose contrast with the nearest opaque background is too low (WCAG 2.2 AA: 4.5, large text 3).
CONTRAST = """() => {
  const rgba = text => { const p = text.match(/[0-9.]+/g).map(Number); return p.length < 4 ? [...p, 1] : p; };
  const light = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = p => 0.2126 * light(p[0]) + 0.7152 * light(p[1]) + 0.0722 * light(p[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const p = rgba(getComputedStyle(e).backgroundColor);
      if (p[3] > 0.99) return p;
    }
    return [255, 255, 255, 1];
  };
  const found = new Set();
  for (const root of document.querySelectorAll(".bd-article, .bd-sidebar-primary")) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const e = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
      if (!text || !e.checkVisibility() || e.closest("mjx-container, svg, .headerlink")) continue;
      const style = getComputedStyle(e), size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
      const [a, b] = [luminance(rgba(style.color)), luminance(behind(e))].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < (large ? 3 : 4.5)) {
        found.add(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${text.slice(0, 30)}`);
      }
    }
  }
  return [...found].slice(0, 5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_reads_well_in_a_browser(book, tabs, name, scheme):
    assert (book / name).is_file(), f"there is no {book / name}: run make book first"
    tab = tabs[scheme]
    # The width at which it is opened differs, so that both orders are seen; then the other width.
    first, second = (WIDE, PHONE) if scheme == "light" else (PHONE, WIDE)
    tab.open(name, first)
    found = {
        "theme": tab.ask("document.documentElement.dataset.theme") not in (scheme, None),
        "formulas": tab.ask(FORMULAS),
        "images": tab.page.evaluate(IMAGES, scheme == "dark"),
        "pale text": tab.ask(CONTRAST),
        f"too wide at {first}": tab.ask(OVERFLOW),
    }
    tab.page.set_viewport_size({"width": second, "height": 900})
    found[f"too wide at {second}"] = tab.ask(OVERFLOW)
    found["noted by the browser"] = tab.problems
    wrong = [f"{what}: {places}" for what, places in found.items() if places]
    assert not wrong, "\n".join(wrong)


def test_search_finds_pages_without_a_connection(tabs):
    tab = tabs["light"]
    tab.open("search.html?q=gamma")
    tab.page.wait_for_selector("#search-results li a")
    assert tab.problems == []


def test_a_notebook_is_saved_rather_than_shown(pages, tabs):
    tab = tabs["light"]
    tab.open(next(page for page in pages if page.startswith("theory/")))
    button = tab.page.locator(".btn-download-source-button").first
    assert button.get_attribute("download") is not None
    assert button.get_attribute("target") is None
