"""Printed pages joined into one PDF, whose links and bookmarks lead inside it.

Chromium prints a link to another page as the address of a file of this machine. Here it becomes a place in the same
document; a link to what was not printed leads to the published book, or nowhere if the book has no address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit
from urllib.request import url2pathname

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    Fit,
    FloatObject,
    NameObject,
    NullObject,
    TextStringObject,
)


@dataclass(frozen=True)
class Part:
    """A printed page of the book on its way into the whole.

    Parameters
    ----------
    file : Path
        The PDF that holds it.
    page : str
        Its name in the book, such as `theory/04_gamma_ratio`; empty for what is only in the PDF.
    title : str
        Its bookmark.
    caption : str
        The part of the book that it belongs to, under whose bookmark its own is; empty for none.
    sections : tuple of (str, str)
        Anchors and headings for bookmarks below its own.
    """

    file: Path
    page: str
    title: str
    caption: str = ""
    sections: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Place:
    """A point in the whole PDF: page, counted from 0, and distances from its left and lower edge, in points."""

    page: int
    left: float = 0.0
    top: float = 842.0


_Places = Mapping[tuple[str, str], _Place]


def page_count(file: Path) -> int:
    """The number of pages of a PDF."""
    return len(PdfReader(file).pages)


def join(parts: Sequence[Part], book: Path, target: Path, site: str, facts: Mapping[str, str]) -> int:
    """Join the parts in their order; the number of pages.

    Parameters
    ----------
    parts : sequence of Part
        What was printed.
    book : Path
        The folder of the built book, which links between pages name.
    target : Path
        The PDF to write.
    site : str
        The address of the published book, empty if there is none.
    facts : mapping
        The document's properties, such as `/Title`.
    """
    writer = PdfWriter()
    places: dict[tuple[str, str], _Place] = {}
    owners: list[str] = []
    for part in parts:
        reader, first = PdfReader(part.file), len(writer.pages)
        places[part.page, ""] = _Place(first)
        for name, found in reader.named_destinations.items():
            number = reader.get_destination_page_number(found)
            if number is not None and name != "/":
                place = _Place(first + number, float(found.left or 0), float(found.top or 842))
                places[part.page, _plain(name)] = place
        for page in reader.pages:
            writer.add_page(page)
            owners.append(part.page)
    for number, owner in enumerate(owners):
        _mend_links(writer, number, owner, places, book, site)
    _add_bookmarks(writer, parts, places)
    writer.compress_identical_objects()
    writer.add_metadata(dict(facts))
    writer.root_object[NameObject("/Lang")] = TextStringObject("en")
    viewer = DictionaryObject({NameObject("/DisplayDocTitle"): BooleanObject(True)})
    writer.root_object[NameObject("/ViewerPreferences")] = viewer
    writer.page_mode = "/UseOutlines"
    writer.write(target)
    return len(owners)


def _plain(name: str) -> str:
    """The anchor that a name of the PDF stands for."""
    return unquote(str(name).removeprefix("/"))


def _mend_links(writer: PdfWriter, number: int, owner: str, places: _Places, book: Path, site: str) -> None:
    """Replace the links of one page of the PDF, which comes from the book's page `owner`."""
    page = writer.pages[number]
    if "/Annots" not in page:
        return
    kept = ArrayObject()
    for entry in page["/Annots"]:  # type: ignore[attr-defined]
        link: Any = entry.get_object()
        if _mend(writer, link, owner, places, book, site):
            kept.append(entry)
    page[NameObject("/Annots")] = kept


def _mend(writer: PdfWriter, link: Any, owner: str, places: _Places, book: Path, site: str) -> bool:
    """Whether a link, mended, leads somewhere."""
    if "/Dest" in link:
        key = (owner, _plain(link["/Dest"]))
    else:
        address = str(link.get("/A", {}).get("/URI", ""))
        if urlsplit(address).scheme != "file":
            return bool(address) and not address.startswith("about:")
        plain, fragment = urldefrag(address)
        file = Path(url2pathname(urlsplit(plain).path))
        if not file.is_relative_to(book):
            return False
        name = file.relative_to(book).as_posix()
        page = name.removesuffix(".html")
        key = (page, unquote(fragment))
        if (page, "") not in places:
            return _lead_outside(link, site, name, fragment)
    place = places.get(key) or places.get((key[0], ""))
    if place is None:
        return False
    del link[NameObject("/A" if "/A" in link else "/Dest")]
    link[NameObject("/Dest")] = ArrayObject(
        [
            writer.pages[place.page].indirect_reference,
            NameObject("/XYZ"),
            FloatObject(place.left),
            FloatObject(place.top),
            NullObject(),
        ]
    )
    return True


def _lead_outside(link: Any, site: str, name: str, fragment: str) -> bool:
    """Lead to a page that was not printed where it is published; False if it is not."""
    if site:
        address = f"{site.rstrip('/')}/{name}" + (f"#{fragment}" if fragment else "")
        link["/A"][NameObject("/URI")] = TextStringObject(address)
    return bool(site)


def _add_bookmarks(writer: PdfWriter, parts: Sequence[Part], places: _Places) -> None:
    captions: dict[str, Any] = {}
    for part in parts:
        if not part.title:
            continue
        first = places[part.page, ""].page
        if part.caption and part.caption not in captions:
            captions[part.caption] = writer.add_outline_item(title=part.caption, page_number=first)
        parent = captions.get(part.caption)
        chapter = writer.add_outline_item(title=part.title, page_number=first, parent=parent, is_open=False)
        for anchor, heading in part.sections:
            if place := places.get((part.page, anchor)):
                fit = Fit.xyz(place.left, place.top)
                writer.add_outline_item(title=heading, page_number=place.page, parent=chapter, fit=fit)
