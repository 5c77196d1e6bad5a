"""Maps of figures, equations and claims: complete, or the build stops."""

from __future__ import annotations

import base64
import json
import re

import pytest

from aggdist.equations import equations
from aggdist.figures.claims import CLAIMS, all_findings
from aggdist.house.figure_command import figure_jobs, make
from aggdist.house.terminal import HouseError
from aggdist.pages.claim_map import CHAPTERS, claim_map
from aggdist.pages.equation_map import Shown, equation_map, shown_checks
from aggdist.pages.executed import PageError, executed_notebooks
from aggdist.pages.figure_files import all_figures, write_files
from aggdist.pages.figure_map import chapters_text, reads, runs_table
from aggdist.paths import repository_root

ROOT = repository_root()


def cell(source="", name=None, svg="<svg/>", pdf="%PDF", html=None):
    """A code cell with the outputs of an executed figure or check."""
    data = {"text/html": [html]} if html else {}
    if svg:
        data["image/svg+xml"] = [svg]
    if pdf:
        data["application/pdf"] = base64.b64encode(pdf.encode()).decode()
    named = {"mystnb": {"figure": {"name": name, "caption": "A line. It rises."}}} if name else {}
    return {"cell_type": "code", "source": source, "metadata": named, "outputs": [{"data": data}]}


@pytest.fixture
def book(tmp_path):
    """Writes executed notebooks into a checkout that holds nothing else."""

    def write(page, *cells):
        path = tmp_path / "book" / f"{page}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {"cell_type": "markdown", "source": ["(label)=\n", "# A title\n"], "metadata": {}}
        path.write_text(json.dumps({"cells": [head, *cells]}))
        return tmp_path

    return write


def test_figures_come_with_both_files_and_their_page(book, tmp_path):
    root = book("theory/01_a", cell(name="fig-a"), cell())
    book("runs/r", cell(name="fig-r-kl"), cell(name="fig-r-sizes", svg=None, pdf=None))
    found = all_figures(root)
    assert [(figure.name, figure.page, figure.first_sentence) for figure in found] == [
        ("fig-a", "theory/01_a", "A line"),
        ("fig-r-kl", "runs/r", "A line"),
    ]
    write_files(found, tmp_path / "files")
    assert (tmp_path / "files" / "fig-a.svg").read_text() == "<svg/>"
    assert (tmp_path / "files" / "fig-r-kl.pdf").read_text() == "%PDF"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([cell(name="fig-a", pdf=None)], "fig-a has 1 SVG and 0 PDF outputs, expected one of each"),
        ([cell(name="fig-a", svg=None, pdf=None)], "fig-a has 0 SVG and 0 PDF"),
        ([cell(name="fig-a"), cell(name="fig-a")], "several figures are called fig-a"),
    ],
)
def test_a_figure_without_a_file_of_its_own_stops_the_build(book, cells, message):
    with pytest.raises(PageError, match=message):
        all_figures(book("theory/01_a", *cells))


def test_without_executed_notebooks_there_is_no_map(tmp_path):
    with pytest.raises(PageError, match=r"no executed notebook in .*; run make book"):
        list(executed_notebooks(tmp_path))


def test_each_figure_has_a_row_with_its_command_and_links(book):
    figures = all_figures(book("theory/01_a", cell(name="fig-a"), cell(name="fig-b")))
    text = chapters_text(figures, {"theory/01_a": "nothing"})
    for name in ("fig-a", "fig-b"):
        assert f"`python -m aggdist figure {name}`" in text
        assert f'href="../figures/{name}.svg"' in text
        assert f'href="../figures/{name}.pdf"' in text
    table = runs_table(all_figures(book("runs/r", cell(name="fig-r-kl"), cell(name="fig-r-nodes")))[2:])
    assert "| Run | Kl | Nodes |" in table
    assert table.count("download>") == 4


def test_what_chapters_read_is_found_in_their_source():
    assert reads(ROOT, "theory/02_zero_inflated_gamma") == "nothing: it computes"
    assert reads(ROOT, "theory/12_spatial_invariance") == "study {ref}`invariance <study-invariance>`"
    assert "`epochs <study-epochs>`" in reads(ROOT, "experiments/performance")
    assert "extract `mr-textcnn-avg-s0`" in reads(ROOT, "theory/05_sparse_limit")
    assert "all records" in reads(ROOT, "experiments/conclusions")
    with pytest.raises(PageError, match="page theory/none has no notebook"):
        reads(ROOT, "theory/none")


def test_every_figure_of_the_sources_has_one_command():
    jobs = figure_jobs(ROOT)
    named = set()
    for path in sorted((ROOT / "notebooks").glob("[te]*/*.ipynb")):
        for one in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            named |= {f["name"] for f in [one["metadata"].get("mystnb", {}).get("figure")] if f}
    runs = {name for name in named if "@@name@@" in name}
    records = [record.stem for record in (ROOT / "results").glob("*.json")]
    expected = (named - runs) | {name.replace("@@name@@", run) for name in runs for run in records}
    assert set(jobs) == expected
    assert not [name for name in jobs if not re.fullmatch(r"fig-[a-z0-9-]+", name)]


def test_an_unknown_figure_is_told_what_is_near():
    with pytest.raises(HouseError, match=r"no figure 'fig-t4-ratoi'.*near: fig-t4-ratio"):
        make(ROOT, "fig-t4-ratoi")


def check_html(tag, state="holds"):
    known = equations()[tag]
    return (
        f'<div class="equation-check {state}" id="{known.anchor}" data-error="1.0e-12" data-allowed="1e-09">'
    )


def test_the_state_of_an_equation_is_read_from_its_page(book):
    root = book("theory/04_a", cell(html=check_html("T4.2") + check_html("T4.3", "fails")))
    shown = shown_checks(root)
    assert shown["check-t4-2"] == Shown("theory/04_a", "A title", "holds", "1.0e-12", "1e-09")
    known = {tag: equations()[tag] for tag in ("T4.2", "T4.3")}
    text = equation_map(known, shown)
    assert '<a href="../theory/04_a.html#check-t4-2">T4.2</a>' in text
    assert "holds, error 1.0e-12 of 1e-09" in re.sub(r"</?span[^>]*>", "", text)
    assert "fails, error" in text
    with pytest.raises(PageError, match=r"no page shows the checks of T4\.1"):
        equation_map({"T4.1": equations()["T4.1"]}, shown)


def test_a_check_on_two_pages_has_no_one_place(book):
    root = book("theory/04_a", cell(html=check_html("T4.2")))
    book("theory/05_b", cell(html=check_html("T4.2")))
    with pytest.raises(PageError, match="check-t4-2 is on the pages theory/04_a and theory/05_b"):
        shown_checks(root)


def test_what_a_check_shows_is_what_the_map_reads(book):
    from aggdist.equations import check

    root = book("theory/04_a", cell(html=check("T4.3")._repr_html_()))
    assert shown_checks(root)["check-t4-3"].state == "holds"


def test_every_claim_has_its_row_chapters_that_exist_and_a_verdict():
    text = claim_map(all_findings(ROOT))
    for claim in CLAIMS:
        assert f"{{ref}}`{claim} <claim-{claim.lower()}>`" in text
    assert len(re.findall(r"\*\*(holds|holds with conditions|not seen)\*\*", text)) == len(CLAIMS)
    for page in {page for pages in CHAPTERS.values() for page in pages}:
        assert (ROOT / "notebooks" / f"{page}.ipynb").is_file()


def test_a_claim_without_a_finding_stops_the_build():
    with pytest.raises(PageError, match="no chapter or no finding for C1, C2"):
        claim_map({claim: [] for claim in CLAIMS})
