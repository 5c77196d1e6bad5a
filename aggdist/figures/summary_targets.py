"""The figures that were asked for before the runs were made, beside those that the records show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aggdist.aggregation import AGGREGATIONS, aggregation
from aggdist.figures.summary_choice import model_for
from aggdist.figures.summary_records import MOST, Record, median_over, ordered
from aggdist.figures.summary_statistics import (
    FEWEST,
    INDEPENDENT,
    attainable_error,
    counting_error,
    distance_excess,
    model_number,
    rank_correlations,
    ratio,
)
from aggdist.prediction import DEFAULT_MODEL

Number = Callable[[Record], float | None]
Models = Callable[[Record], str]


@dataclass(frozen=True)
class Target:
    """One figure: what was asked, what is reached, and what could be.

    Attributes
    ----------
    figure : str
    unit : str
        "x" for a ratio, "%" for a share, "" for a plain number.
    asked : float
    at_least : bool
        Whether `asked` is the least value that is good enough, or the largest.
    reached : float or None
        None where no run says it.
    attainable : float or None
        The same for a model that is exactly true, fitted on as few images; None where that is not known.
    independent : float or None
        The same for independent channels; None where it has no meaning.
    """

    figure: str
    unit: str
    asked: float
    at_least: bool
    reached: float | None
    attainable: float | None = None
    independent: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the figure is reached; None where no run says it."""
        if self.reached is None:
            return None
        return self.reached >= self.asked if self.at_least else self.reached <= self.asked


MATCHED = {MOST: (1.3, 0.045), FEWEST: (2.0, 0.07)}
"""By number of fitting images of each class: the largest matched error in floors, and in numbers."""
RAW = {MOST: 0.10, FEWEST: 0.13}
COUNTING_SHARE = 0.5
AUC_FLOORS = 1.5
RANK = 0.97
DISTANCE_EXCESS = 0.015
ACCURACIES = {
    ("mnist", "greycnn"): 0.99,
    ("fashionmnist", "greycnn"): 0.91,
    ("cifar10", "colourcnn"): 0.76,
    ("fsdd", "melcnn"): 0.92,
    ("mr", "textcnn"): 0.73,
    ("cifar10", "efficientnetlite0"): 0.80,
}
"""By dataset and (larger) network: the least accuracy of the best aggregation."""

_IMAGES = {MOST: "500 fitting images of each class, or half of the class", FEWEST: f"{FEWEST} of each class"}


def error_targets(records: Iterable[Record]) -> list[Target]:
    """Errors of the divergence, of the area under the curve, and rank correlations."""
    known = ordered(records)
    model = model_for(known)
    targets = [
        target
        for size in (MOST, FEWEST)
        for target in (_in_floors(known, model, size), _in_numbers(known, model, size))
    ]
    targets += [_raw(known, model, size) for size in (MOST, FEWEST)]
    return [*targets, _against_counting(known, model), _auc(known, model), _ranks(known, model)]


def _independent(record: Record) -> str:
    return INDEPENDENT


def _in_floors(records: Sequence[Record], model: Models, size: str) -> Target:
    def floor(run: Record) -> float | None:
        return model_number(run, model(run), "floor", size)

    def of(chosen: Models) -> float | None:
        return median_over(
            records, lambda run: ratio(model_number(run, chosen(run), "matched_error", size), floor(run))
        )

    attainable = median_over(records, lambda run: ratio(attainable_error(run, size), floor(run)))
    figure = f"Matched error in floors, {_IMAGES[size]}"
    return Target(figure, "x", MATCHED[size][0], False, of(model), attainable, of(_independent))


def _in_numbers(records: Sequence[Record], model: Models, size: str) -> Target:
    def of(chosen: Models) -> float | None:
        return median_over(records, lambda run: model_number(run, chosen(run), "matched_error", size))

    attainable = median_over(records, lambda run: attainable_error(run, size))
    figure = f"Matched error, {_IMAGES[size]}"
    return Target(figure, "%", MATCHED[size][1], False, of(model), attainable, of(_independent))


def _raw(records: Sequence[Record], model: Models, size: str) -> Target:
    def of(chosen: Models) -> float | None:
        return median_over(records, lambda run: model_number(run, chosen(run), "raw_error", size))

    figure = f"Raw error, {_IMAGES[size]}"
    return Target(figure, "%", RAW[size], False, of(model), None, of(_independent))


def _against_counting(records: Sequence[Record], model: Models) -> Target:
    def against(error: Number) -> float | None:
        return median_over(records, lambda run: ratio(error(run), counting_error(run, FEWEST)))

    return Target(
        f"Matched error over that of counting in the same {FEWEST} images of each class",
        "x",
        COUNTING_SHARE,
        False,
        against(lambda run: model_number(run, model(run), "matched_error", FEWEST)),
        against(lambda run: attainable_error(run, FEWEST)),
        against(lambda run: model_number(run, INDEPENDENT, "matched_error", FEWEST)),
    )


def auc_floors(record: Record, model: str, floor: str) -> float | None:
    """Mean absolute error of the area under the curve by one model, in sampling floors of another."""
    return ratio(model_number(record, model, "auc_error"), model_number(record, floor, "auc_floor"))


def _auc(records: Sequence[Record], model: Models) -> Target:
    def of(chosen: Models) -> float | None:
        return median_over(records, lambda run: auc_floors(run, chosen(run), model(run)))

    figure = "Error of the area under the ROC curve in sampling floors (all nodes)"
    return Target(figure, "x", AUC_FLOORS, False, of(model), None, of(_independent))


def _ranks(records: Sequence[Record], model: Models) -> Target:
    def smallest(chosen: Models) -> float | None:
        found = [c.unsaturated for c in rank_correlations(records, chosen).values()]
        known = [value for value in found if value is not None]
        return float(np.min(known)) if known else None

    figure = "Rank correlation of predicted and observed KL, the smallest of all datasets"
    return Target(figure, "", RANK, True, smallest(model), None, smallest(_independent))


def distance_targets(records: Iterable[Record]) -> list[Target]:
    """Distance of the laws of pooled features above the two-sample floor in the median run, by aggregation."""
    known = ordered(records)
    return [
        Target(
            f"Kolmogorov-Smirnov distance above the floor, {aggregation(name).title} pooling",
            "",
            DISTANCE_EXCESS,
            False,
            median_over(own, lambda run: distance_excess(run, DEFAULT_MODEL)),
        )
        for name in AGGREGATIONS
        if (own := [run for run in known if run["aggregation"] == name])
    ]


def accuracy_targets(records: Iterable[Record]) -> list[Target]:
    """Test accuracy of the best aggregation, for the larger networks."""
    from aggdist.runs import DATASET_TITLES

    known = list(records)
    targets = []
    for (dataset, network), asked in ACCURACIES.items():
        found = [
            float(run["test_accuracy"])
            for run in known
            if (run["dataset"], run["network"]) == (dataset, network)
        ]
        figure = f"Accuracy, {DATASET_TITLES[dataset]}, `{network}`, best aggregation"
        targets.append(Target(figure, "%", asked, True, max(found) if found else None))
    return targets
