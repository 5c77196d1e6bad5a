"""Whether a committed record still comes out: its run made anew, and its main quantities compared with it.

A quantity may differ by three times its standard deviation over seeds. That spread is measured: from the committed
records that differ from the record in nothing but the seed, at least three of them. A record that has no such company
takes the largest relative spread of all groups that there are.

`python -m aggdist.verify PARAMETERS TARGET` makes one run, of which the house task `verify` says where its caches are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aggdist.experiment import RunParameters, run, write_record

Record = Mapping[str, Any]

DEVIATIONS = 3.0
"""How many standard deviations over seeds a quantity may differ by."""
SEEDS = 3
"""The fewest records that a spread is measured from."""
LEAST = 1e-9
"""Allowed relative difference where all seeds have the same value."""
_REFERENCE = "@reference"


@dataclass(frozen=True)
class Quantity:
    """A number of a record: its title, and the keys that lead to it; of a list of numbers the median."""

    title: str
    keys: tuple[str, ...]


def _of_model(title: str, key: str, model: str = _REFERENCE) -> Quantity:
    return Quantity(title, ("nodes", "models", model, key))


QUANTITIES = (
    Quantity("test accuracy", ("test_accuracy",)),
    Quantity("mean KS distance, floor", ("pooled", "mean_ks", "floor")),
    Quantity("mean KS distance, reference model", ("pooled", "mean_ks", _REFERENCE)),
    Quantity("median empirical KL, raw", ("nodes", "observed", "raw")),
    _of_model("median predicted KL", "kl"),
    _of_model("matched KL error, all nodes", "all_nodes_matched_error"),
    _of_model("raw KL error, all nodes", "all_nodes_raw_error"),
    _of_model("AUC error", "auc_error"),
    _of_model("matched KL error of normals", "all_nodes_matched_error", "normal"),
)
"""What is compared; where no other model is named, it is the record's reference model."""


@dataclass(frozen=True)
class Compared:
    """One quantity in the committed record and in the fresh one.

    Attributes
    ----------
    committed, now : float or None
        None where the record does not hold it.
    allowed : float or None
        The largest difference that is allowed; None if no spread is known.
    spread_of : str
        The group of records that the spread was measured on, and how; empty if none.
    """

    title: str
    committed: float | None
    now: float | None
    allowed: float | None
    spread_of: str

    @property
    def verdict(self) -> str:
        """Ok, OUT, or why nothing can be said."""
        if self.committed is None:
            return "not in the record"
        if self.now is None:
            return "not computed now"
        if self.committed == self.now:  # infinite values too
            return "ok"
        if self.allowed is None:
            return "no spread known"
        return "ok" if abs(self.now - self.committed) <= self.allowed else "OUT"

    @property
    def good(self) -> bool:
        """Whether the committed value is confirmed."""
        return self.verdict == "ok"


@dataclass(frozen=True)
class Group:
    """Committed records that differ in seed alone, at least `SEEDS` of them."""

    records: tuple[Record, ...]

    @property
    def title(self) -> str:
        """Its runs' common name, and the seeds."""
        seeds = ", ".join(str(record["parameters"]["seed"]) for record in self.records)
        return f"{self.records[0]['name'].rsplit('-s', 1)[0]} (seeds {seeds})"

    def deviation(self, quantity: Quantity, reference: str) -> tuple[float, float] | None:
        """Standard deviation over seeds and mean; None unless all records hold a finite value."""
        values = [value_of(record, quantity, reference) for record in self.records]
        known = [value for value in values if value is not None and np.isfinite(value)]
        return (float(np.std(known, ddof=1)), float(np.mean(known))) if len(known) == len(values) else None


def value_of(record: Record, quantity: Quantity, reference: str) -> float | None:
    """A quantity of a record, or None if it is not there or null."""
    found: Any = record
    for key in quantity.keys:
        key = reference if key == _REFERENCE else key
        if not isinstance(found, Mapping) or found.get(key) is None:
            return None
        found = found[key]
    return float(np.median(np.array(found, dtype=float)))


def groups_of(records: Iterable[Record]) -> list[Group]:
    """The groups of records with the same schema and the same parameters but for the seed."""
    found: dict[str, dict[int, Record]] = {}
    for record in records:
        found.setdefault(_key(record), {})[record["parameters"]["seed"]] = record
    return [
        Group(tuple(seeds[seed] for seed in sorted(seeds))) for seeds in found.values() if len(seeds) >= SEEDS
    ]


def group_of(record: Record, groups: Iterable[Group]) -> Group | None:
    """The group that a record belongs to, if there is one."""
    return next((group for group in groups if _key(group.records[0]) == _key(record)), None)


def _key(record: Record) -> str:
    values = [record.get("schema"), {**record["parameters"], "seed": None}]
    return json.dumps(values, sort_keys=True)


def compare_records(committed: Record, now: Record, groups: Sequence[Group]) -> list[Compared]:
    """Every quantity of `QUANTITIES` in both records, by the reference model of the committed one."""
    reference = str(committed.get("nodes", {}).get("reference"))
    compared = []
    for quantity in QUANTITIES:
        before, after = (value_of(record, quantity, reference) for record in (committed, now))
        allowed, spread_of = _allowed(committed, before, quantity, reference, groups)
        compared.append(Compared(quantity.title, before, after, allowed, spread_of))
    return compared


def _allowed(
    record: Record, value: float | None, quantity: Quantity, reference: str, groups: Sequence[Group]
) -> tuple[float | None, str]:
    """The largest allowed difference from `value`, and where it comes from."""
    if value is None or not np.isfinite(value):
        return None, ""
    least = LEAST * abs(value)
    own = group_of(record, groups)
    if own and (spread := own.deviation(quantity, reference)):
        return max(DEVIATIONS * spread[0], least), f"of {own.title}"
    known = [
        (spread[0] / abs(spread[1]) if spread[0] else 0.0, group.title)
        for group in groups
        if (spread := group.deviation(quantity, reference))
    ]
    if not known:
        return None, ""
    relative, title = max(known)
    return max(DEVIATIONS * relative * abs(value), least), f"relative to the mean, of {title}"


def make(parameters: str, target: str) -> None:
    """Make a run from its parameters in JSON, and write its record."""
    write_record(run(RunParameters(**json.loads(parameters)), progress=False), Path(target))


if __name__ == "__main__":
    make(*sys.argv[1:])
