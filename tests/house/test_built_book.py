"""Whether the built book is there and made from its sources as they are; and the archive that is made from it."""

from __future__ import annotations

import json
import os
import zipfile

import nbformat
import pytest

import aggdist
from aggdist.house import built_book, zip_command
from aggdist.house.terminal import HouseError

NAME = f"aggdist-book-{aggdist.__version__}"


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def notebook(*outputs: str) -> str:
    cells = [nbformat.v4.new_markdown_cell("# T", id="a"), nbformat.v4.new_code_cell("1 + 1", id="b")]
    cells[1].outputs = [nbformat.v4.new_output("stream", text=text) for text in outputs]
    cells[1].execution_count = len(outputs) or None
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells))


@pytest.fixture
def root(tmp_path):
    """A repository with its built book."""
    for name in (
        "LICENSE",
        "LICENSE-TEXT.md",
        "CITATION.cff",
        "book/intro.md",
        "aggdist/x.py",
        "results/a.json",
    ):
        write(tmp_path / name, name)
    write(tmp_path / "aggdist" / "coursework" / "solutions" / "one.py", "answer")
    write(tmp_path / "notebooks" / "theory" / "t.ipynb", notebook())
    book = tmp_path / "build" / "book"
    offered = '<a href="../_sources/theory/t.ipynb">.ipynb</a> <a href="https://example.org/_sources/x">x</a>'
    write(book / "index.html", '<a href="intro.html">in</a>')
    write(book / "intro.html", '<a href="_sources/intro.md#x">.md</a> <a href="../../outside.txt">out</a>')
    write(book / "theory" / "t.html", offered)
    write(book / "runs" / "r.html", '<a href="../_sources/runs/r.ipynb">.ipynb</a>')
    write(book / "_sources" / "intro.md", "# In")
    write(book / "_sources" / "theory" / "t.ipynb", notebook("2"))
    write(book / "_sources" / "runs" / "r.ipynb", notebook("long", "longer"))
    for name in (".buildinfo", "objects.inv", "_sources/nobody.md", "_static/a.js.map", "downloads/old.zip"):
        write(book / name, "useless")
    write(book / "_static" / "a.js", "true")
    built_book.stamp(tmp_path, built_book.sources_digest(tmp_path))
    return tmp_path


class TestUpToDate:
    def test_the_book_as_it_was_stamped(self, root):
        assert built_book.up_to_date(root) == root / "build" / "book"

    def test_a_new_time_is_no_change(self, root):
        os.utime(root / "book" / "intro.md", (2e9, 2e9))
        assert built_book.up_to_date(root) == root / "build" / "book"

    @pytest.mark.parametrize(
        "name", ["book/intro.md", "aggdist/x.py", "results/a.json", "notebooks/theory/t.ipynb"]
    )
    def test_a_changed_source_is_an_error(self, root, name):
        write(root / name, "changed")
        with pytest.raises(HouseError, match=r"older than its sources .*run make book again"):
            built_book.up_to_date(root)

    def test_so_is_a_new_one_and_another_address(self, root, monkeypatch):
        monkeypatch.setenv("BOOK_URL", "https://example.org/")
        with pytest.raises(HouseError, match="older than its sources"):
            built_book.up_to_date(root)
        monkeypatch.delenv("BOOK_URL")
        write(root / "results" / "new.json")
        with pytest.raises(HouseError, match="older than its sources"):
            built_book.up_to_date(root)

    def test_what_the_build_makes_is_no_source_but_pages_in_folders_are(self, root):
        for name in ("book/theory/t.ipynb", "book/_generated/a/b.md", "book/_ext/__pycache__/x.pyc"):
            write(root / name)
        assert built_book.up_to_date(root)
        write(root / "book" / "maps" / "claims.md")
        with pytest.raises(HouseError, match="older than its sources"):
            built_book.up_to_date(root)

    @pytest.mark.parametrize("missing", ["book/index.html", "book.sources"])
    def test_no_book_or_half_a_book_is_an_error(self, root, missing):
        (root / "build" / missing).unlink()
        with pytest.raises(HouseError, match=r"there is no whole book .*run make book first"):
            built_book.up_to_date(root)
        with pytest.raises(HouseError, match="run make book first"):
            zip_command.run(root)


class TestZip:
    @pytest.fixture
    def packed(self, root, capsys):
        assert zip_command.run(root) == 0
        path = root / "build" / f"{NAME}.zip"
        said = capsys.readouterr().out
        assert str(path) in said
        assert " MB)" in said
        with zipfile.ZipFile(path) as archive:
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}

    def test_one_folder_with_pages_notebooks_and_licences_and_nothing_useless(self, packed):
        expected = {
            "index.html", "intro.html", "theory/t.html", "runs/r.html", "_static/a.js",
            "_sources/intro.md", "_sources/theory/t.ipynb", "_sources/runs/r.ipynb",
            "notebooks/theory/t.ipynb", "LICENSE", "LICENSE-TEXT.md", "CITATION.cff", "README.txt",
        }  # fmt: skip
        assert set(packed) == {f"{NAME}/{name}" for name in expected}
        assert aggdist.__version__ in packed[f"{NAME}/README.txt"].decode()

    def test_notebooks_have_no_outputs_and_a_chapter_s_is_that_of_the_repository(self, packed, root):
        original = (root / "notebooks" / "theory" / "t.ipynb").read_bytes()
        assert (
            packed[f"{NAME}/_sources/theory/t.ipynb"]
            == packed[f"{NAME}/notebooks/theory/t.ipynb"]
            == original
        )
        run = json.loads(packed[f"{NAME}/_sources/runs/r.ipynb"])
        assert run["cells"][1]["source"] == ["1 + 1"]
        assert run["cells"][1]["outputs"] == []
        assert run["cells"][1]["execution_count"] is None

    def test_the_same_book_is_the_same_archive(self, root):
        book, first, second = root / "build" / "book", root / "1" / "a.zip", root / "2" / "a.zip"
        zip_command.pack(root, book, first)
        for path in root.rglob("*"):
            os.utime(path, (2e9, 2e9))
        zip_command.pack(root, book, second)
        assert first.read_bytes() == second.read_bytes()
        with zipfile.ZipFile(first) as archive:
            names = archive.namelist()
            assert names == sorted(names)
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
