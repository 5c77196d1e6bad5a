"""The committed records, read and put in order, for figures and tables that compare runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aggdist.aggregation import AGGREGATIONS, aggregation
from aggdist.experiment import read_record

Record = Mapping[str, Any]

MAIN_DATASET = "fashionmnist"
"""The dataset of the main result."""


def load_records(folder: Path) -> list[Record]:
    """All records of a folder, in the order of `ordered`.

    Raises
    ------
    RecordError
        If one of them is damaged, or of another schema.
    """
    return ordered(read_record(path) for path in sorted(folder.glob("*.json")))


def ordered(records: Iterable[Record]) -> list[Record]:
    """Records by dataset, network, aggregation (average first) and seed."""
    rank = {name: place for place, name in enumerate(AGGREGATIONS)}
    return sorted(
        records,
        key=lambda r: (r["dataset"], r["network"], rank[r["aggregation"]], r["seed"]),
    )


def main_runs(records: Iterable[Record]) -> list[Record]:
    """The runs of the main result: on Fashion-MNIST, the first of each aggregation (network, then seed)."""
    first: dict[str, Record] = {}
    for record in ordered(records):
        if record["dataset"] == MAIN_DATASET:
            first.setdefault(record["aggregation"], record)
    return list(first.values())


def pooling_title(record: Record) -> str:
    """The aggregation as figures and tables call it."""
    return aggregation(record["aggregation"]).title


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"
