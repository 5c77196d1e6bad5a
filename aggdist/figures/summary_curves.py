"""Figures of the summary: error against number of images, and laws of pooled features, over all runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter

from aggdist.aggregation import AGGREGATIONS, aggregation
from aggdist.figures.style import COLOURS, LAW_TITLES, MARKERS, TITLES
from aggdist.figures.summary_plots import no_figure
from aggdist.figures.summary_records import MOST, Record, fitted_on, median_over, ordered, saturated_nodes
from aggdist.figures.summary_statistics import (
    attainable_error,
    counting_error,
    distance_excess,
    model_number,
)
from aggdist.figures.summary_targets import DISTANCE_EXCESS
from aggdist.prediction import DEFAULT_MODEL

_GREY, _FLOOR = "#555555", "#000000"
_SMALL: dict[str, Any] = {"markersize": 3.5, "alpha": 0.7}

SIZE_SERIES = {
    "counting in the same images": ("#D55E00", "^"),
    TITLES["normal"]: (COLOURS["normal"], MARKERS["normal"]),
    TITLES[DEFAULT_MODEL]: (COLOURS[DEFAULT_MODEL], MARKERS[DEFAULT_MODEL]),
    "attainable: the default model, were it true": ("#009E73", "s"),
    "floor": (_FLOOR, ""),
}
"""Colour and mark of each line of `plot_sizes`."""


def size_medians(records: Iterable[Record]) -> tuple[list[str], list[Record], dict[str, list[float | None]]]:
    """Medians over runs by number of fitting images, over those runs only that have every size and unsaturated nodes.

    Returns
    -------
    sizes : list of str
    runs : list of records
    medians : dict of lists
        By the names of `SIZE_SERIES`.
    """
    known = ordered(records)
    sizes = [*sorted({size for r in known for size in r["nodes"]["fewer"]}, key=int), MOST]
    runs = [
        r
        for r in known
        if not saturated_nodes(r).all() and all(fitted_on(r, size) is not None for size in sizes)
    ]
    numbers_of = (
        counting_error,
        lambda run, size: model_number(run, "normal", "matched_error", size),
        lambda run, size: model_number(run, DEFAULT_MODEL, "matched_error", size),
        attainable_error,
        lambda run, size: model_number(run, DEFAULT_MODEL, "floor", size),
    )
    medians = {
        name: [median_over(runs, lambda run, s=size, f=number: f(run, s)) for size in sizes]  # type: ignore[misc]
        for name, number in zip(SIZE_SERIES, numbers_of, strict=True)
    }
    return sizes, runs, medians


def plot_sizes(records: Iterable[Record]) -> Figure:
    """Matched error against the number of fitting images: models, counting, what is attainable, and the floor."""
    known = ordered(records)
    if not known:
        return no_figure()
    sizes, runs, medians = size_medians(known)
    if not runs or sizes == [MOST]:
        return no_figure("No run has unsaturated nodes and several numbers of fitting images.")
    most = float(np.median([min(r["protocol"]["fit"]) for r in runs]))
    x = [most if size == MOST else float(size) for size in sizes]
    figure, ax = plt.subplots(figsize=(7.2, 4.2))
    for name, (colour, marker) in SIZE_SERIES.items():
        values = [np.nan if v is None else v for v in medians[name]]
        dashed = "--" if name == "floor" else "-"
        ax.plot(x, values, dashed, marker=marker, color=colour, label=name)
    ax.set(xscale="log", yscale="log", xlabel="fitting images of each class")
    ax.set_ylabel("matched error, median over runs")
    ax.xaxis.set_major_locator(FixedLocator(x))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{value:.0f}" for value in x]))
    ax.xaxis.set_minor_locator(FixedLocator([]))
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper center", ncols=2)
    return figure


POOLED_LAWS = ("gamma", "zero_inflated_gamma", "normal", DEFAULT_MODEL)
"""Models whose laws of single features records judge; several models share a law."""


def plot_pooled_laws(records: Iterable[Record]) -> Figure:
    """Distance of the laws of pooled features above the two-sample floor, by aggregation; bars are medians."""
    known = ordered(records)
    if not known:
        return no_figure()
    names = [name for name in AGGREGATIONS if any(r["aggregation"] == name for r in known)]
    figure, ax = plt.subplots(figsize=(7.2, 4.2))
    rng = np.random.default_rng(0)  # marks beside one another
    for place, model in enumerate(POOLED_LAWS):
        for row, name in enumerate(names):
            found = [distance_excess(r, model) for r in known if r["aggregation"] == name]
            x, colour = row + 0.2 * (place - 1.5), COLOURS[model]
            ax.plot(
                x + rng.uniform(-0.05, 0.05, len(found)), found, MARKERS[model],
                color=colour, label=LAW_TITLES[model] if row == 0 else None, **_SMALL,
            )  # fmt: skip
            ax.plot([x - 0.08, x + 0.08], [np.median(found)] * 2, color=colour, linewidth=2.6)
    ax.axhline(0, color=_FLOOR, linestyle="--", linewidth=1.2, label="two-sample floor")
    ax.axhline(DISTANCE_EXCESS, color=_GREY, linestyle=":", linewidth=1.2, label="asked")
    ax.set(xticks=range(len(names)), ylabel="KS distance above the floor")
    ax.set_xticklabels([f"{aggregation(name).title} pooling" for name in names])
    ax.set_yscale("symlog", linthresh=0.05)
    ax.yaxis.set_major_locator(FixedLocator([-0.04, -0.02, 0, 0.02, 0.04, 0.1, 0.2, 0.5]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.grid(visible=False, axis="x")
    figure.legend(loc="outside upper center", ncols=3)
    return figure
