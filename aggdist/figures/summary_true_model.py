"""A world in which a feature model is exactly true: what the protocol says of it shows what can be asked of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggdist.analysis import Analysis, analyse_features
from aggdist.figures.summary_results import percent

Array = NDArray[np.float64]

CLASSES, IMAGES, FITTING = 10, 1000, 500
TRUE = "normal"


def normal_world(seed: int = 0) -> tuple[Array, NDArray[np.intp]]:
    """Features (n, K) that are the nodes themselves, exactly normal given the label, and labels (n,).

    Variances are 1; a node's mean is 2.6 deviations above the average in class, and scattered by half a deviation out
    of class, which gives divergences of about 3 nats, as in the runs with unsaturated nodes.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), IMAGES)
    means = rng.normal(0, 0.5, (CLASSES, CLASSES))
    np.fill_diagonal(means, 2.6)
    far = 50.0  # features are non-negative: the bias of the head takes this away again
    return far + means[:, labels].T + rng.normal(size=(len(labels), CLASSES)), labels


def judge_true_model(splits: int, draws: int = 10, seed: int = 0) -> Analysis:
    """The protocol of every run, applied to the true model of `normal_world`."""
    features, labels = normal_world(seed)
    return analyse_features(
        features,
        labels,
        np.eye(CLASSES),
        np.full(CLASSES, -50.0),
        fit_per_class=FITTING,
        splits=splits,
        draws=draws,
        seed=seed,
        models=(TRUE,),
        progress=False,
    )


def true_model_table(analysis: Analysis) -> str:
    """Errors of the true model and of counting by number of fitting images, in Markdown."""
    parts: dict[str, dict[str, Any]] = {**analysis.nodes["fewer"], str(FITTING): analysis.nodes}
    header = "| Fitting images a class | matched error | floor | in floors | raw error | counting | over counting |"
    rows = []
    for size, part in parts.items():
        model = part["models"][TRUE]
        matched, floor = model["all_nodes_matched_error"], model["all_nodes_floor"]
        counted = part["counted"]["all_nodes_matched_error"]
        raw = model["all_nodes_raw_error"]
        cells = [size, percent(matched), percent(floor), f"{matched / floor:.2f}", percent(raw)]
        rows.append("| " + " | ".join([*cells, percent(counted), f"{matched / counted:.2f}"]) + " |")
    return "\n".join([header, "| ---: |" + " ---: |" * 6, *rows]) + "\n"
