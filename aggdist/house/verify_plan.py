"""Which runs `python -m aggdist verify` makes anew, and what is known beforehand about their records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from aggdist.experiment import SCHEMA, RecordError, RunParameters, record_is_current
from aggdist.house.terminal import HouseError
from aggdist.run_table import RunTableError, read_table
from aggdist.verify import SEEDS, Group, Record, group_of, groups_of


@dataclass(frozen=True)
class Planned:
    """One chosen row of the run table.

    Attributes
    ----------
    name : str
    record : mapping or None
        The committed record.
    problem : str
        Why it cannot be verified; empty if it can.
    notes : tuple of str
        In what the record is not what today's code and table would make.
    """

    name: str
    record: Record | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> RunParameters:
        """Those that the record was made with."""
        assert self.record is not None
        return RunParameters(**self.record["parameters"])


@dataclass(frozen=True)
class Plan:
    """What will be verified, and on what the spreads are measured.

    Attributes
    ----------
    rows : tuple of Planned
    groups : tuple of Group
        All committed records that differ in seed alone.
    unreadable : tuple of str
        Problems of records that are not chosen, and now in no group.
    """

    rows: tuple[Planned, ...]
    groups: tuple[Group, ...]
    unreadable: tuple[str, ...] = ()


def make_plan(root: Path, only: str) -> Plan:
    """The chosen rows of the full run table, with their committed records.

    Raises
    ------
    HouseError
        If no row matches the pattern, or if there are nowhere three records that differ in seed alone.
    """
    try:
        rows = read_table(root, "full", only)
    except RunTableError as error:
        raise HouseError(str(error)) from error
    records: dict[str, Record] = {}
    problems: dict[str, str] = {}
    for path in sorted((root / "results").glob("*.json")):
        try:
            records[path.stem] = read_any_record(path)
        except RecordError as error:
            problems[path.stem] = str(error)
    groups = tuple(groups_of(records.values()))
    if not groups:
        raise HouseError(
            f"{root / 'results'} holds {len(records)} readable records, and nowhere {SEEDS} that differ in seed "
            "alone: the spread over seeds, and so what may differ, is not known. Make the records of more seeds, "
            "for example with: python -m aggdist runs --only 'digits-digitcnn-avg-*'"
        )
    statuses = _dataset_statuses()
    planned = [_planned(root, row, records.get(row.name), problems, groups, statuses) for row in rows]
    chosen = {row.name for row in rows}
    others = [text for name, text in problems.items() if name not in chosen]
    return Plan(tuple(planned), groups, tuple(others))


def _dataset_statuses() -> Callable[[str], str]:
    # A status is found by reading and verifying the whole dataset, so each is asked for once.
    from aggdist.datasets import status

    return cache(status)


def _planned(
    root: Path,
    row: RunParameters,
    record: Record | None,
    problems: Mapping[str, str],
    groups: Sequence[Group],
    statuses: Callable[[str], str],
) -> Planned:
    path = root / "results" / f"{row.name}.json"
    if record is None:
        missing = f"there is no record {path}; make it with: python -m aggdist runs --only {row.name}"
        return Planned(row.name, problem=problems.get(row.name, missing))
    if statuses(row.dataset) == "no":
        fetch = f"python -m aggdist datasets fetch {row.dataset}"
        return Planned(row.name, record, f"dataset {row.dataset} is not here; get it with: {fetch}")
    return Planned(row.name, record, notes=tuple(_notes(row, record, path, groups)))


def _notes(row: RunParameters, record: Record, path: Path, groups: Sequence[Group]) -> Iterable[str]:
    table = asdict(row)
    differing = [f"{k} {v}, not {table[k]}" for k, v in record["parameters"].items() if v != table[k]]
    if differing:
        yield f"the record's parameters, which are used, are not the run table's: {', '.join(differing)}"
    if record["schema"] != SCHEMA:
        yield f"the code has changed: the record has schema {record['schema']}, today's have {SCHEMA}"
    else:
        current, reason = record_is_current(record["parameters"], path)
        if not current:
            yield f"the record is not up to date: {reason}"
    own = group_of(record, groups)
    if own and len({member["provenance"]["analysis"] for member in own.records}) > 1:
        yield f"the records of {own.title} were made by different code, so their spread is not that of seeds alone"


def read_any_record(path: Path) -> Record:
    """A record of whatever schema.

    Raises
    ------
    RecordError
        If it is damaged, or holds no parameters of a run of its name.
    """
    again = f"delete it and run: python -m aggdist runs --only {path.stem}"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        parameters = RunParameters(**record["parameters"])
        named = record["name"], record["schema"], record["provenance"]["analysis"]
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path} is damaged ({type(error).__name__}: {error}); {again}") from error
    if not path.stem == parameters.name == named[0]:
        raise RecordError(f"{path} holds the run {parameters.name}, expected {path.stem}; {again}")
    return record
