"""What the study of shifted inputs says of claim C3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aggdist.figures.findings import Finding, seed_interval
from aggdist.figures.heads import AGGREGATING, Record, head_title, with_seeds

JUDGED_SHIFT: Mapping[str, int] = {"digits": 2, "fsdd": 8, "mr": 8, "fashionmnist": 4}
"""The shift at which heads are compared: a quarter of a small image, a seventh of a larger one."""
UNITS: Mapping[str, str] = {"digits": "pixels", "fsdd": "frames", "mr": "words", "fashionmnist": "pixels"}


def at_shift(record: Record, head: str, key: str, shift: int) -> float:
    """One number of a head at one shift."""
    return float(record["heads"][head][key][list(record["shifts"]).index(shift)])


def findings(records: Iterable[Record]) -> list[Finding]:
    """Predictions that a shift changes: those of the flattening head less those of each aggregation."""
    return [
        _finding(name, group, head) for name, group in with_seeds(records).items() for head in AGGREGATING
    ]


def _finding(dataset: str, group: Sequence[Record], head: str) -> Finding:
    shift = JUDGED_SHIFT[dataset]
    effect = seed_interval(
        [at_shift(r, "flatten", "changed", shift) - at_shift(r, head, "changed", shift) for r in group]
    )
    return Finding(
        claim="C3",
        dataset=dataset,
        what=f"predictions changed by a shift of {shift} {UNITS[dataset]}, flattening less {head_title(head)}",
        effect=effect,
        unit="percentage points",
        factor=100.0,
        digits=1,
        supports=effect.low > 0.0,
        figure="fig-t12-shifted",
        chapter="theory/12_spatial_invariance",
        records=tuple(record["name"] for record in group),
    )
