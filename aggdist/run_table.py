"""The run table `notebooks/experiments/runs.yml`: read and checked, row by row."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from aggdist.experiment import RunParameters
from aggdist.studies.registry import StudyRun

TABLE = Path("notebooks") / "experiments" / "runs.yml"
_Kind = RunParameters | StudyRun
_Named = TypeVar("_Named", RunParameters, StudyRun)
_STRICT = pydantic.ConfigDict(extra="forbid", strict=True)
_Row = pydantic.dataclasses.dataclass(RunParameters, config=_STRICT, frozen=True)
_StudyRow = pydantic.dataclasses.dataclass(StudyRun, config=_STRICT, frozen=True)


class RunTableError(ValueError):
    """The run table is not as it should be; the message names the table, the row and the key."""


class _File(pydantic.BaseModel):
    """What runs.yml holds."""

    model_config = _STRICT

    defaults: dict[str, Any] = {}
    tables: dict[str, list[dict[str, Any]]]
    extracts: list[str] = []
    studies: list[dict[str, Any]] = []


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error (YAML itself silently keeps the last)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise RunTableError(f"line {node.start_mark.line + 1}: key {', '.join(twice)} stands twice")
        return super().construct_mapping(node, deep)


@cache
def _registries() -> dict[str, tuple[str, ...]]:
    # Only when a table is read: the networks bring torch.
    from aggdist.aggregation import AGGREGATIONS
    from aggdist.datasets import DATASETS
    from aggdist.networks import NETWORKS, PRETRAINED

    return {
        "dataset": tuple(DATASETS),
        "network": (*NETWORKS, *PRETRAINED),
        "aggregation": tuple(AGGREGATIONS),
    }


def read_tables(path: Path) -> dict[str, tuple[RunParameters, ...]]:
    """The run tables of a YAML file by name, every row checked.

    Raises
    ------
    RunTableError
        For unknown or repeated keys, values of a wrong type, unknown datasets, networks or aggregations, and
        two runs of one name in a table.
    """
    content = _content(path)
    return {
        name: _checked_names(path, name, [run for row in _rows(path, name, content) for run in row])
        for name in content.tables
    }


def _content(path: Path) -> _File:
    try:
        return _File(**yaml.load(path.read_text(encoding="utf-8"), _Loader))
    except RunTableError as error:
        raise RunTableError(f"{path}: {error}") from error
    except yaml.YAMLError as error:
        raise RunTableError(f"{path} is not YAML: {error}") from error
    except (pydantic.ValidationError, TypeError) as error:
        raise RunTableError(f"{path}: expected `defaults` and `tables`, got {_problems(error)}") from error


def read_extracts(root: Path, only: str = "*") -> tuple[RunParameters, ...]:
    """The runs of the full table whose extracts the theory chapters read, with names that match a pattern.

    Raises
    ------
    RunTableError
        If an extract is named that is no run of the full table.
    """
    path = root / TABLE
    runs = {run.name: run for run in read_tables(path).get("full", ())}
    wanted = _content(path).extracts
    unknown = [name for name in wanted if name not in runs]
    if unknown:
        raise RunTableError(
            f"{path}: extracts names {', '.join(unknown)}, expected runs of table 'full': {', '.join(runs) or 'none'}"
        )
    return tuple(runs[name] for name in wanted if fnmatch.fnmatchcase(name, only))


def read_studies(root: Path, only: str = "*") -> tuple[StudyRun, ...]:
    """The studies of the run table with names that match a pattern, in its order.

    Raises
    ------
    RunTableError
        For unknown keys, studies, datasets or networks, values of a wrong type, and a study that stands twice.
    """
    path = root / TABLE
    rows = enumerate(_content(path).studies, start=1)
    found = [run for number, row in rows for run in _study_row(f"{path}: studies, row {number}", row)]
    return tuple(run for run in _checked_names(path, "studies", found) if fnmatch.fnmatchcase(run.name, only))


def _study_row(place: str, row: Mapping[str, Any]) -> Iterator[StudyRun]:
    for values in _expanded(row, StudyRun):
        try:
            run = StudyRun(**asdict(_StudyRow(**values)))
        except (pydantic.ValidationError, ValueError, TypeError) as error:
            problem = _problems(error, StudyRun) if isinstance(error, pydantic.ValidationError) else error
            raise RunTableError(f"{place}: {problem}") from error
        _check_known(place, run, "dataset", "network")
        yield run


def _rows(path: Path, table: str, content: _File) -> Iterator[list[RunParameters]]:
    for number, row in enumerate(content.tables[table], start=1):
        place = f"{path}: table {table!r}, row {number}"
        yield [_checked(place, values) for values in _expanded({**content.defaults, **row}, RunParameters)]


def _expanded(row: Mapping[str, Any], kind: type[_Kind]) -> Iterator[dict[str, Any]]:
    """One mapping for each combination of the values given as lists, the last field changing fastest."""
    ordered = {field.name: row[field.name] for field in fields(kind) if field.name in row} | dict(row)
    choices = [value if isinstance(value, list) else [value] for value in ordered.values()]
    for values in itertools.product(*choices):
        yield dict(zip(ordered, values, strict=True))


def _checked(place: str, values: Mapping[str, Any]) -> RunParameters:
    try:
        run = RunParameters(**asdict(_Row(**values)))
    except pydantic.ValidationError as error:
        raise RunTableError(f"{place}: {_problems(error)}") from error
    _check_known(place, run, "dataset", "network", "aggregation")
    return run


def _check_known(place: str, run: RunParameters | StudyRun, *keys: str) -> None:
    for key in keys:
        known = _registries()[key]
        if getattr(run, key) not in known:
            raise RunTableError(
                f"{place}: unknown {key} {getattr(run, key)!r}, expected one of {', '.join(known)}"
            )


def _problems(error: pydantic.ValidationError | TypeError, kind: type[_Kind] = RunParameters) -> str:
    if isinstance(error, TypeError):
        return str(error)
    known = ", ".join(field.name for field in fields(kind))
    texts = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        unknown = problem["type"] in ("unexpected_keyword_argument", "extra_forbidden")
        texts.append(
            f"unknown key {key!r}, expected some of {known}" if unknown else f"{key}: {problem['msg']}"
        )
    return "; ".join(texts)


def _checked_names(path: Path, table: str, runs: Sequence[_Named]) -> tuple[_Named, ...]:
    names = [run.name for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RunTableError(
            f"{path}: table {table!r} has two runs called {', '.join(twice)}; runs must differ in dataset, "
            "network, aggregation or seed"
        )
    return tuple(runs)


def read_table(
    root: Path, table: str, only: str = "*", *, required: bool = True
) -> tuple[RunParameters, ...]:
    """The runs of one table of the repository whose names match a pattern such as `digits-*`.

    Raises
    ------
    RunTableError
        If there is no such table, or no run in it matches and one is required.
    """
    tables = read_tables(root / TABLE)
    if table not in tables:
        raise RunTableError(f"no table {table!r} in {root / TABLE}: expected one of {', '.join(tables)}")
    chosen = tuple(run for run in tables[table] if fnmatch.fnmatchcase(run.name, only))
    if not chosen and required:
        names = ", ".join(run.name for run in tables[table]) or "none"
        raise RunTableError(f"no run of table {table!r} matches {only!r}; its runs are {names}")
    return chosen
