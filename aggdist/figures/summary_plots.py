"""Figures of the summary: predictions, models and numbers of images over all runs; they read nothing but records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from aggdist.figures.style import COLOURS, TITLES
from aggdist.figures.summary_records import (
    NO_RECORDS,
    Record,
    dataset_title,
    datasets,
    median_over,
    numbers,
    ordered,
    saturated_nodes,
)
from aggdist.figures.summary_statistics import (
    INDEPENDENT,
    model_number,
    rung_error,
)
from aggdist.prediction import DEFAULT_MODEL, FEATURE_MODELS
from aggdist.runs import DATASET_TITLES

# Okabe and Ito's colours and a mark each, so that colour is not needed to tell datasets apart.
DATASET_STYLES = dict(
    zip(
        DATASET_TITLES,
        cycle(
            zip(
                ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
                ("o", "s", "^", "D", "v", "P", "X"),
                strict=True,
            )
        ),
        strict=False,
    )
)
"""Colour and mark of each dataset."""

_GREY = "#555555"
_FLOOR = "#000000"
_SMALL: dict[str, Any] = {"markersize": 3.5, "alpha": 0.7}


def plot_all_nodes(records: Iterable[Record], models: Sequence[str] = (INDEPENDENT, DEFAULT_MODEL)) -> Figure:
    """Predicted against observed KL of every node of every run, one panel for each model; saturated nodes hollow."""
    known = ordered(records)
    if not known:
        return no_figure()
    figure, axes = plt.subplots(1, len(models), figsize=(4.4 * len(models), 5.4), sharex=True, sharey=True)
    ends = _ends(known, models)
    for model, ax in zip(models, np.atleast_1d(axes), strict=True):
        ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, title=TITLES[model])
        ax.plot(ends, ends, color="black", linewidth=1, zorder=0)
        for name, runs in datasets(known).items():
            predicted = np.concatenate([numbers(r["nodes"]["models"][model]["kl"]) for r in runs])
            observed = np.concatenate([numbers(r["nodes"]["observed"]["raw"]) for r in runs])
            scatter(ax, np.clip(predicted, *ends), np.clip(observed, *ends), _saturated(runs), name)
        nats(ax)
        ax.set_aspect("equal")
        ax.set_xlabel("predicted KL (in || out), nats")
    np.atleast_1d(axes)[0].set_ylabel("observed KL, nats (k = 1)")
    line = Line2D([], [], color="black", linewidth=1, label="perfect prediction")
    figure.legend(handles=[*dataset_handles(known), line], loc="outside upper center", ncols=4)
    return figure


def no_figure(reason: str = NO_RECORDS) -> Figure:
    """What is shown as long as there is nothing to draw."""
    figure, ax = plt.subplots(figsize=(7.2, 1.2))
    ax.set_axis_off()
    ax.text(0.5, 0.5, reason.replace("`", "").strip(), ha="center", va="center")
    return figure


def _ends(records: Sequence[Record], models: Sequence[str]) -> tuple[float, float]:
    """Ends of both axes: all that is finite and positive; the rest is drawn on the edge."""
    parts = [numbers(r["nodes"]["observed"]["raw"]) for r in records]
    parts += [numbers(r["nodes"]["models"][m]["kl"]) for r in records for m in models]
    every = np.concatenate(parts)
    every = every[np.isfinite(every) & (every > 0)]
    return float(every.min() / 1.25), float(every.max() * 1.25)


def _saturated(runs: Sequence[Record]) -> np.ndarray:
    return np.concatenate([saturated_nodes(r) for r in runs])


def scatter(ax: Axes, x: np.ndarray, y: np.ndarray, hollow: np.ndarray, dataset: str) -> None:
    """Marks of one dataset, those of saturated nodes hollow."""
    colour, marker = DATASET_STYLES[dataset]
    for mask, fill in ((~hollow, colour), (hollow, "none")):
        if mask.any():
            ax.plot(
                x[mask], y[mask], marker, color=colour, markerfacecolor=fill, markersize=4, markeredgewidth=0.8
            )  # fmt: skip


def dataset_handles(records: Iterable[Record]) -> list[Line2D]:
    """Entries of a legend: one for each dataset, and what a hollow mark means."""
    handles = []
    for name, runs in datasets(records).items():
        colour, marker = DATASET_STYLES[name]
        handles.append(
            Line2D([], [], linestyle="", marker=marker, color=colour, label=dataset_title(runs[0]))
        )
    hollow = {"marker": "o", "markerfacecolor": "none", "color": _GREY, "label": "hollow: saturated"}
    return [*handles, Line2D([], [], linestyle="", **hollow)]  # type: ignore[arg-type]


def nats(ax: Axes) -> None:
    """Plain numbers on both logarithmic axes."""
    for axis, ends in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        wide = ends[1] / ends[0] > 200
        axis.set_major_locator(LogLocator(subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


@dataclass(frozen=True)
class Rung:
    """One row of the ladder: errors of the runs that have unsaturated nodes, and of all nodes of the others."""

    title: str
    errors: tuple[float, ...]
    saturated: tuple[float, ...]

    @property
    def median(self) -> float | None:
        """Over the runs that have unsaturated nodes."""
        return float(np.median(self.errors)) if self.errors else None


def ladder(records: Iterable[Record]) -> dict[str, Rung]:
    """Matched errors by model, from activations upward; those of models of pooled features are over all splits."""
    known = ordered(records)
    upstream = dict.fromkeys(
        name for r in known for name in r["ladder"]["rungs"] if name not in FEATURE_MODELS
    )
    rungs = {
        name: _rung(
            TITLES[name],
            [(rung_error(r, name), r["ladder"]["rungs"][name]["all_nodes_matched_error"]) for r in known],
        )
        for name in upstream
    }
    for name in FEATURE_MODELS:
        pairs = [
            (model_number(r, name, "matched_error"), model_number(r, name, "all_nodes_matched_error"))
            for r in known
        ]
        rungs[name] = _rung(TITLES[name], pairs)
    return rungs


def _rung(title: str, pairs: Sequence[tuple[float | None, Any]]) -> Rung:
    return Rung(
        title,
        tuple(error for error, _ in pairs if error is not None),
        tuple(float(every) for error, every in pairs if error is None),
    )


def plot_ladder(records: Iterable[Record]) -> Figure:
    """Matched error by model: a dot for each run, a bar for the median, the floor as a line."""
    known = ordered(records)
    if not known:
        return no_figure()
    rungs = ladder(known)
    figure, ax = plt.subplots(figsize=(8.6, 0.9 + 0.42 * len(rungs)))
    rng = np.random.default_rng(0)  # dots beside one another
    for row, (name, rung) in enumerate(rungs.items()):
        colour = COLOURS[name] if name == DEFAULT_MODEL else _GREY
        for values, fill in ((rung.errors, colour), (rung.saturated, "none")):
            place = row + rng.uniform(-0.2, 0.2, len(values))
            ax.plot(values, place, "o", color=colour, markerfacecolor=fill, **_SMALL)
        if rung.median is not None:
            ax.plot([rung.median] * 2, [row - 0.36, row + 0.36], color=colour, linewidth=2.6)
    handles = _ladder_handles(rungs.values())
    floor = median_over(known, lambda run: model_number(run, DEFAULT_MODEL, "floor"))
    if floor is not None:
        handles.append(ax.axvline(floor, color=_FLOOR, linestyle="--", linewidth=1.2, label="floor (median)"))
    ax.set(xscale="log", xlabel="median relative error of the KL, matched", yticks=range(len(rungs)))
    ax.set_yticklabels([rung.title for rung in rungs.values()])
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _ladder_handles(rungs: Iterable[Rung]) -> list[Line2D]:
    style: dict[str, Any] = {"linestyle": "", "marker": "o", "color": _GREY, **_SMALL}
    handles = [Line2D([], [], label="one run", **style)]
    if any(rung.saturated for rung in rungs):
        label = "hollow: all nodes saturated"
        handles.append(Line2D([], [], markerfacecolor="none", label=label, **style))
    return [*handles, Line2D([], [], color=_GREY, linewidth=2.6, label="median of the filled ones")]
