"""Pages that read from `file://` without a connection and without a console error.

* MathJax is vendored in `book/vendor/`. It cannot be in `_static/`: Jupyter Book adds every script there to
  every page, and MathJax would be loaded twice.
* The script that declares THEBE_JS_URL is added twice; the second declaration is an error.
* The addresses of the published book, $BOOK_URL, and of its repository, $BOOK_REPOSITORY and $BOOK_BRANCH, come from
  the environment: only the publishing workflow knows them. Without a repository no page has launch buttons.
* Every page has a link to the page that says how to cite.
"""

from __future__ import annotations

import os
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

from aggdist.pages import launch

CITE = "how_to_cite"


def add_vendored_files(app: Sphinx, config: Config) -> None:
    """Copy `book/vendor/` beside the static files, and take the book's address from the environment."""
    config.html_static_path.append("vendor")
    config.html_extra_path.append("_generated/site")  # files with permanent names, such as figures/NAME.svg
    config.html_baseurl = config.ogp_site_url = os.environ.get("BOOK_URL", "")


def drop_repeated_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Keep the first of several scripts with one address, or with one text."""
    seen: set[str] = set()
    kept = []
    for script in context.get("script_files", []):
        attributes = getattr(script, "attributes", {})
        same = str(attributes.get("body") or getattr(script, "filename", None) or script)
        if same not in seen:
            seen.add(same)
            kept.append(script)
    context["script_files"] = kept


def add_buttons(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Buttons to run a chapter elsewhere, if the repository has an address, and one to cite."""
    head = context.get("header_buttons")
    if head is None:
        return
    head.extend(launch.buttons(launch.configured(), page))
    if page != CITE:
        address = context["pathto"](CITE)
        button = {"text": "Cite", "url": address, "tooltip": "How to cite", "label": "cite-button"}
        head.append({"type": "link", "icon": "fas fa-quote-right", **button})


_PLAIN_TOKEN = re.compile(r'<span class="[np]">([^<]*)</span>')
_PARAMETERS = re.compile(r'<dl>\n((?:<dd>(?:<em class="sig-param">|<span class="sig-).*</dd>\n)+)</dl>')


def mend_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Mend what screen readers stumble over, and leave out marks that change nothing.

    * Entries of a bibliography are items of the list that docutils calls it; their older role has no list to be in.
    * Parameters of a long signature, one on each line, are no list of definitions.
    * Names and punctuation in code have the colour of the code around them: their marks are a third of a page.
    """
    body = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    body = _PARAMETERS.sub(lambda found: f'<div class="sig-lines">{_lines(found[1])}</div>', body)
    context["body"] = _PLAIN_TOKEN.sub(r"\1", body)


def _lines(parameters: str) -> str:
    return parameters.replace("<dd>", "<div>").replace("</dd>", "</div>")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of them."""
    app.connect("config-inited", add_vendored_files)
    # After the theme's own buttons (501), before its templates are filled.
    app.connect("html-page-context", add_buttons, priority=600)
    app.connect("html-page-context", mend_page)
    app.connect("html-page-context", drop_repeated_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
