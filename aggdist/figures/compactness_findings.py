"""What the study of compact features says of claim C1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aggdist.figures.findings import Finding, seed_interval
from aggdist.figures.heads import Record, head_title, names, with_seeds

TRUNKS = ("avg", "max", "flatten")
MOST_LOST = 0.1
"""Claim C1 is supported where C numbers keep all but so much of the information that N C numbers hold."""


def kept(record: Record, trunk: str, key: str) -> float:
    """A number of the most compact features over that of the flattened ones: "bounded", "kl" or "accuracy"."""
    values = record["trunks"][trunk][key]
    return float(values[0]) / float(values[-1])


def findings(records: Iterable[Record]) -> list[Finding]:
    """Bounded divergence that pooled features keep of flattened ones, by what the trunk was trained with."""
    return [
        _finding(name, group, trunk)
        for name, group in with_seeds(records).items()
        for trunk in ("avg", "flatten")
    ]


def _finding(dataset: str, group: Sequence[Record], trunk: str) -> Finding:
    effect = seed_interval([kept(record, trunk, "bounded") for record in group])
    positions = group[0]["positions"]
    return Finding(
        claim="C1",
        dataset=dataset,
        what=f"information kept by 1/{positions} of the numbers, trunk trained with {head_title(trunk)}",
        effect=effect,
        unit="%",
        factor=100.0,
        digits=1,
        supports=effect.low > 1.0 - MOST_LOST,
        figure="fig-compactness-information",
        chapter="experiments/compactness",
        records=names(group),
    )
