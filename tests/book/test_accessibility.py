"""axe-core (4.10.3, vendored) on every page, in both themes: WCAG 2.1 A and AA, nothing serious."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.book

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
# `preload` would ask for style sheets, which a browser refuses to a page that comes from a file.
# What MathJax draws is hidden from screen readers, which are given MathML beside it; it would take most of the time.
RUN = """async () => {
  document.querySelectorAll("mjx-math").forEach(drawn => drawn.remove());
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
  const found = await axe.run(document, {preload: false, runOnly: {type: "tag", values: tags}});
  return found.violations.filter(v => ["serious", "critical"].includes(v.impact))
    .map(v => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(n => n.target.join(" ")).join("; ")}`);
}"""


def test_the_checker_is_the_pinned_one():
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == SHA256


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_finding(tabs, name, scheme):
    tab = tabs[scheme]
    tab.open(name)
    tab.page.add_script_tag(path=str(AXE))
    assert tab.ask(RUN) == []
