"""Heads as figures and tables show them, and records of studies over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from aggdist.aggregation import aggregation
from aggdist.figures.findings import LEAST_SEEDS

Record = Mapping[str, Any]
AGGREGATING = ("avg", "max", "gem")
HEADS = (*AGGREGATING, "flatten")
_STYLES: Mapping[str, tuple[str, str, str]] = {
    "avg": ("#0072B2", "-", "o"),
    "max": ("#D55E00", "--", "s"),
    "gem": ("#009E73", "-.", "D"),
    "flatten": ("#767676", ":", "^"),
}


def head_title(head: str) -> str:
    """A head as figures and tables call it."""
    return "flattening" if head == "flatten" else aggregation(head).title


def head_style(head: str) -> dict[str, Any]:
    """Colour, line and mark of a head, for curves with bars."""
    colour, line, marker = _STYLES[head]
    return {"color": colour, "linestyle": line, "marker": marker, "markersize": 4, "capsize": 2}


def size_axis(ax: Axes, sizes: Sequence[int]) -> None:
    """A logarithmic axis with ticks at the sizes that were measured, and nowhere else."""
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=9)
    ax.minorticks_off()


def by_dataset(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records that differ in the seed, by dataset."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["dataset"], []).append(record)
    return groups


def with_seeds(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The same, of those networks that have seeds enough for an interval."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record["dataset"], record["network"]), []).append(record)
    return {dataset: group for (dataset, _), group in groups.items() if len(group) >= LEAST_SEEDS}


def over_seeds(values: Sequence[ArrayLike]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and half the range of arrays of one shape, one for each seed."""
    found = np.array(values, float)
    return found.mean(axis=0), np.ptp(found, axis=0) / 2


def names(group: Iterable[Record]) -> tuple[str, ...]:
    """Names of records."""
    return tuple(str(record["name"]) for record in group)
