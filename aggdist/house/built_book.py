"""The book in `build/book/`: whether it is there, and whether it is made from the sources as they are now."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from aggdist.house.terminal import HouseError
from aggdist.paths import atomic_file

BOOK = Path("build", "book")
#: Beside the book, not in it: readers have no use for it.
STAMP = Path("build", "book.sources")

_PATTERNS = (
    "book/**/*",
    "notebooks/**/*.ipynb",
    "notebooks/**/*.yml",
    "results/**/*",
    "aggdist/**/*.py",
    "aggdist/**/*.yml",
    "aggdist/**/*.mplstyle",
)
#: Put there by the build itself, or by Python and Jupyter.
_MADE = ("book/theory/", "book/experiments/", "book/runs/", "book/_generated/")
_CACHES = {"__pycache__", ".ipynb_checkpoints"}
#: What the build takes from its environment and shows.
_SETTINGS = ("BOOK_URL", "BOOK_REPOSITORY", "BOOK_BRANCH")


def sources(root: Path) -> Iterator[Path]:
    """The files of the checkout that pages are made from, in a fixed order."""
    found = {path for pattern in _PATTERNS for path in root.glob(pattern) if path.is_file()}
    for path in sorted(found):
        name = path.relative_to(root).as_posix()
        if not name.startswith(_MADE) and not _CACHES & set(path.parts):
            yield path


def sources_digest(root: Path) -> str:
    """SHA-256 over names and contents of the sources: times of files say nothing after a change of branch."""
    total = hashlib.sha256()
    for path in sources(root):
        content = path.read_bytes()
        total.update(f"{path.relative_to(root).as_posix()}\n{len(content)}\n".encode())
        total.update(content)
    for name in _SETTINGS:
        total.update(f"{name}={os.environ.get(name, '')}\n".encode())
    return total.hexdigest()


def stamp(root: Path, digest: str) -> None:
    """Note what the book in `build/book/` was made from."""
    with atomic_file(root / STAMP) as part:
        part.write_text(digest + "\n", encoding="utf-8")


def up_to_date(root: Path) -> Path:
    """The folder of the built book.

    Raises
    ------
    HouseError
        If there is none, or its sources have changed since.
    """
    book = root / BOOK
    if not (book / "index.html").is_file() or not (root / STAMP).is_file():
        raise HouseError(f"there is no whole book in {book}: run make book first")
    if (root / STAMP).read_text(encoding="utf-8").strip() != sources_digest(root):
        raise HouseError(
            f"the book in {book} is older than its sources (book/, notebooks/, results/, aggdist/ or the settings "
            f"{', '.join(_SETTINGS)} have changed since): run make book again"
        )
    return book
