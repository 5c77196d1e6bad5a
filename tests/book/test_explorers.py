"""The explorers answer to the keyboard, with numbers of the library, and need nothing from outside."""

from __future__ import annotations

import json

import pytest

from aggdist.aggregation import pooled_law
from aggdist.distributions import ZeroInflatedGamma
from aggdist.pages.explorers.pooling_table import ACTIVE
from aggdist.paths import repository_root

pytestmark = pytest.mark.book


def value(tab, name):
    return tab.page.locator(f"dd#{name}").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sliders_of_the_pooling_explorer(tabs, scheme):
    tab = tabs[scheme]
    tab.open("explore/pooling.html")
    tab.page.wait_for_selector(".explorer-view svg.marks")
    before = value(tab, "mean"), tab.page.locator(".explorer-view svg.marks").inner_html()
    tab.page.focus("#q")
    place = int(tab.page.input_value("#q"))
    tab.page.keyboard.press("ArrowRight")
    tab.page.select_option("#pooling", label="maximum")
    law = pooled_law(ZeroInflatedGamma(ACTIVE[place + 1], 1.0, 1.0), 16, "max")
    tab.page.wait_for_function("was => document.querySelector('dd#mean').textContent !== was", arg=before[0])
    assert float(value(tab, "mean")) == pytest.approx(float(law.mean()), rel=1e-3)
    tab.page.wait_for_function(
        "was => document.querySelector('.explorer-view svg.marks').innerHTML !== was", arg=before[1]
    )
    assert tab.problems == []


def test_choices_of_the_node_explorer(tabs):
    tab = tabs["light"]
    tab.open("explore/nodes.html")
    tab.page.wait_for_selector(".explorer-view svg.marks")
    first = tab.page.locator("dl").inner_text()
    tab.page.focus("#node")
    tab.page.keyboard.press("ArrowDown")
    tab.page.wait_for_function("was => document.querySelector('dl').innerText !== was", arg=first)
    names = [json.loads(path.read_text())["name"] for path in (repository_root() / "results").glob("*.json")]
    assert tab.page.locator("#run option").count() == len(names)
    assert tab.problems == []


@pytest.mark.parametrize("page", ["explore/pooling.html", "explore/nodes.html"])
def test_without_scripts_there_is_a_figure(browser, book, page):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((book / page).as_uri())
    assert tab.locator("figure.explorer-fallback img").is_visible()
    assert not tab.locator("#explorer").is_visible()
    context.close()
