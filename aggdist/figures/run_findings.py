"""What the run table says of claims C5 and C6, with intervals over its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aggdist.figures.findings import LEAST_SEEDS, Finding, seed_interval
from aggdist.figures.summary_records import Record
from aggdist.figures.summary_statistics import distance_excess, model_number, seed_groups
from aggdist.prediction import DEFAULT_MODEL

MOST_EXCESS = 0.015
"""A fitted law of a pooled feature may be so much farther from held-out images than other images are."""
MOST_FLOORS = 2.0
"""A predicted divergence may err so many times as much as a perfect prediction would."""


def findings(records: Iterable[Record]) -> list[Finding]:
    """One finding of each claim for every network of the run table that was trained with at least three seeds."""
    groups = [group for group in seed_groups(records) if len(group) >= LEAST_SEEDS]
    return [_laws(group) for group in groups] + [_divergences(group) for group in groups]


def _laws(group: Sequence[Record]) -> Finding:
    effect = seed_interval([distance_excess(record, DEFAULT_MODEL) for record in group])
    return Finding(
        claim="C5",
        dataset=group[0]["dataset"],
        what="distance of fitted laws of pooled features to held-out images, beyond that of other images",
        effect=effect,
        unit="",
        factor=1.0,
        digits=3,
        supports=effect.high <= MOST_EXCESS,
        figure="fig-summary-pooled",
        chapter="experiments/summary",
        records=tuple(record["name"] for record in group),
    )


def _divergences(group: Sequence[Record]) -> Finding:
    effect = seed_interval([in_floors(record) for record in group])
    return Finding(
        claim="C6",
        dataset=group[0]["dataset"],
        what="matched error of predicted divergences, in floors (all nodes)",
        effect=effect,
        unit="floors",
        factor=1.0,
        digits=2,
        supports=effect.high <= MOST_FLOORS,
        figure="fig-summary-nodes",
        chapter="experiments/summary",
        records=tuple(record["name"] for record in group),
    )


def in_floors(record: Record) -> float:
    """Matched error of the default model over its floor; over all nodes, because with few images many are saturated."""
    error, floor = (
        model_number(record, DEFAULT_MODEL, f"all_nodes_{key}") for key in ("matched_error", "floor")
    )
    assert error is not None
    assert floor is not None  # every record has both, with the most images
    return error / floor
