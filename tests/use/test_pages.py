"""The code of the how-to pages and of the reference runs, and prints what the pages show."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted([*(BOOK / "use").glob("*.md"), *(BOOK / "api").glob("*.md")])
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _leaves_no_figure_and_no_style():
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_code_prints_what_the_page_shows(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "page"}
    printed, shown = "", 0
    for language, text in blocks:
        if language == "python":
            out = io.StringIO()
            with contextlib.redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # what analyse announces, and pages explain
                exec(compile(text, str(page), "exec"), names)
            printed = out.getvalue()
        else:
            assert printed.split() == text.split(), f"{page.name} shows {text!r}, its code prints {printed!r}"
            shown += 1
    assert shown, f"{page.name} shows no output: expected a text block after a python block"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_code_fits_the_column(page: Path) -> None:
    code = "".join(
        text for language, text in BLOCK.findall(page.read_text(encoding="utf-8")) if language == "python"
    )
    assert [line for line in code.splitlines() if len(line) > 92] == []
