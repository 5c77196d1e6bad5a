"""What the study of few training examples says of claim C2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from aggdist.figures.findings import Finding, seed_interval
from aggdist.figures.heads import Record, head_title, names, with_seeds

AGGREGATING = ("avg", "max")


def gap(record: Record, head: str, place: int, key: str = "accuracy") -> float:
    """Training less test of one number of a head, at one size."""
    found = record["trained"][head]
    return float(found[f"train_{key}"][place] - found[f"test_{key}"][place])


def findings(records: Iterable[Record]) -> list[Finding]:
    """Flattening against aggregation: gap in accuracy of whole networks, over all sizes, and in KL of heads alone."""
    groups = with_seeds(records)
    return [*trained_findings(records), *(_frozen_finding(name, group) for name, group in groups.items())]


def trained_findings(records: Iterable[Record], size: int | None = None) -> list[Finding]:
    """Gap between training and test accuracy, flattening less each aggregation: at one size, or their mean over all."""
    return [
        _trained_finding(name, group, head, size)
        for name, group in with_seeds(records).items()
        for head in AGGREGATING
    ]


def _trained_finding(dataset: str, group: Sequence[Record], head: str, size: int | None) -> Finding:
    sizes = list(group[0]["sizes"])
    places = range(len(sizes)) if size is None else [sizes.index(size)]
    which = f"{sizes[0]:,} to {sizes[-1]:,}" if size is None else f"{size:,}"
    effect = seed_interval(
        [float(np.mean([gap(r, "flatten", i) - gap(r, head, i) for i in places])) for r in group]
    )
    return Finding(
        claim="C2",
        dataset=dataset,
        what=f"gap of training and test accuracy, {which} training examples, flattening less {head_title(head)}",
        effect=effect,
        unit="percentage points",
        factor=100.0,
        digits=1,
        supports=effect.low > 0.0,
        figure="fig-t13-accuracy",
        chapter="theory/13_overfitting",
        records=names(group),
    )


def _frozen_finding(dataset: str, group: Sequence[Record]) -> Finding:
    effect = seed_interval([_frozen_excess(record) for record in group])
    return Finding(
        claim="C2",
        dataset=dataset,
        what="training over test divergence of a head alone, on flattened against pooled features of one trunk",
        effect=effect,
        unit="%",
        factor=100.0,
        digits=0,
        supports=effect.low > 0.0,
        figure="fig-t13-frozen",
        chapter="theory/13_overfitting",
        records=names(group),
    )


def _frozen_excess(record: Record) -> float:
    """By how much training over test KL is larger flattened: geometric mean over pairs and sizes, less 1."""
    pooled, flat = (frozen_arrays(record, kind) for kind in ("pooled", "flattened"))
    logs = np.log(flat["train"] / flat["test"]) - np.log(pooled["train"] / pooled["test"])
    return float(np.expm1(logs.mean()))


def frozen_arrays(record: Record, kind: str) -> dict[str, np.ndarray]:
    """The frozen experiment's numbers for "pooled" or "flattened" features as arrays (P, M)."""
    return {key: np.array(values, float) for key, values in record["frozen"][kind].items()}


def frozen_errors(records: Iterable[Record], part: str) -> np.ndarray:
    """Relative errors of predicted divergences, "train" or "test", of all pairs, sizes and kinds of features."""
    found = []
    for record in records:
        for kind in ("pooled", "flattened"):
            numbers = frozen_arrays(record, kind)
            found.append((numbers[f"predicted_{part}"] / numbers[part] - 1).ravel())
    return np.concatenate(found)


def dimension_ratios(group: Sequence[Record]) -> tuple[float, float]:
    """Flattened over pooled: number of features, and effective dimension (mean over pairs and seeds)."""
    found = []
    for record in group:
        pooled, flat = (frozen_arrays(record, kind) for kind in ("pooled", "flattened"))
        found.append([flat[key].mean() / pooled[key].mean() for key in ("dimension", "effective_dimension")])
    number, effective = np.mean(found, axis=0)
    return float(number), float(effective)
