"""Records of studies: whole or not at all, with errors that say what to do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aggdist.studies import (
    STUDIES,
    StudyError,
    StudyRun,
    age_of,
    compute,
    load_studies,
    read_study,
    registry,
    study_is_current,
    study_path,
    write_study,
)

RUN = StudyRun("invariance", "digits", "digitcnn", 1)


@pytest.fixture
def record(monkeypatch):
    """A record made as all are, by a study that measures nothing."""

    class Quick:
        @staticmethod
        def measure(run, *, progress):
            return {"values": np.array([1 / 3, np.nan, np.inf]), "count": np.int64(3), "good": np.True_}

    monkeypatch.setattr(registry, "import_module", lambda name: Quick)
    return compute(RUN, progress=False)


def test_a_record_says_what_it_is_and_comes_back(record, tmp_path):
    path = study_path(tmp_path, RUN)
    write_study(record, path)
    found = read_study(path)
    assert path.name == "invariance-digits-digitcnn-s1.json"
    assert found["values"] == [0.333333, None, "inf"]
    assert (found["count"], found["good"], found["seed"]) == (3, True, 1)
    assert load_studies(tmp_path, "invariance") == [found]
    assert study_is_current(RUN, path) == (True, "up to date")
    assert age_of(found).endswith(".")
    assert "older code" not in age_of(found)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 2}, "its parameters differ"),
        ({"provenance": {"sources": "0"}}, "the study's code has changed"),
        ({"provenance": {"training": "0"}}, "the training code or torch has changed"),
        ({"provenance": {"data": "0"}}, "the data have changed"),
        ({"schema": 0}, "has schema 0, expected 1; delete it and make it"),
    ],
)
def test_a_record_that_is_not_up_to_date_says_why(record, tmp_path, change, reason):
    origin = record["provenance"] | change.get("provenance", {})
    path = study_path(tmp_path, RUN)
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps({**record, "values": [], "count": 3, "good": True, **change, "provenance": origin})
    )
    current, why = study_is_current(RUN, path)
    assert not current
    assert reason in why


def test_older_code_is_named(record):
    record["provenance"]["sources"] = "0"
    assert age_of(record).endswith("by older code than this book's.")


def test_what_is_missing_or_damaged_says_what_to_do(tmp_path):
    path = study_path(tmp_path, RUN)
    with pytest.raises(StudyError, match=r"is missing; make it with: python -m aggdist runs"):
        read_study(path)
    with pytest.raises(StudyError, match="holds no record of study 'invariance'"):
        load_studies(tmp_path, "invariance")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(StudyError, match=r"is damaged .*; delete it and make it"):
        read_study(path)
    assert study_is_current(RUN, path)[0] is False


def test_nothing_half_written_is_left(record, tmp_path):
    path = study_path(tmp_path, RUN)
    with pytest.raises(StudyError, match="expected at most 150000"):
        write_study({**record, "values": np.zeros(100_000)}, path)
    with pytest.raises(StudyError, match=r"cannot be written: .*expected numbers, texts"):
        write_study({**record, "values": object()}, path)
    folder = tmp_path / "file"
    folder.write_text("")
    with pytest.raises(StudyError, match=r"could not be written .*nothing half-written"):
        write_study(record, folder / "record.json")
    assert list(tmp_path.iterdir()) == [folder]


def test_unknown_studies_and_seeds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown study 'invarince', expected one of information"):
        StudyRun("invarince", "digits", "digitcnn")
    with pytest.raises(ValueError, match="unknown study 'x'"):
        load_studies(tmp_path, "x")
    with pytest.raises(ValueError, match="seed: got -1"):
        StudyRun("invariance", "digits", "digitcnn", -1)


@pytest.mark.parametrize("study", list(STUDIES))
def test_every_study_has_its_module_and_its_digest_covers_files_that_exist(study):
    assert len(STUDIES[study].digest()) == 64
    assert STUDIES[study].digest() not in {s.digest() for s in STUDIES.values() if s.name != study}
