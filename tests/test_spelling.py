"""Spelling of all prose: pages, notebooks, docstrings and comments; British, as the book has it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aggdist.paths import repository_root

ROOT = repository_root()
# Parts of tags and LaTeX, a variable of the code, an abbreviation: no misspelt words.
KNOWN = "te,bu,whis,ot"
AMERICAN = re.compile(
    r"\b(colors?|colored|centers?|centered|behaviors?|neighbors?|neighboring|favor\w*|labeled|labeling|modeling|modeled|"
    r"(?:normal|standard|general|summar|visual|real|optim|maxim|minim|regular|recogn|emphas|character)iz(?:e[sd]?|ing|ation)|"
    r"analyz\w+|gray)\b",
    re.IGNORECASE,
)
# Code is spelt as the libraries have it, and titles as their authors had them.
QUOTED = re.compile(r"`[^`]*`|\$[^$]*\$|\"[^\"\n]*\"|<[^>]*>|\{[^}]*\}|https?://\S+")


def prose() -> dict[str, str]:
    """All prose by the file it is in: whole pages, Markdown cells, and comments and docstrings with their code."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("book/*.md"), *ROOT.glob("book/[a-z]*/*.md")]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in pages}
    for path in ROOT.glob("notebooks/**/*.ipynb"):
        if ".ipynb_checkpoints" not in path.parts:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            markdown = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
            texts[str(path.relative_to(ROOT))] = "\n\n".join(markdown)
    return texts


def misspelt(folder: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "codespell_lib",
        "--ignore-words-list",
        KNOWN,
        "--quiet-level",
        "3",
        str(folder),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_no_page_and_no_docstring_has_a_misspelt_word(tmp_path):
    for name, text in prose().items():
        (tmp_path / name.replace("/", "__")).with_suffix(".md").write_text(text, encoding="utf-8")
    assert misspelt(tmp_path) == ""
    assert misspelt(ROOT / "aggdist") == ""


def test_the_speller_finds_one(tmp_path):
    (tmp_path / "page.md").write_text("A seperate distribtuion.", encoding="utf-8")
    assert misspelt(tmp_path).count("==>") == 2


@pytest.mark.parametrize("text", ["the color of", "we normalize", "neighboring pixels"])
def test_american_spelling_is_recognised(text):
    assert AMERICAN.search(text)


def test_spelling_is_british():
    found = [
        f"{name}: {match[0]}"
        for name, text in prose().items()
        for line in re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()
        for match in AMERICAN.finditer(QUOTED.sub(" ", line))
    ]
    assert found == []
