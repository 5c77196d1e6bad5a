"""What readers copy when they cite: CITATION.cff, the page that says how, and the bibliography."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pybtex.database import BibliographyData, Entry, parse_string

import aggdist
from aggdist.datasets import DATASETS

ROOT = Path(__file__).resolve().parents[1]
BIBLIOGRAPHY = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")

NEEDED = {
    "article": {"author", "title", "journal", "volume", "pages", "year"},
    "book": {"author", "title", "publisher", "address", "year"},
    "incollection": {"author", "title", "booktitle", "editor", "publisher", "pages", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "misc": {"author", "title", "howpublished", "year"},
    "techreport": {"author", "title", "institution", "year"},
}


def citations(texts: dict[str, str]) -> list[tuple[str, str]]:
    """(place, key) of each citation in Markdown texts."""
    found = []
    for place, text in texts.items():
        for keys in CITE.findall(text):
            found += [(place, re.sub(r"^.*<(.*)>$", r"\1", key.strip())) for key in keys.split(",")]
    return found


def book_texts() -> dict[str, str]:
    pages = sorted((ROOT / "book").glob("*.md"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages}
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts[path.name] = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return texts


def values(entry: Entry) -> dict[str, str]:
    people = {role: " and ".join(map(str, persons)) for role, persons in entry.persons.items()}
    return {key.lower(): value for key, value in entry.fields.items()} | people


def plain(text: str) -> str:
    """Without braces, line ends and differences of case."""
    return " ".join(text.replace("{", "").replace("}", "").split()).lower()


@pytest.fixture(scope="module")
def bibliography() -> BibliographyData:
    return parse_string(BIBLIOGRAPHY, "bibtex")


@pytest.fixture(scope="module")
def cff() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def copied() -> BibliographyData:
    """The BibTeX that the page 'How to cite' offers."""
    page = (ROOT / "book" / "how_to_cite.md").read_text(encoding="utf-8")
    return parse_string("\n".join(re.findall(r"```bibtex\n(.*?)```", page, flags=re.DOTALL)), "bibtex")


class TestBibliography:
    def test_every_cited_work_is_there(self, bibliography):
        cited = citations(book_texts())
        assert len({place for place, _ in cited}) >= 4
        assert [(place, key) for place, key in cited if key not in bibliography.entries] == []

    def test_a_citation_is_found_in_each_form(self):
        text = "{cite}`A1` {cite:t}`B2,C3` {cite:p}`D4, E5` {cite:t}`that paper <F6>` `not {cite}`"
        assert [key for _, key in citations({"": text})] == ["A1", "B2", "C3", "D4", "E5", "F6"]

    def test_every_entry_has_what_its_kind_needs(self, bibliography):
        lacking = {
            key: NEEDED[entry.type] - set(values(entry))
            for key, entry in bibliography.entries.items()
            if NEEDED[entry.type] - set(values(entry))
        }
        assert lacking == {}

    def test_every_value_is_well_formed(self, bibliography):
        patterns = {
            "year": r"1[89]\d\d|20\d\d",
            "pages": r"\d+--\d+|[a-z]*\d+",  # or the number of an article
            "volume": r"\d+",
            "number": r"\d+(--\d+)?",
            "doi": r"10\.\d{4,}/\S+",
            "url": r"https?://\S+",
        }
        for key, entry in bibliography.entries.items():
            for field, value in values(entry).items():
                assert re.fullmatch(patterns.get(field, r"(?s).+"), value), f"{key}: {field} = {value}"
                # Mathematics between dollars is printed as it stands.
                assert "$" not in value, f"{key}: {field} = {value}"

    def test_keys_say_who_and_when(self, bibliography):
        for key, entry in bibliography.entries.items():
            assert re.fullmatch(r"[A-Z][A-Za-z]+\d{4}[a-z]?", key), key
            assert re.search(r"\d{4}", key)[0] == entry.fields["year"], key

    def test_sphinx_prints_all_of_them_without_a_warning(self, tmp_path):
        (tmp_path / "conf.py").write_text(
            "extensions = ['sphinxcontrib.bibtex']\nbibtex_bibfiles = ['references.bib']\n"
            "bibtex_reference_style = 'author_year'\nhtml_theme = 'basic'\n"
        )
        (tmp_path / "references.bib").write_text(BIBLIOGRAPHY, encoding="utf-8")
        (tmp_path / "index.rst").write_text("A\n=\n\n.. bibliography::\n   :all:\n   :style: plain\n")
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "html", ".", "out"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert "Radenović" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


class TestCitationFile:
    def test_it_has_what_the_format_requires_and_nothing_unknown(self, cff):
        assert cff["cff-version"] == "1.2.0"
        assert cff["type"] == "software"
        required = {"cff-version", "message", "title", "authors"}
        known = {"type", "abstract", "version", "license", "keywords", "preferred-citation", "date-released"}
        known |= {"repository-code", "url", "doi", "identifiers"}
        assert required <= set(cff) <= required | known
        assert all({"name"} == set(author) or "family-names" in author for author in cff["authors"])

    def test_version_and_licence_are_those_of_the_package(self, cff):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert cff["version"] == aggdist.__version__ == project["version"]
        assert cff["license"] == project["license"]
        assert [a["name"] for a in cff["authors"]] == [a["name"] for a in project["authors"]]

    def test_the_paper_is_the_preferred_citation(self, cff, bibliography):
        paper, entry = cff["preferred-citation"], bibliography.entries["OngHusainBober2024"]
        assert paper["type"] == entry.type == "article"
        assert plain(paper["title"]) == plain(entry.fields["title"])
        names = [f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]]
        assert names == list(map(str, entry.persons["author"]))
        for field, name in (
            ("journal", "journal"),
            ("volume", "volume"),
            ("issue", "number"),
            ("doi", "doi"),
        ):
            assert str(paper[field]) == entry.fields[name]
        assert f"{paper['start']}--{paper['end']}" == entry.fields["pages"]
        assert str(paper["year"]) == entry.fields["year"]


class TestHowToCite:
    def test_the_paper_is_the_entry_of_the_bibliography(self, copied, bibliography):
        offered = values(copied.entries["OngHusainBober2024"])
        ours = values(bibliography.entries["OngHusainBober2024"])
        assert {k: plain(v) for k, v in offered.items()} == {k: plain(ours[k]) for k in offered}
        assert {"author", "title", "journal", "volume", "pages", "year", "doi"} <= set(offered)

    def test_the_companion_is_what_citation_cff_says(self, copied, cff):
        entry = copied.entries["aggdist2026"]
        assert plain(entry.fields["title"]) == plain(cff["title"])
        assert str(entry.persons["author"][0]).strip("{}") == cff["authors"][0]["name"]
        assert cff["version"] in entry.fields["howpublished"]

    def test_apa_names_the_version_and_the_paper_s_doi(self, cff):
        page = (ROOT / "book" / "how_to_cite.md").read_text(encoding="utf-8")
        apa = [" ".join(part.split()) for part in page.split("\n\n") if part.startswith("APA:")]
        assert f"https://doi.org/{cff['preferred-citation']['doi']}" in apa[0]
        assert f"(Version {cff['version']})" in apa[1]

    def test_every_dataset_has_a_citation(self, bibliography):
        page = (ROOT / "book" / "how_to_cite.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^\| `(\w+)` \| \{cite:t\}`(\w+)` \|$", page, flags=re.MULTILINE))
        assert list(rows) == list(DATASETS)
        for name, key in rows.items():
            entry = bibliography.entries[key]
            surname = entry.persons["author"][0].last_names[0]
            assert f"{surname}" in DATASETS[name].citation.text
            assert f"({entry.fields['year']})" in DATASETS[name].citation.text


def licence_files() -> Iterator[tuple[str, str]]:
    yield "LICENSE", "Permission is hereby granted, free of charge"
    yield "LICENSE-TEXT.md", "https://creativecommons.org/licenses/by/4.0/"


@pytest.mark.parametrize(("name", "words"), licence_files())
def test_licences_are_there_and_name_the_same_authors(name, words, cff):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert words in text
    assert cff["authors"][0]["name"] in text
