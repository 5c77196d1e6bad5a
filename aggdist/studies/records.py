"""Records of studies: written as a whole or not at all, read with errors that say what to do."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from aggdist.paths import atomic_file
from aggdist.studies.registry import SCHEMA, STUDIES, StudyRun, training_digest

MAX_BYTES = 150_000
_MAKE = "make it with: python -m aggdist runs"


class StudyError(RuntimeError):
    """A record of a study is missing, damaged or not what was asked for."""


def study_path(root: Path, run: StudyRun) -> Path:
    """Where the record of a study goes."""
    return root / "results" / "studies" / f"{run.name}.json"


def write_study(record: Mapping[str, Any], path: Path) -> None:
    """Write a record, numbers to six significant digits.

    Raises
    ------
    StudyError
        If it cannot be written, holds what is no number, or would be larger than 150 kB.
    """
    try:
        text = json.dumps(_plain(record), separators=(",", ":"), allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise StudyError(
            f"{path} cannot be written: {error}; expected numbers, texts, lists and mappings"
        ) from error
    if len(text) > MAX_BYTES:
        raise StudyError(f"{path}: got a record of {len(text)} bytes, expected at most {MAX_BYTES}")
    try:
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(
            f"{path} could not be written ({error}); nothing half-written is left. Free some disk space, then run "
            "again: training is cached"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        # JSON has no NaN and no infinity: what is not known is null, what is infinite is a word.
        if math.isnan(value):
            return None
        return float(f"{value:.6g}") if math.isfinite(value) else str(float(value))
    return value


def read_study(path: Path) -> dict[str, Any]:
    """Read one record.

    Raises
    ------
    StudyError
        If it is missing, damaged, or of another schema.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing; {_MAKE}") from error
    except ValueError as error:
        raise StudyError(f"{path} is damaged ({error}); delete it and {_MAKE}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA or record.get("study") not in STUDIES:
        found = record.get("schema") if isinstance(record, dict) else type(record).__name__
        raise StudyError(f"{path} has schema {found}, expected {SCHEMA}; delete it and {_MAKE}")
    return record


def load_studies(root: Path, study: str) -> list[dict[str, Any]]:
    """All records of one study, by dataset, network and seed.

    Raises
    ------
    ValueError
        For an unknown study.
    StudyError
        If there is none, or one is damaged.
    """
    if study not in STUDIES:
        raise ValueError(f"unknown study {study!r}: expected one of {', '.join(STUDIES)}")
    paths = sorted((root / "results" / "studies").glob(f"{study}-*.json"))
    if not paths:
        raise StudyError(f"{root / 'results' / 'studies'} holds no record of study {study!r}; {_MAKE}")
    return [read_study(path) for path in paths]


def study_is_current(run: StudyRun, path: Path) -> tuple[bool, str]:
    """Whether the record at `path` is what today's sources, data and torch would make, and why not."""
    from aggdist import datasets

    if not path.exists():
        return False, "there is no record"
    try:
        record = read_study(path)
    except StudyError as error:
        return False, str(error)
    origin = record["provenance"]
    if {key: record[key] for key in asdict(run)} != asdict(run):
        return False, "its parameters differ"
    if origin["sources"] != STUDIES[run.study].digest():
        return False, "the study's code has changed"
    if origin["training"] != training_digest():
        return False, "the training code or torch has changed"
    if origin["data"] != datasets.specification(run.dataset).digest():
        return False, "the data have changed"
    return True, "up to date"


def age_of(record: Mapping[str, Any]) -> str:
    """A sentence for the page: when and with what a record was computed, and whether by older code."""
    origin = record["provenance"]
    sentence = (
        f"Computed {origin['computed'][:10]} with Python {origin['python']}, torch "
        f"{origin['packages'].get('torch', '?')}, {origin['threads']} thread(s) on {origin['processor']}"
    )
    older = origin["sources"] != STUDIES[record["study"]].digest()
    return sentence + (" by older code than this book's." if older else ".")
