"""The committed records, read and put in order, for figures and tables that compare runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.aggregation import AGGREGATIONS, aggregation
from aggdist.experiment import read_record
from aggdist.runs import DATASET_TITLES

Record = Mapping[str, Any]
Array = NDArray[np.float64]

MAIN_DATASET = "fashionmnist"
"""The dataset of the main result."""

MOST = "most"
"""The size that stands for as many fitting images as a run has; other sizes are their number as a text, "50"."""

NO_RECORDS = "No record is committed yet; `python -m aggdist runs` makes them.\n"
"""What stands in the place of tables and sentences until there is a record."""


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


def dataset_title(record: Record) -> str:
    """The dataset as figures and tables call it."""
    return DATASET_TITLES[record["dataset"]]


def datasets(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by the name of their dataset, in the order of `ordered`."""
    found: dict[str, list[Record]] = {}
    for record in ordered(records):
        found.setdefault(record["dataset"], []).append(record)
    return found


def fitted_on(record: Record, size: str) -> Mapping[str, Any] | None:
    """What a record says of models fitted on so many images of each class; None where its classes have no more.

    Parameters
    ----------
    record
    size : str
        `MOST`, or a number of images as a text.

    Returns
    -------
    mapping with `models`, `counted` and `attainable`, or None.
    """
    nodes: Mapping[str, Any] = record["nodes"]
    return nodes if size == MOST else nodes["fewer"].get(size)


def saturated_nodes(record: Record) -> NDArray[np.bool_]:
    """Which nodes the default model's laws say an estimate cannot reach, shape (K,)."""
    return np.array(record["nodes"]["saturated"], bool)


def numbers(values: Iterable[Any]) -> Array:
    """Numbers of a record, where an infinite one is stored as the word."""
    return np.array([float(v) for v in values])


def median_over(records: Iterable[Record], number: Callable[[Record], float | None]) -> float | None:
    """Median over runs of a number that not every run has; None if none has it."""
    found = [value for record in records if (value := number(record)) is not None]
    return float(np.median(found)) if found else None


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"
