"""Which feature model is the default: chosen on all datasets but one, judged on the one left out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aggdist.figures.summary_records import MOST, Record, datasets, median_over, ordered
from aggdist.figures.summary_statistics import FEWEST, model_number
from aggdist.prediction import DEFAULT_MODEL, FEATURE_MODELS

CRITERION_SIZES = (FEWEST, MOST)
CRITERION_ERRORS = ("matched_error", "raw_error")
"""Numbers of fitting images, and errors, over which the criterion averages."""


@dataclass(frozen=True)
class Choice:
    """The rule with one dataset left out.

    Attributes
    ----------
    left_out : str
        Name of the dataset.
    scores : dict
        The criterion by model on all other datasets, or None where no run says it.
    model : str or None
        The candidate with the smallest criterion; None where no other dataset says anything.
    errors : dict
        The chosen model's matched error on the dataset left out, by size: the median over its runs, or None.
    floors : dict
        Its floor there.
    """

    left_out: str
    scores: dict[str, float | None]
    model: str | None
    errors: dict[str, float | None]
    floors: dict[str, float | None]


def candidates(records: Iterable[Record]) -> list[str]:
    """Models that every run judged in all its splits.

    The costly ones are judged in a few splits only. They are shown, but a median that rests on fewer splits is not
    compared with one that rests on all.
    """
    known = list(records)
    return [name for name in FEATURE_MODELS if known and all(_fully_judged(record, name) for record in known)]


def _fully_judged(record: Record, name: str) -> bool:
    return model_number(record, name, "splits") == record["protocol"]["splits"]


def score(records: Sequence[Record], model: str) -> float | None:
    """The criterion: geometric mean over runs, `CRITERION_SIZES` and `CRITERION_ERRORS` of a run's error.

    Geometric, because errors of runs differ by factors: a model that halves a small error gains as much as one that
    halves a large one. None where no run says an error, or one says 0 or infinity.
    """
    errors = [
        value
        for run in records
        for size in CRITERION_SIZES
        for key in CRITERION_ERRORS
        if (value := model_number(run, model, key, size)) is not None
    ]
    usable = errors and all(0 < value < math.inf for value in errors)
    return float(np.exp(np.mean(np.log(errors)))) if usable else None


def choices(records: Iterable[Record]) -> list[Choice]:
    """The rule with each dataset left out in turn."""
    known = ordered(records)
    allowed = candidates(known)
    return [_choice(name, own, known, allowed) for name, own in datasets(known).items()]


def _choice(left_out: str, own: list[Record], records: list[Record], allowed: list[str]) -> Choice:
    others = [record for record in records if record["dataset"] != left_out]
    scores = {name: score(others, name) for name in FEATURE_MODELS}
    model = _best(scores, allowed)

    def medians(key: str) -> dict[str, float | None]:
        if model is None:
            return dict.fromkeys(CRITERION_SIZES)
        return {
            size: median_over(own, lambda run, size=size: model_number(run, model, key, size))  # type: ignore[misc]
            for size in CRITERION_SIZES
        }

    return Choice(left_out, scores, model, medians("matched_error"), medians("floor"))


def _best(scores: dict[str, float | None], allowed: Sequence[str]) -> str | None:
    known = {name: value for name in allowed if (value := scores[name]) is not None}
    return min(known, key=known.__getitem__) if known else None


def chosen_model(records: Iterable[Record]) -> str | None:
    """The model that the rule chooses for the most datasets; None if it chooses for none.

    Of several chosen equally often, the one with the smaller criterion over all runs.
    """
    known = ordered(records)
    counts = Counter(choice.model for choice in choices(known) if choice.model is not None)
    if not counts:
        return None
    often = [name for name, count in counts.items() if count == max(counts.values())]
    scores = {name: score(known, name) for name in often}
    return _best(scores, often) or often[0]


def model_for(records: Iterable[Record]) -> Callable[[Record], str]:
    """A function that gives the model of a run: the one chosen without its dataset.

    Where the rule chooses none, because no other dataset says anything, it is the default model.
    """
    chosen = {choice.left_out: choice.model for choice in choices(records)}
    return lambda record: chosen.get(record["dataset"]) or DEFAULT_MODEL
