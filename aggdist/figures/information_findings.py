"""What the study of class information says: agreement of prediction and measurement, and effects for claim C4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from aggdist.figures.findings import Finding, seed_interval
from aggdist.figures.heads import AGGREGATING, Record, by_dataset, head_title, names, with_seeds

PAIRS = tuple(combinations(AGGREGATING, 2))
ASSUMPTIONS = ("independent", "effective", "dependent")


def lead(found: dict[str, float], pair: tuple[str, str]) -> float:
    """By how much the first pooling of a pair keeps more than the second, relative to their mean."""
    first, second = (float(found[name]) for name in pair)
    return 2 * (first - second) / (first + second)


def mean_lead(group: Sequence[Record], part: str, pair: tuple[str, str], assumption: str = "") -> float:
    """The same, mean over seeds and over the trunks of all aggregations; part "measured" or "predicted"."""
    trunks = [trunk for record in group for trunk in record["trunks"].values()]
    return float(np.mean([lead(t[part][assumption] if assumption else t[part], pair) for t in trunks]))


def accuracy_lead(group: Sequence[Record], pair: tuple[str, str]) -> float:
    """By how much the network trained with the first pooling is more accurate, mean over seeds."""
    return float(np.mean([r["accuracy"][pair[0]] - r["accuracy"][pair[1]] for r in group]))


def agreement(records: Iterable[Record], assumption: str) -> tuple[int, int]:
    """In how many cases (dataset, pair of poolings) the predicted order is the measured one, and of how many."""
    cases = [(group, pair) for group in by_dataset(records).values() for pair in PAIRS]
    same = [
        np.sign(mean_lead(g, "measured", pair)) == np.sign(mean_lead(g, "predicted", pair, assumption))
        for g, pair in cases
    ]
    return int(np.sum(same)), len(cases)


def accuracy_agreement(records: Iterable[Record], assumption: str) -> tuple[int, int, int]:
    """The same of test accuracies: agreeing, and all, of those pairs that differ by more than the seeds' spread."""
    agreeing = clear = total = 0
    for group in by_dataset(records).values():
        for pair in PAIRS:
            total += 1
            differences = seed_interval([r["accuracy"][pair[0]] - r["accuracy"][pair[1]] for r in group])
            if differences.low * differences.high <= 0:
                continue
            clear += 1
            agreeing += np.sign(mean_lead(group, "predicted", pair, assumption)) == np.sign(differences.mean)
    return int(agreeing), clear, total


def findings(records: Iterable[Record]) -> list[Finding]:
    """Information that other poolings of the same maps keep, relative to the average (trunks trained with it)."""
    return [
        _finding(name, group, head) for name, group in with_seeds(records).items() for head in ("max", "gem")
    ]


def _finding(dataset: str, group: Sequence[Record], head: str) -> Finding:
    measured = [record["trunks"]["avg"]["measured"] for record in group]
    effect = seed_interval([found[head] / found["avg"] - 1 for found in measured])
    return Finding(
        claim="C4",
        dataset=dataset,
        what=f"class information of a channel, {head_title(head)} against average pooling of the same maps",
        effect=effect,
        unit="%",
        factor=100.0,
        digits=1,
        # The choice of pooling matters, in whichever direction.
        supports=effect.low > 0.0 or effect.high < 0.0,
        figure="fig-t11-measured",
        chapter="theory/11_information_efficiency",
        records=names(group),
    )
