"""The report that a page reads is made by the page's own code."""

from __future__ import annotations

import pytest

from aggdist.pages import report_example
from aggdist.pages.executed import PageError
from aggdist.paths import repository_root

ROOT = repository_root()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    report_example.write_report_example(ROOT, folder)
    return folder / report_example.FOLDER


def test_what_the_page_includes_is_written(written):
    page = (ROOT / "book" / f"{report_example.PAGE}.md").read_text(encoding="utf-8")
    for part in ("summary.md", "table.md", "figure.md"):
        assert f"_generated/{report_example.FOLDER}/{part}" in page
        assert (written / part).stat().st_size > 100
    assert (written / "divergences.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_summary_and_table_are_of_the_report(written):
    summary = (written / "summary.md").read_text(encoding="utf-8")
    assert "Report on a random trunk: avg of 0 (32 channels, 36 positions), then 2" in summary
    rows = (written / "table.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2 + 10
    assert rows[0].count("|") == 2 + len(report_example.COLUMNS)
    assert all(cell in ("yes", "no") for row in rows[2:] for cell in [row.split("|")[7].strip()])


def test_code_that_leaves_no_report_stops_the_build():
    with pytest.raises(PageError, match="its code leaves no Report called report; got int"):
        report_example.report_of("```python\nreport = 3\n```\n")
