"""The reference of the package: what each room offers, from its docstrings.

For each room the build writes a table of its public names, and the directives with which Sphinx reads their docstrings.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from aggdist.pages.executed import PageError, source_of

FOLDER = "api"
"""Where the parts of pages are: inside `book/_generated/`."""

ROOMS = (
    "own_network",
    "datasets",
    "aggregation",
    "networks",
    "capture",
    "distributions",
    "divergence",
    "prediction",
    "equations",
    "analysis",
    "experiment",
    "studies",
    "figures",
)
"""Rooms that have a page: first the one that most readers want, then in the order in which data visits them."""

# The text of these modules is part of the key of every trained network: a comment there would train all of them anew.
_CONSTANTS = {
    "aggdist.datasets.DATASETS": "All datasets by name; read-only.",
    "aggdist.networks.DEFAULTS": "For each dataset the network that is trained on it, and its recipe; read-only.",
    "aggdist.networks.FLATTEN": "Name of the aggregation that is none: all positions of all maps are features.",
    "aggdist.networks.NETWORKS": "All networks that are trained from nothing, by name; read-only.",
    "aggdist.networks.PRETRAINED": "All networks with packaged weights and a head of their own, by name; read-only.",
    "aggdist.studies.STUDIES": "All studies by name; read-only.",
}

Kind = Literal["class", "func", "data"]
_DIRECTIVE = {"class": "autoclass", "func": "autofunction", "data": "autodata"}


@dataclass(frozen=True)
class Public:
    """One public name of a room.

    Attributes
    ----------
    room, name : str
        Both, as in `from aggdist.room import name`.
    kind : str
        What Sphinx calls it: "class", "func" or "data".
    summary : str
        The first sentence of its docstring.
    members : tuple of str
        For a class the documented methods and properties that no public class above it has.
    has_bases : bool
        Whether there is a public class above it.
    """

    room: str
    name: str
    kind: Kind
    summary: str
    members: tuple[str, ...] = ()
    has_bases: bool = False

    @property
    def path(self) -> str:
        """Its full name."""
        return f"aggdist.{self.room}.{self.name}"


@cache
def public_names(room: str) -> tuple[Public, ...]:
    """The public names of a room: those of `__all__`, or what it defines where it has none; no modules.

    Raises
    ------
    PageError
        If one of them has no docstring.
    """
    module = importlib.import_module(f"aggdist.{room}")
    values = {name: getattr(module, name) for name in _names(module)}
    return tuple(
        _public(module, room, name, value)
        for name, value in sorted(
            values.items(), key=lambda item: (item[0].upper() != item[0], item[0].lower())
        )
        if not isinstance(value, ModuleType)
    )


def _names(module: ModuleType) -> list[str]:
    return getattr(module, "__all__", None) or [name for name in vars(module) if _is_own(module, name)]


def _is_own(module: ModuleType, name: str) -> bool:
    value = getattr(module, name)
    is_code = inspect.isclass(value) or inspect.isfunction(value)
    return is_code and not name.startswith("_") and value.__module__.startswith(module.__name__)


def _public(module: ModuleType, room: str, name: str, value: Any) -> Public:
    is_class = inspect.isclass(value)
    kind: Kind = "class" if is_class else "func" if inspect.isroutine(value) else "data"
    documented = _comment_of(module, name) if kind == "data" else inspect.getdoc(value)
    if not documented:
        raise PageError(f"aggdist.{room}.{name} has no docstring: the reference would have an empty entry")
    paragraph = " ".join(documented.split("\n\n")[0].split())
    summary = re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0]
    if not is_class:
        return Public(room, name, kind, summary)
    return Public(room, name, kind, summary, tuple(_own_members(value)), bool(public_bases(value)))


def public_bases(value: type) -> list[type]:
    """The nearest public classes above a class: none of them is above another."""
    known = _public_classes()
    found = [base for base in value.__mro__[1:] if base in known]
    return [base for base in found if not any(base in other.__mro__[1:] for other in found)]


@cache
def _public_classes() -> set[type]:
    modules = [importlib.import_module(f"aggdist.{room}") for room in ROOMS]
    values = [getattr(module, name) for module in modules for name in _names(module)]
    return {value for value in values if inspect.isclass(value)}


def _own_members(value: type) -> Iterator[str]:
    above = {name for base in public_bases(value) for name in dir(base)}
    classes = [one for one in value.__mro__ if one.__module__.startswith("aggdist")]
    for name in dict.fromkeys(name for one in classes for name in vars(one)):
        member = inspect.getattr_static(value, name)
        is_code = inspect.isroutine(member) or isinstance(member, (property, cached_property, classmethod))
        if is_code and not name.startswith("_") and name not in above and inspect.getdoc(member):
            yield name


def _comment_of(module: ModuleType, name: str) -> str | None:
    """The text behind the assignment of a constant, in this module or in the one that it is imported from."""
    if f"{module.__name__}.{name}" in _CONSTANTS:
        return _CONSTANTS[f"{module.__name__}.{name}"]
    assert module.__file__ is not None
    body = ast.parse(Path(module.__file__).read_text(encoding="utf-8")).body
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module and name in {alias.name for alias in node.names}:
            return _comment_of(importlib.import_module(node.module), name)
    for node, following in pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        is_it = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if is_it and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return str(following.value.value)
    return None


def write_api(root: Path, folder: Path) -> None:
    """Write the part of each room's page; the build of the book calls this."""
    to = folder / FOLDER
    to.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        (to / f"{room}.md").write_text(room_text(public_names(room)), encoding="utf-8", newline="\n")


def room_text(names: tuple[Public, ...]) -> str:
    """A table of all names, then an entry for each."""
    rows = "\n".join(f"| {{py:{one.kind}}}`~{one.path}` | {_in_table(one.summary)} |" for one in names)
    entries = "\n".join(_entry(one) for one in names)
    return f"| Name | What it is |\n|---|---|\n{rows}\n\n## All entries\n\n```{{eval-rst}}\n{entries}```\n"


def _in_table(summary: str) -> str:
    """A summary as a cell: bars and stars would end the cell or begin emphasis."""
    return re.sub(r"([|*])", r"\\\1", summary) if "`" not in summary else summary.replace("|", r"\|")


def _entry(one: Public) -> str:
    if one.kind == "data":
        # Its text is taken from the module that assigns it, where Sphinx would not look.
        module = importlib.import_module(f"aggdist.{one.room}")
        text = (_comment_of(module, one.name) or "").strip().splitlines()
        return "\n".join([f".. py:data:: {one.path}", "", *(f"   {line.strip()}" for line in text), "", ""])
    lines = [f".. {_DIRECTIVE[one.kind]}:: {one.path}"]
    if one.has_bases:
        lines.append("   :show-inheritance:")
    if one.members:
        lines.append(f"   :members: {', '.join(one.members)}")
    return "\n".join([*lines, "", ""])


def used_names(notebook: Path) -> tuple[Public, ...]:
    """The public names that the code cells of a notebook import, in the order of the rooms."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    imported: set[tuple[str, str]] = set()
    for cell in cells:
        if cell["cell_type"] == "code":
            nodes = ast.walk(ast.parse(source_of(cell)))
            imported |= {
                (node.module or "", alias.name)
                for node in nodes
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
    return tuple(
        one for room in ROOMS for one in public_names(room) if (f"aggdist.{room}", one.name) in imported
    )
