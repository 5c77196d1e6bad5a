"""The reference of the package is complete: every public name of every room, with a description."""

from __future__ import annotations

from functools import cached_property
from types import ModuleType
from typing import Any

import pytest

from aggdist.distributions import Distribution, Gamma
from aggdist.pages import api
from aggdist.pages.executed import PageError
from aggdist.paths import repository_root

ROOT = repository_root()
# Rooms for the people who build the book, not for those who use the package.
INTERNAL = {"bench", "coursework", "house", "notebooks", "pages"}


def test_every_room_for_users_has_a_page_in_the_contents():
    rooms = {path.parent.name for path in (ROOT / "aggdist").glob("*/__init__.py")} - INTERNAL
    assert rooms <= set(api.ROOMS)
    contents = (ROOT / "book" / "_toc.yml").read_text(encoding="utf-8")
    for room in api.ROOMS:
        page = (ROOT / "book" / "api" / f"{room}.md").read_text(encoding="utf-8")
        assert f"_generated/{api.FOLDER}/{room}.md" in page
        assert f"file: api/{room}\n" in contents


def test_every_public_name_has_a_row_and_an_entry(tmp_path):
    api.write_api(ROOT, tmp_path)
    for room in api.ROOMS:
        text = (tmp_path / api.FOLDER / f"{room}.md").read_text(encoding="utf-8")
        names = api.public_names(room)
        assert len(names) >= 4
        for one in names:
            assert f"`~{one.path}` | {one.summary[:10]}" in text.replace("\\", "")
            assert f":: {one.path}\n" in text


def test_the_names_of_the_door_are_among_them():
    import aggdist

    known = {one.path for room in api.ROOMS for one in api.public_names(room)}
    assert {f"aggdist.{room}.{name}" for name, room in aggdist._ROOM_OF.items()} <= known


def test_a_class_lists_what_public_classes_above_it_do_not_have():
    found = {one.name: one for one in api.public_names("distributions")}
    assert "cdf" in found["Distribution"].members
    assert not {"cdf", "mean"} & set(found["Gamma"].members)
    assert "fit_moments" in found["Gamma"].members
    assert api.public_bases(Gamma) == [Distribution]
    # Methods of a helper that has no entry belong to the class that people use.
    assert {"update", "merge"} <= set(
        {one.name: one for one in api.public_names("capture")}["PooledStatistics"].members
    )


class Sample:
    """A class. It has more to say."""

    __module__ = "aggdist.sample"

    @cached_property
    def size(self) -> int:
        """How large."""
        return 1

    def silent(self) -> None:
        pass


def room(**values: Any) -> ModuleType:
    module = ModuleType("aggdist.sample")
    module.__dict__.update(values, __all__=list(values), __file__=__file__)
    return module


def test_summary_is_the_first_sentence_and_members_are_documented(monkeypatch):
    monkeypatch.setattr(api.importlib, "import_module", lambda name: room(Sample=Sample))
    monkeypatch.setattr(api, "_public_classes", set)
    (one,) = api.public_names.__wrapped__("sample")
    assert (one.summary, one.members, one.has_bases) == ("A class.", ("size",), False)


def test_a_name_without_description_stops_the_build(monkeypatch):
    monkeypatch.setattr(api.importlib, "import_module", lambda name: room(LIMIT=3))
    with pytest.raises(PageError, match=r"aggdist\.sample\.LIMIT has no docstring"):
        api.public_names.__wrapped__("sample")


def test_a_chapter_links_what_it_imports():
    used = {one.path for one in api.used_names(ROOT / "notebooks" / "theory" / "03_average_pooling.ipynb")}
    assert "aggdist.distributions.ZeroInflatedGamma" in used
    assert all(path.count(".") == 2 for path in used)
