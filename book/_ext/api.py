"""The reference: docstrings become entries, deep names find them, and chapters end with links to what they import.

Docstrings hold shapes such as (*, C) and moduli such as |r|, which reStructuredText would read as markup.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from aggdist.pages.api import public_bases, used_names

_CHAPTERS = ("theory/", "experiments/")


def escape_shapes(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape stars of shapes, and bars of moduli, outside of code."""
    for number, line in enumerate(lines):
        parts = re.split(r"(`[^`]*`)", line)
        parts[::2] = [re.sub(r"(?<=[(, ])\*(?=[,)A-Za-z])|\|", r"\\\g<0>", part) for part in parts[::2]]
        lines[number] = "".join(parts)


def keep_public_bases(app: Sphinx, name: str, obj: type, options: Any, bases: list[type]) -> None:
    """Name the public classes above a class, not the helpers between them."""
    bases[:] = public_bases(obj)


def find_public_name(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, shown: nodes.TextElement
) -> nodes.Element | None:
    """A reference to `aggdist.room.module.Name` leads to the entry `aggdist.room.Name`."""
    parts = node.get("reftarget", "").split(".")
    if node.get("refdomain") != "py" or parts[0] != "aggdist" or len(parts) < 4:
        return None
    target = ".".join([*parts[:2], parts[-1]])
    domain = env.domains["py"]
    # The type of an attribute may be a class without an entry: its name is shown as it is.
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, shown) or shown


def add_used_names(app: Sphinx, doctree: nodes.document) -> None:
    """Put a list of the names that a chapter imports at its end."""
    page = app.env.docname
    path = Path(app.env.doc2path(page))
    if not page.startswith(_CHAPTERS) or path.suffix != ".ipynb":
        return
    used = used_names(path)
    sections = [node for node in doctree.children if isinstance(node, nodes.section)]
    if not used or not sections:
        return
    text = nodes.paragraph("", "From the package, in the order of its rooms: ")
    for one in used:
        if one is not used[0]:
            text += nodes.Text(", ")
        target = {
            "refdomain": "py",
            "reftype": "obj",
            "reftarget": one.path,
            "refdoc": page,
            "refexplicit": True,
        }
        link = addnodes.pending_xref("", nodes.literal("", one.name), refwarn=True, **target)
        text += link
    title = nodes.title("", "What this chapter imports")
    sections[-1] += nodes.admonition("", title, text, classes=["seealso", "used-names"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect all of them."""
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)  # before napoleon
    app.connect("autodoc-process-bases", keep_public_bases)
    app.connect("missing-reference", find_public_name)
    app.connect("doctree-read", add_used_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
