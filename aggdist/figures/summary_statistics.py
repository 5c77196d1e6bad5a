"""Numbers of one run, and of all runs of a dataset, that the summary is made of; from records alone.

A number is None where a run does not have it: its classes are too small for so many fitting images, or all its nodes
are saturated, so that there is no median over the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from aggdist.figures.summary_records import (
    MOST,
    Record,
    datasets,
    fitted_on,
    numbers,
    saturated_nodes,
)

INDEPENDENT = "zero_inflated_gamma"
"""The model with independent channels that stands beside the default one for contrast."""

FEWEST = "50"
"""The smallest number of fitting images of each class, as records call it."""

LEAST_NODES = 3
"""A rank correlation of fewer nodes says nothing."""


def model_number(record: Record, model: str, key: str, size: str = MOST) -> float | None:
    """A number that a record holds of one feature model, fitted on so many images of each class.

    Raises
    ------
    ValueError
        If the run did not judge that model.
    """
    part = fitted_on(record, size)
    if part is None:
        return None
    if model not in part["models"]:
        raise ValueError(
            f"{record['name']}: got a record without the feature model {model}, expected all of them; make it again "
            f"with: python -m aggdist runs --only {record['name']} --force"
        )
    return _number(part["models"][model][key])


def counting_error(record: Record, size: str = MOST) -> float | None:
    """Matched error of the empirical estimate from the fitting images themselves."""
    part = fitted_on(record, size)
    return None if part is None else _number(part["counted"]["matched_error"])


def attainable_error(record: Record, size: str = MOST) -> float | None:
    """Matched error of the default model where it is exactly true, but fitted on so few images."""
    part = fitted_on(record, size)
    # Only models of one kind can be simulated in this way; for others the record holds nothing.
    return None if part is None else _number(part["attainable"].get("matched_error"))


def ratio(above: float | None, below: float | None) -> float | None:
    """The quotient of two numbers that a run may not have."""
    return None if above is None or below is None else above / below


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def distance_excess(record: Record, model: str) -> float:
    """Mean Kolmogorov-Smirnov distance of the fitted laws of pooled features, less the two-sample floor."""
    distance = record["pooled"]["mean_ks"]
    return float(distance[model]) - float(distance["floor"])


def exact_law_excess(record: Record) -> float:
    """What `distance_excess` would be on average for a law that is known exactly: below 0.

    The distance of two samples of n and m values from one continuous law goes as sqrt(1/n + 1/m), that of one sample
    to the law itself as sqrt(1/m) (Smirnov 1948). Sizes are those of the median class.
    """
    n, m = (float(np.median(record["protocol"][key])) for key in ("fit", "judge"))
    return float(record["pooled"]["mean_ks"]["floor"]) * float(np.sqrt(n / (n + m)) - 1)


def node_errors(record: Record, model: str) -> np.ndarray:
    """Relative error of every node's mean estimate on draws from the predicted laws, shape (K,).

    Of means over splits, and so a little smaller than the medians of a record, which are taken within each split.
    """
    nodes = record["nodes"]
    observed = numbers(nodes["observed"]["matched"])
    return np.abs(numbers(nodes["models"][model]["matched"]) - observed) / np.abs(observed)


def rung_error(record: Record, rung: str) -> float | None:
    """Median matched error on a rung of the ladder over nodes that are not saturated; None if all are."""
    ladder, kept = record["ladder"], ~saturated_nodes(record)
    observed, predicted = numbers(ladder["observed"]), numbers(ladder["rungs"][rung]["matched"])
    errors = np.abs(predicted - observed) / np.abs(observed)
    return float(np.median(errors[kept])) if kept.any() else None


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation of predicted and observed divergences, nodes of all runs of a dataset pooled.

    Attributes
    ----------
    all_nodes, unsaturated : float or None
        Over all nodes, and over those that are not saturated; None for fewer than `LEAST_NODES`.
    count, count_unsaturated : int
        Numbers of nodes.
    """

    all_nodes: float | None
    unsaturated: float | None
    count: int
    count_unsaturated: int


def rank_correlations(
    records: Iterable[Record], model: Callable[[Record], str]
) -> dict[str, RankCorrelation]:
    """Rank correlation of the predicted KL and the raw estimate, by dataset.

    Parameters
    ----------
    records
    model : function
        The feature model of a run.
    """
    return {name: _rank_correlation(runs, model) for name, runs in datasets(records).items()}


def _rank_correlation(runs: Sequence[Record], model: Callable[[Record], str]) -> RankCorrelation:
    predicted = np.concatenate([numbers(r["nodes"]["models"][model(r)]["kl"]) for r in runs])
    observed = np.concatenate([numbers(r["nodes"]["observed"]["raw"]) for r in runs])
    kept = ~np.concatenate([saturated_nodes(r) for r in runs])
    return RankCorrelation(
        _spearman(predicted, observed),
        _spearman(predicted[kept], observed[kept]),
        kept.size,
        int(kept.sum()),
    )


def _spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    return float(spearmanr(x, y).statistic) if x.size >= LEAST_NODES else None


def all_saturated(records: Iterable[Record]) -> list[Record]:
    """The runs that have no node which is not saturated, and so no median over these."""
    return [record for record in records if saturated_nodes(record).all()]


def without_size(records: Iterable[Record], size: str) -> list[Record]:
    """The runs whose classes are too small for so many fitting images."""
    return [record for record in records if fitted_on(record, size) is None]


def mean_shift_error(kl: float, n: int) -> float:
    """Standard error that the mean of n images alone brings into a divergence, relative to it.

    Two normal laws of one width, apart by d of it, have KL = d^2/2. A mean of n images has the standard error
    1/sqrt(n) in the same unit, so KL has d/sqrt(n), which is 2/(d sqrt(n)) of it.
    """
    return 2 / float(np.sqrt(2 * kl * n))


NORMAL_MEDIAN = 0.6744897501960817
"""Median of the absolute value of a standard normal variable."""


def expected_error(record: Record, size: str = MOST) -> float | None:
    """A rough law of the attainable error: the floor and the scatter of the in-class mean, as independent normals.

    For the median unsaturated node, with the smallest class's number of images. None if the run has not so many
    images or no such node.
    """
    reference = record["nodes"]["reference"]
    floor = model_number(record, reference, "floor", size)
    if floor is None:
        return None
    images = min(record["protocol"]["fit"]) if size == MOST else int(size)
    predicted = numbers(record["nodes"]["models"][reference]["kl"])[~saturated_nodes(record)]
    shift = mean_shift_error(float(np.median(predicted)), images)
    return float(np.hypot(floor, NORMAL_MEDIAN * shift))


def seed_groups(records: Iterable[Record]) -> list[list[Record]]:
    """Runs that differ in nothing but the seed, where there are several."""
    groups: dict[tuple[str, str, str], list[Record]] = {}
    for run in records:
        groups.setdefault((run["dataset"], run["network"], run["aggregation"]), []).append(run)
    return [group for group in groups.values() if len(group) > 1]


def predicted_over_observed(records: Iterable[Record], model: Mapping[str, str] | str) -> np.ndarray:
    """Predicted KL over the raw estimate for the unsaturated nodes of all runs, one after the other."""
    parts = []
    for record in records:
        name = model if isinstance(model, str) else model[record["dataset"]]
        kept = ~saturated_nodes(record)
        parts.append(
            numbers(record["nodes"]["models"][name]["kl"])[kept]
            / numbers(record["nodes"]["observed"]["raw"])[kept]
        )
    return np.concatenate(parts) if parts else np.array([])
