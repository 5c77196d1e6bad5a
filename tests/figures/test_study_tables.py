"""The page of studies: every record can be downloaded, every row has its command."""

from __future__ import annotations

import json

import pytest

from aggdist.figures.study_tables import NO_STUDIES, label_of, load_all_studies, studies_page, write_studies
from aggdist.studies import STUDIES, StudyError, StudyRun, study_path, write_study

ORIGIN = {
    "computed": "2026-01-02T03:04:05",
    "python": "3.12",
    "packages": {"torch": "2"},
    "threads": 1,
    "processor": "P",
}


@pytest.fixture
def root(tmp_path):
    """A checkout with records of two studies."""
    for study, dataset, seed in (
        ("overfitting", "mr", 0),
        ("information", "fsdd", 1),
        ("information", "fsdd", 0),
    ):
        run = StudyRun(study, dataset, "net", seed)
        origin = ORIGIN | {"sources": STUDIES[study].digest() if study == "overfitting" else "older"}
        write_study(
            {
                "schema": 1,
                "name": run.name,
                "study": study,
                "dataset": dataset,
                "network": "net",
                "seed": seed,
                "provenance": origin,
            },
            study_path(tmp_path, run),
        )
    return tmp_path


def test_records_come_in_the_order_of_the_studies(root):
    names = [record["name"] for record in load_all_studies(root)]
    assert names == ["information-fsdd-net-s0", "information-fsdd-net-s1", "overfitting-mr-net-s0"]


def test_a_section_has_a_row_for_each_network_with_links_and_its_command(root):
    page = studies_page(load_all_studies(root))
    first, second = page.split(f"({label_of('overfitting')})=")
    assert first.startswith(f"({label_of('information')})=\n## {STUDIES['information'].title}\n")
    assert (
        "| Free Spoken Digits | `net` | {download}`0 <_generated/studies/information-fsdd-net-s0.json>`, "
        "{download}`1 <_generated/studies/information-fsdd-net-s1.json>` | "
        "`python -m aggdist runs --only 'information-fsdd-net-*'` |"
    ) in first
    assert "by older code than this book's." in first
    assert "Movie Reviews" in second
    assert "older code" not in second


def test_the_links_lead_to_copies_of_the_records(root, tmp_path):
    folder = tmp_path / "generated"
    write_studies(root, folder)
    copies = sorted(path.name for path in (folder / "studies").iterdir())
    assert len(copies) == 3
    assert all(f"studies/{name}>" in (folder / "studies.md").read_text() for name in copies)
    assert json.loads((folder / "studies" / copies[0]).read_text())["seed"] == 0


def test_without_records_the_page_says_how_to_make_them(tmp_path):
    assert studies_page([]) == NO_STUDIES
    write_studies(tmp_path, tmp_path / "generated")
    assert (tmp_path / "generated" / "studies.md").read_text() == NO_STUDIES


def test_a_damaged_record_stops_the_page(root):
    (root / "results" / "studies" / "information-fsdd-net-s1.json").write_text("{")
    with pytest.raises(StudyError, match="is damaged"):
        write_studies(root, root / "generated")
