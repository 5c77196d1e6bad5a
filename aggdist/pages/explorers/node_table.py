"""Numbers of the node explorer: what the committed records hold of each output node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aggdist.figures.run_tables import Record, numbers
from aggdist.figures.style import TITLES
from aggdist.pages.explorers.pooling_table import TOP, rounded
from aggdist.runs import DATASET_TITLES

_POOLINGS = {"avg": "average", "max": "maximum", "gem": "GeM"}


def node_table(records: Sequence[Record]) -> dict[str, Any]:
    """All that the explorer shows, run by run.

    Raises
    ------
    ValueError
        Without a record, or where one of its numbers is not a number.
    """
    if not records:
        raise ValueError(
            "got no record of a run, expected at least one in results/; make one with aggdist runs"
        )
    models = dict.fromkeys(name for record in records for name in record["curves"]["predicted"])
    return {
        "top": TOP,
        "models": {name: TITLES[name] for name in models},
        "runs": [_run(record) for record in records],
    }


def _run(record: Record) -> dict[str, Any]:
    title = (
        f"{DATASET_TITLES[record['dataset']]}, {record['network']}, "
        f"{_POOLINGS[record['aggregation']]} pooling, seed {record['seed']}"
    )
    nodes = [_node(record, node) for node in range(len(record["class_names"]))]
    return {"name": record["name"], "title": title, "nodes": nodes}


def _node(record: Record, node: int) -> dict[str, Any]:
    curves, observed = record["curves"], record["nodes"]["observed"]
    seen = {side: numbers(curves["observed"][side][node]) for side in ("in", "out")}
    predicted = {
        name: {side: numbers(sides[side][node]) for side in ("in", "out")}
        for name, sides in curves["predicted"].items()
    }
    peak = max(float(v.max()) for sides in (seen, *predicted.values()) for v in sides.values())
    edges, grid = curves["edges"][node], curves["grid"][node]
    kept = ("raw", "raw_low", "raw_high", "matched", "auc")
    found = {key: _number(observed[key][node], f"{record['name']}, {key}") for key in kept}
    return {
        "name": str(record["class_names"][node]),
        "span": [edges[0], edges[-1]],
        "grid": [grid[0], grid[-1]],
        "peak": float(f"{peak:.4g}"),
        "observed": found | {side: _whole(seen[side], peak) for side in seen},
        "saturated": bool(record["nodes"]["saturated"][node]),
        "models": {
            name: _model(record, name, node) | {side: _whole(sides[side], peak) for side in sides}
            for name, sides in predicted.items()
        },
    }


def _model(record: Record, name: str, node: int) -> dict[str, Any]:
    model = record["nodes"]["models"][name]
    return {
        key: _number(model[key][node], f"{record['name']}, {name}, {key}") for key in ("kl", "matched", "auc")
    }


def _number(value: Any, what: str) -> float | str:
    """A number for the page; a law whose support ends before the other's has an infinite divergence, as a word."""
    found = float(numbers([value])[0])
    if np.isnan(found):
        raise ValueError(f"{what}: got {value!r}, expected a number; make the record again")
    return float(rounded(np.array([found]))[0]) if np.isfinite(found) else "infinite"


def _whole(values: Any, peak: float) -> list[int]:
    if not np.all(np.isfinite(values)):
        raise ValueError("got a density that is not finite, expected numbers only; make the record again")
    return [int(v) for v in np.rint(TOP * values / peak)]
