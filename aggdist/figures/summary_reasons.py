"""Where the predictions fail, and why: tables and sentences of the summary chapter, computed from records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from aggdist.figures.style import LAW_TITLES, TITLES
from aggdist.figures.summary_chapter import plain
from aggdist.figures.summary_records import (
    MOST,
    NO_RECORDS,
    Record,
    datasets,
    median_over,
    numbers,
    ordered,
    saturated_nodes,
)
from aggdist.figures.summary_results import percent, shown_error, table
from aggdist.figures.summary_statistics import (
    FEWEST,
    INDEPENDENT,
    attainable_error,
    counting_error,
    distance_excess,
    exact_law_excess,
    expected_error,
    mean_shift_error,
    model_number,
    predicted_over_observed,
    ratio,
    without_size,
)
from aggdist.figures.summary_targets import MATCHED, auc_floors
from aggdist.prediction import DEFAULT_MODEL
from aggdist.runs import DATASET_TITLES

_NO_NODES = "No run has a node that is not saturated.\n"


def attainable_table(records: Iterable[Record]) -> str:
    """By number of fitting images: the floor, what a true model would show, the rough law for it, and what is found."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    sizes = sorted({size for run in known for size in run["nodes"]["fewer"]}, key=int)
    rows = [_attainable_row(known, size) for size in [*sizes, MOST]]
    header = [
        "Fitting images of each class",
        "runs",
        "floor",
        "rough law",
        "attainable",
        "attainable in floors",
    ]
    return table([*header, "default model", "counting"], rows)


def _attainable_row(records: Sequence[Record], size: str) -> list[str]:
    def floor(run: Record) -> float | None:
        return model_number(run, DEFAULT_MODEL, "floor", size)

    own = [run for run in records if floor(run) is not None]
    return [
        "as many as there are, at most 500" if size == MOST else size,
        str(len(own)),
        percent(median_over(own, floor)),
        percent(median_over(own, lambda run: expected_error(run, size))),
        percent(median_over(own, lambda run: attainable_error(run, size))),
        plain(median_over(own, lambda run: ratio(attainable_error(run, size), floor(run)))),
        percent(median_over(own, lambda run: model_number(run, DEFAULT_MODEL, "matched_error", size))),
        percent(median_over(own, lambda run: counting_error(run, size))),
    ]


def attainable_sentence(records: Iterable[Record]) -> str:
    """Whether the figure that is asked with few images could be reached by a model that is exactly true."""
    known = ordered(records)
    floors = median_over(
        known,
        lambda run: ratio(attainable_error(run, FEWEST), model_number(run, DEFAULT_MODEL, "floor", FEWEST)),
    )
    attainable = median_over(known, lambda run: attainable_error(run, FEWEST))
    if floors is None or attainable is None:
        return f"No run says what is attainable with {FEWEST} images of each class.\n"
    asked = MATCHED[FEWEST]
    kl = float(np.median(_unsaturated(known)))
    found = median_over(known, lambda run: model_number(run, DEFAULT_MODEL, "matched_error", FEWEST))
    text = (
        f"With {FEWEST} images of each class, even the default model fitted on draws from its own laws, where it is "
        f"exactly true, shows an error of {percent(attainable)}, or {floors:.2f} floors, in the median run. Asked were "
        f"{percent(asked[1])} and {asked[0]:g} floors. "
    )
    if floors > asked[0] or attainable > asked[1]:
        text += "**A model that is true and fitted on these images would not reach that.** "
    if found is not None and found < attainable:
        text += (
            f"That {percent(found)} is found on images is no contradiction: the simulation takes laws for true that "
            "were themselves fitted on so few images, and these can be harder to fit than the images. "
        )
    return text + (
        f"The median unsaturated node has a predicted divergence of {kl:.1f} nats; there the mean of {FEWEST} images "
        f"alone brings in a relative standard error of {percent(mean_shift_error(kl, int(FEWEST)))}.\n"
    )


def _unsaturated(records: Iterable[Record], model: str = DEFAULT_MODEL) -> np.ndarray:
    return np.concatenate(
        [numbers(run["nodes"]["models"][model]["kl"])[~saturated_nodes(run)] for run in records]
    )


def exact_law_sentence(records: Iterable[Record]) -> str:
    """How far above the distance of an exactly known law the laws of pooled features are."""
    known = ordered(records)
    found = median_over(known, lambda run: distance_excess(run, DEFAULT_MODEL))
    exact = median_over(known, exact_law_excess)
    if found is None or exact is None:
        return NO_RECORDS
    return (
        f"In the median of all runs the {LAW_TITLES[DEFAULT_MODEL]} is {found:+.3f} from the two-sample floor; a law "
        f"that is known exactly would be {exact:+.3f} from it, because its side of the distance does not fluctuate.\n"
    )


def independence_sentence(records: Iterable[Record]) -> str:
    """By how much independent channels exaggerate the divergence of unsaturated nodes, and the default model."""
    known = ordered(records)
    independent = predicted_over_observed(known, INDEPENDENT)
    if not independent.size:
        return _NO_NODES
    default = predicted_over_observed(known, DEFAULT_MODEL)
    low, middle, high = np.quantile(independent, (0.25, 0.5, 0.75))
    return (
        f"For the {independent.size} unsaturated nodes, predicted over observed KL is {middle:.1f} in the median "
        f"(quartiles {low:.1f} and {high:.1f}) with {TITLES[INDEPENDENT]}, and {np.median(default):.2f} with the "
        f"default model. Independent channels predict too much for {percent(float(np.mean(independent > 1)), 0)} of "
        "them.\n"
    )


def saturation_table(records: Iterable[Record]) -> str:
    """Saturated nodes by dataset: how many, how far the estimate stays behind, and what the bounded divergence says."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    header = [
        "Dataset",
        "saturated",
        "by tails",
        "observed over predicted KL",
        "bounded KL observed",
        "its error",
    ]
    rows = [_saturation_row(name, runs) for name, runs in datasets(known).items()]
    return table([*header, "AUC error in floors"], rows)


def _saturation_row(name: str, runs: Sequence[Record]) -> list[str]:
    def gathered(*keys: str) -> np.ndarray:
        parts = []
        for run in runs:
            found = run["nodes"]
            for key in keys:
                found = found[key]
            parts.append(numbers(found)[saturated_nodes(run)])
        return np.concatenate(parts)

    predicted, raw = gathered("models", DEFAULT_MODEL, "kl"), gathered("observed", "raw")
    bounded = gathered("observed", "bounded")
    error = np.abs(gathered("models", DEFAULT_MODEL, "bounded") - bounded)
    nodes = sum(saturated_nodes(run).size for run in runs)
    some = bool(predicted.size)
    return [
        DATASET_TITLES[name],
        f"{predicted.size} of {nodes}",
        str(by_tails(runs)),
        plain(float(np.median(raw / predicted)) if some else None),
        plain(float(np.median(bounded)) if some else None, 3),
        plain(float(np.median(error)) if some else None, 4),
        plain(median_over(runs, lambda run: auc_floors(run, DEFAULT_MODEL, DEFAULT_MODEL))),
    ]


def by_tails(records: Iterable[Record]) -> int:
    """Number of nodes that are saturated by the default model's laws, but not by normals with the same variances."""
    return sum(
        int(np.sum(saturated_nodes(run) & ~np.array(run["nodes"]["models"]["normal"]["saturated"], bool)))
        for run in records
    )


def tails_sentence(records: Iterable[Record]) -> str:
    """What the third cumulant brings, by number of images, and how many nodes saturate by their tails alone."""
    known = ordered(records)

    def against(size: str) -> float | None:
        return median_over(
            known,
            lambda run: ratio(
                model_number(run, "normal", "matched_error", size),
                model_number(run, DEFAULT_MODEL, "matched_error", size),
            ),
        )

    most = against(MOST)
    if most is None:
        return _NO_NODES
    total = int(sum(saturated_nodes(run).sum() for run in known))
    return (
        f"In the median run the error of {TITLES['normal']} is {most:.2f} times that of the default model with the "
        f"most images, and {plain(against(FEWEST))} times with {FEWEST}. Of the {total} saturated nodes "
        f"{by_tails(known)} would not be saturated with normals of the same variances: there the predicted divergence "
        "lies in tails that a sample of this size does not show.\n"
    )


def counting_sentence(records: Iterable[Record]) -> str:
    """In how many runs the default model is better than counting, by number of images."""
    known = ordered(records)
    sizes = sorted({size for run in known for size in run["nodes"]["fewer"]}, key=int)
    parts = []
    for size in [*sizes, MOST]:
        quotients = [
            q
            for run in known
            if (
                q := ratio(model_number(run, DEFAULT_MODEL, "matched_error", size), counting_error(run, size))
            )
            is not None
        ]
        if quotients:
            images = "the most" if size == MOST else size
            better = int(np.sum(np.array(quotients) < 1))
            parts.append(
                f"with {images} images in {better} of {len(quotients)} runs (median quotient "
                f"{np.median(quotients):.2f})"
            )
    return f"The default model is better than counting {', '.join(parts)}.\n" if parts else _NO_NODES


def small_table(records: Iterable[Record]) -> str:
    """The runs whose classes are too small for the fewest images, with errors over all nodes."""
    runs = without_size(ordered(records), FEWEST)
    if not runs:
        return f"Every run reaches {FEWEST} fitting images of each class.\n"
    rows = [
        [
            f"{{doc}}`{run['name']} </runs/{run['name']}>`",
            f"{min(run['protocol']['fit'])} and {min(run['protocol']['judge'])}",
            f"{int((~saturated_nodes(run)).sum())} of {saturated_nodes(run).size}",
            shown_error(run, DEFAULT_MODEL),
            shown_error(run, DEFAULT_MODEL, "floor"),
            shown_error(run, "attainable"),
            shown_error(run, "counted"),
        ]
        for run in runs
    ]
    header = [
        "Run",
        "fitting and judging images",
        "unsaturated",
        "matched error",
        "its floor",
        "attainable",
        "counting",
    ]
    return table(header, rows)
