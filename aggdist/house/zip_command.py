"""`python -m aggdist zip`: the built book as one archive that is read from a folder, without a connection."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aggdist.house.built_book import up_to_date
from aggdist.house.terminal import say
from aggdist.pages.getting import DOWNLOADS, archive_name
from aggdist.paths import atomic_file

#: Of Sphinx, for other builds and other books, as maps of scripts (.map) are for their authors: pages ask for none.
_NOT_FOR_READERS = (".buildinfo", "objects.inv")
_SOURCES = "_sources"
_COMPANIONS = ("LICENSE", "LICENSE-TEXT.md", "CITATION.cff")
#: The earliest time that the format knows: the same book is the same archive, whenever it is packed.
_TIME = (1980, 1, 1, 0, 0, 0)

_README = """\
Distributions of aggregation layers, version {version}

Open index.html with a browser. Nothing else is needed, and no connection.

notebooks/   the chapters as notebooks without outputs, to work through; the book's page "Getting it" says how
             the package that they need is installed

Text and figures: CC BY 4.0 (LICENSE-TEXT.md). Code: MIT (LICENSE). How to cite: CITATION.cff, how_to_cite.html.
"""


class _Links(HTMLParser):
    """The addresses that a page links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def run(root: Path) -> int:
    """Write `build/aggdist-book-VERSION.zip` from the built book.

    Raises
    ------
    HouseError
        If the book was not built, or is older than its sources.
    """
    book = up_to_date(root)
    target = root / "build" / archive_name("zip")
    pack(root, book, target)
    say(f"The whole book, to be read without a connection ({target.stat().st_size / 1e6:.1f} MB):")
    say(f"  {target}")
    return 0


def pack(root: Path, book: Path, target: Path) -> None:
    """Write the archive: one folder that holds the pages, the notebooks and the licences.

    Parameters
    ----------
    root : Path
        The checkout, for its notebooks without outputs.
    book : Path
        The built book.
    target : Path
        The archive; the name of its one folder is this name without the ending.
    """
    files = sorted(contents(root, book))
    with (
        atomic_file(target) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for name, content in files:
            entry = zipfile.ZipInfo(f"{target.stem}/{name}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on whatever system it is packed, so that the next line counts
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)


def contents(root: Path, book: Path) -> Iterator[tuple[str, bytes]]:
    """Name in the archive's folder, and content, of each file."""
    wanted = set(_offered_sources(book))
    for path in book.rglob("*"):
        name = path.relative_to(book).as_posix()
        first = name.partition("/")[0]
        useless = name in _NOT_FOR_READERS or path.suffix == ".map" or first == DOWNLOADS
        if not path.is_file() or useless:
            continue
        if first != _SOURCES:
            yield name, path.read_bytes()
        elif name in wanted:
            yield name, _source(root, name, path)
    for path in (root / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts:
            yield path.relative_to(root).as_posix(), path.read_bytes()
    for name in _COMPANIONS:
        yield name, (root / name).read_bytes()
    version = archive_name("").removeprefix("aggdist-book-").rstrip(".")
    yield "README.txt", _README.format(version=version).encode()


def _offered_sources(book: Path) -> Iterator[str]:
    """Files in `_sources/` that a page offers for download; the others only feed Sphinx's own search."""
    for page in book.rglob("*.html"):
        parser = _Links()
        parser.feed(page.read_text(encoding="utf-8"))
        yield from _inside(book, page, parser.found)


def _inside(book: Path, page: Path, addresses: Iterable[str]) -> Iterator[str]:
    """The names, from the top of the book, of the files that relative addresses on a page mean."""
    top = book.resolve()
    for address in addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        target = (page.parent / unquote(parts.path)).resolve()
        if target.is_relative_to(top):
            yield target.relative_to(top).as_posix()


def _source(root: Path, name: str, path: Path) -> bytes:
    """What a page's download button gives: a chapter's notebook as in the repository, any other without outputs.

    The outputs are on the page itself, and would make the archive several times as large.
    """
    if path.suffix != ".ipynb":
        return path.read_bytes()
    original = root / "notebooks" / Path(name).relative_to(_SOURCES)
    if original.is_file():
        return original.read_bytes()
    return without_outputs(path.read_bytes())


def without_outputs(notebook: bytes) -> bytes:
    """A notebook, as the bytes of its file, without outputs and execution counts."""
    node: dict[str, Any] = json.loads(notebook)
    for cell in node["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return (json.dumps(node, ensure_ascii=False, indent=1) + "\n").encode()
