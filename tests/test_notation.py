"""The notation page: every code name exists, every symbol stands once in its table, every row is complete."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "book" / "notation.md").read_text(encoding="utf-8")
ROOMS = ("datasets", "networks", "aggregation", "capture", "distributions", "prediction", "divergence")


def tables() -> dict[str, list[dict[str, str]]]:
    """Rows of each section's table by heading of the column."""
    found = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, *lines = part.splitlines()
        rows = [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line[:1] == "|"
        ]
        found[title] = [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]
    return found


def code_names() -> list[tuple[str, str]]:
    """(section, name) of every name in a column Code; `Class` `.attribute` is one name."""
    return [
        (title, name)
        for title, rows in tables().items()
        for row in rows
        for name in re.findall(r"`([^`]+)`", row["Code"].replace("` `.", "."))
    ]


def has(owner: object, attribute: str) -> bool:
    """Whether a class or a function has an attribute, or a field that is only declared."""
    if inspect.isclass(owner):
        declared = {name for base in owner.__mro__ for name in getattr(base, "__annotations__", {})}
        return hasattr(owner, attribute) or attribute in declared
    return hasattr(owner, attribute)


def test_the_page_has_six_tables():
    assert [len(rows) >= 5 for rows in tables().values()] == [True] * 6


@pytest.mark.parametrize(("title", "name"), code_names())
def test_code_names_exist_in_a_room_that_the_section_names(title, name):
    section = PAGE.split(f"## {title}")[1].split("\n## ")[0]
    rooms = [room for room in ROOMS if f"`aggdist.{room}`" in section]
    assert rooms
    first, *rest = name.split(".")
    owners = [
        getattr(module, first)
        for module in (importlib.import_module(f"aggdist.{room}") for room in rooms)
        if hasattr(module, first)
    ]
    assert owners, f"{first} is in none of {rooms}"
    assert all(has(owners[0], attribute) for attribute in rest)


@pytest.mark.parametrize("title", list(tables()))
def test_no_symbol_stands_twice_and_every_row_has_a_meaning(title):
    rows = tables()[title]
    symbols = [row["Symbol"] for row in rows if row["Symbol"]]
    assert len(set(symbols)) == len(symbols)
    assert all(row["Meaning"] for row in rows)
    assert all(row["Code"] or row["Defined by"] for row in rows)
