"""The part of a page that is an explorer: its numbers, scripts and style inline, and a figure for where none run."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from aggdist.figures.style import COLOURS

VENDORED = ("vega", "vega-lite", "vega-embed")
"""In the order in which they need each other; no other page loads them."""


def panel(name: str, label: str, table: dict[str, Any], figure: str, alt: str, caption: str) -> str:
    """Markdown of an explorer.

    Parameters
    ----------
    name : str
        Of its script, "pooling" or "nodes".
    label : str
        What the group of controls and results is called by a screen reader.
    table : dict
        The numbers.
    figure, alt, caption : str
        Address, description and caption of the figure that stands for it in print and without JavaScript.
    """
    colours = json.dumps({"first": COLOURS["in class"], "second": COLOURS["out of class"]})
    # Data cannot end their own element; an XML request for a file would be refused on file://.
    data = json.dumps(table, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    html = [
        f"<style>\n{_own('explorer.css')}</style>",
        f'<div class="explorer" id="explorer" role="group" aria-label="{escape(label)}" '
        f'data-colours="{escape(colours)}" hidden>',
        '<div class="explorer-controls"></div>',
        f'<div class="explorer-view" role="group" aria-label="{escape(label)}: chart"></div>',
        '<div aria-live="polite" aria-atomic="true"><dl></dl></div>',
        "</div>",
        f'<script type="application/json" id="explorer-data">{data}</script>',
        *(f'<script src="../_static/vega/{script}.min.js"></script>' for script in VENDORED),
        f"<script>\n{_own('explorer.js')}{_own(f'{name}.js')}</script>",
    ]
    fallback = f":::{{figure}} {figure}\n:alt: {alt}\n:figclass: explorer-fallback\n\n{caption}\n:::\n"
    return "````{raw} html\n" + "\n".join(html) + "\n````\n\n" + fallback


def _own(name: str) -> str:
    text = (files("aggdist.pages.explorers") / name).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"
