"""The page on reproducing: its tables come from the records and specifications, and its manifest is whole."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from aggdist.datasets import DATASETS
from aggdist.figures.study_tables import load_all_studies
from aggdist.figures.summary_records import load_records
from aggdist.pages import reproduce
from aggdist.pages.executed import PageError
from aggdist.paths import repository_root

ROOT = repository_root()


@pytest.fixture(scope="module")
def records():
    return load_records(ROOT / "results")


@pytest.fixture(scope="module")
def studies():
    return load_all_studies(ROOT)


def test_the_state_counts_every_record_and_says_which_are_older(records, studies):
    text = reproduce.status(records, studies)
    assert f"{len(records)} runs on {len({r['dataset'] for r in records})} datasets" in text
    assert f"{len(studies)} studies" in text
    older = [*copy.deepcopy(records[:2]), *records[2:]]
    for record in older[:2]:
        record["provenance"]["analysis"] = "another"
    expected = sum(map(reproduce.is_older, [*older, *studies]))
    assert expected >= 2
    assert f"{expected} of them by older code" in reproduce.status(older, studies)


def test_a_study_of_other_sources_is_older(studies):
    study = copy.deepcopy(studies[0])
    study["provenance"]["sources"] = "another"
    assert reproduce.is_older(study)


def test_without_records_there_is_nothing_to_state():
    with pytest.raises(PageError, match="no record of a run: make them with python -m aggdist runs"):
        reproduce.status([], [])


def test_every_run_has_a_row(records):
    text = reproduce.status_table(records)
    for record in records:
        row = next(line for line in text.splitlines() if f"</runs/{record['name']}>" in line)
        assert record["provenance"]["computed"][:10] in row
        assert ("| older |" in row) == reproduce.is_older(record)


def test_times_are_those_of_the_records(records):
    text = reproduce.times_table(records)
    seconds = [r["training"]["seconds"] for r in records if r["network"] == "melcnn"]
    row = next(line for line in text.splitlines() if "`melcnn`" in line)
    assert (
        f"| {len(seconds)} | {reproduce._minutes(min(seconds))} | {reproduce._minutes(max(seconds))} |" in row
    )
    assert [reproduce._minutes(s) for s in (89.4, 90, 3600)] == ["89 s", "2 min", "60 min"]


def test_every_array_has_its_checksum_and_every_dataset_its_licence():
    text = reproduce.data_manifest()
    for spec in DATASETS.values():
        assert spec.licence in text
        for array, checksum in spec.checksums.items():
            assert f"| `{spec.name}` | `{array}` | `{checksum}` |" in text


def test_the_manifest_for_a_code_check_is_whole():
    text = (ROOT / "codecheck.yml").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    assert "FIXME" not in text
    check = yaml.safe_load(text)
    assert [entry["file"] for entry in check["manifest"] if not (ROOT / entry["file"]).is_file()] == []
    assert all(entry["comment"] for entry in check["manifest"])
    assert check["paper"]["reference"] == "https://doi.org/10.1109/TNNLS.2022.3207790"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]
    names = [f"{a['given-names']} {a['family-names']}" for a in citation["authors"]]
    assert [author["name"] for author in check["paper"]["authors"]] == names
    assert check["paper"]["title"] == citation["title"]


def test_the_run_that_takes_ten_minutes_is_committed(records):
    text = (ROOT / "book" / "reproduce.md").read_text(encoding="utf-8")
    assert "digits-digitcnn-avg-s0" in {record["name"] for record in records}
    assert "fig-digits-digitcnn-avg-s0-kl" in text
    assert json.loads((ROOT / "results" / "digits-digitcnn-avg-s0.json").read_text())["dataset"] == "digits"
