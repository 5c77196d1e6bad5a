"""Figures of one run; every `plot_x` reads nothing but the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from aggdist.figures.run_tables import Record, by_size, headline_key, numbers, percent, shown_models
from aggdist.figures.style import COLOURS, LAW_TITLES, LINES, MARKERS, MODEL_TITLES, TITLES
from aggdist.prediction import FEATURE_MODELS

_MATCHED = "median relative error of the KL, matched"
_PERCENT = ticker.FuncFormatter(lambda share, _: f"{100 * share:.3g} %")


def plot_predicted_against_observed(record: Record) -> Figure:
    """KL divergence of every output node, predicted and observed, raw and matched; independent, normals, reference."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4.9))
    outside = [_scatter(left, record, "kl", "raw"), _scatter(right, record, "matched", "matched")]
    protocol = record["protocol"]
    left.set(
        title="raw: predicted value",
        xlabel="predicted KL (in || out), nats",
        ylabel=f"observed KL, nats (k = {protocol['raw_k']})",
    )
    right.set(
        title="matched: same estimator on both sides",
        xlabel="estimate on predicted draws, nats",
        ylabel=f"estimate on images, nats (k = {protocol['matched_k']})",
    )
    names = shown_models(record)
    handles = [_mark(MARKERS[n], COLOURS[n], COLOURS[n], TITLES[n]) for n in names]
    if any(any(record["nodes"]["models"][n]["saturated"]) for n in names):
        handles.append(_mark("o", "#555555", "none", "hollow: saturated"))
    handles.append(Line2D([], [], color="black", linewidth=1, label="perfect prediction"))
    if any(outside):
        handles.append(_mark("", "none", "none", "on an edge: infinite, or not positive"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _mark(marker: str, edge: str, fill: str, label: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, color=edge, markerfacecolor=fill, label=label)


def _scatter(axes: Axes, record: Record, predicted: str, seen: str) -> bool:
    """One mark for each node and shown model on equal logarithmic axes; whether any had to be put on an edge."""
    nodes = record["nodes"]
    y, models = numbers(nodes["observed"][seen]), {n: nodes["models"][n] for n in shown_models(record)}
    low, high = (numbers(nodes["observed"][key]) if seen == "raw" else y for key in ("raw_low", "raw_high"))
    marks = np.concatenate([y, *(numbers(model[predicted]) for model in models.values())])
    every = np.concatenate([marks, low, high])
    drawable = every[np.isfinite(every) & (every > 0)]
    ends = drawable.min() / 1.2, drawable.max() * 1.2
    y, low, high = (np.clip(values, *ends) for values in (y, low, high))
    axes.plot(ends, ends, color="black", linewidth=1, zorder=0)
    axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
    for name, model in models.items():
        x, saturated = np.clip(numbers(model[predicted]), *ends), np.array(model["saturated"], bool)
        axes.vlines(x, low, high, color=COLOURS[name], linewidth=1)
        # Hollow marks say that the estimate on the model's draws has reached its ceiling.
        for mask, fill in ((~saturated, COLOURS[name]), (saturated, "white")):
            if mask.any():  # an empty line that is not clipped has no extent, and no layout
                look: Any = {"color": COLOURS[name], "markerfacecolor": fill, "clip_on": False}
                axes.plot(x[mask], y[mask], MARKERS[name], **look)
    for axis in (axes.xaxis, axes.yaxis):
        _log_ticks(axis, ticker.FormatStrFormatter("%g"))
    return not np.all(np.isfinite(marks) & (marks > 0))


def _log_ticks(axis: Axis, formatter: ticker.Formatter) -> None:
    low, high = axis.get_view_interval()
    subs = (1, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5) if high < 300 * low else (1, 3)
    axis.set_major_locator(ticker.LogLocator(subs=subs))
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(ticker.NullFormatter())


def plot_node_laws(record: Record, count: int = 6) -> Figure:
    """Densities of output nodes in class and out of class: held-out images and the predictions."""
    curves, names = record["curves"], record["class_names"]
    ranked = np.argsort(numbers(record["nodes"]["observed"]["raw"]))
    chosen = ranked[np.unique(np.round(np.linspace(0, len(ranked) - 1, min(count, len(ranked)))).astype(int))]
    figure, axes = _panels(len(chosen))
    for node, ax in zip(chosen, axes.flat, strict=False):
        edges = np.array(curves["edges"][node])
        for side, where in (("in", "in class"), ("out", "out of class")):
            ax.stairs(curves["observed"][side][node], edges, fill=True, color=COLOURS[where], alpha=0.28)
            for name, predicted in curves["predicted"].items():
                look: Any = {"linestyle": LINES[name], "color": COLOURS[where], "linewidth": 1.4}
                ax.plot(curves["grid"][node], numbers(predicted[side][node]), **look)
        top = max(max(curves["observed"]["in"][node]), max(curves["observed"]["out"][node]))
        ax.set(title=f"node “{names[node]}”", yticks=[], ylim=(0, 1.6 * top))
        ax.xaxis.set_major_locator(ticker.MaxNLocator(4))
        ax.grid(visible=False)
    handles: list[Artist] = [
        Rectangle((0, 0), 1, 1, color=COLOURS[where], alpha=0.28, label=f"observed, {where}")
        for where in ("in class", "out of class")
    ]
    handles += [
        Line2D([], [], color="#444444", linestyle=LINES[name], linewidth=1.4, label=TITLES[name])
        for name in curves["predicted"]
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    figure.supxlabel("value of the output node", fontsize=11)
    figure.supylabel("density", fontsize=11)
    return figure


def plot_pooled_examples(record: Record) -> Figure:
    """Pooled features given the label: positive values observed and the fitted laws, from the best fit to the worst."""
    examples = record["pooled"]["examples"]
    titles = _law_titles(record, examples[0]["laws"])
    figure, axes = _panels(len(examples))
    for example, ax in zip(examples, axes.flat, strict=False):
        ax.stairs(example["density"], example["edges"], fill=True, color=COLOURS["observed"], alpha=0.5)
        for name in titles:
            look: Any = {"linestyle": LINES[name], "color": COLOURS[name]}
            ax.plot(example["grid"], numbers(example["laws"][name]), **look)
        ax.set(ylim=(0, 1.5 * max(example["density"])), yticks=[])
        # The examples are sorted by the reference model, or by the last where that has no law of its own.
        distance = example["ks"].get(record["nodes"]["reference"], example["ks"][list(example["laws"])[-1]])
        ax.set_title(
            f"{record['class_names'][example['label']]}, channel {example['channel']}\n"
            f"{100 * example['zeros']:.0f} % zeros, KS {distance:.2f}",
            fontsize=9.5,
        )
        ax.grid(visible=False)
    handles: list[Artist] = [
        Rectangle((0, 0), 1, 1, color=COLOURS["observed"], alpha=0.5, label="held-out images"),
        *(Line2D([], [], color=COLOURS[n], linestyle=LINES[n], label=title) for n, title in titles.items()),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    figure.supxlabel("pooled feature", fontsize=11)
    signed = any(example["edges"][0] < 0 for example in examples)
    figure.supylabel(
        f"density of the {'values that are not 0' if signed else 'positive values'}", fontsize=11
    )
    return figure


def _law_titles(record: Record, names: Iterable[str]) -> dict[str, str]:
    """Titles of the laws of single features by model, the two-sample floor first, and each law once."""
    known, titles = set(names), dict(LAW_TITLES)
    if record.get("signed", False) and "normal" in known:
        # Where features are negative, the zero-inflated laws of the other models give way to normals too.
        titles = {"normal": titles["normal"]}
    return {n: title for n, title in ({"floor": "two-sample floor"} | titles).items() if n in known}


def plot_distances(record: Record) -> Figure:
    """Kolmogorov-Smirnov distances of the fitted laws of all pooled features, beside the two-sample floor."""
    quantiles = record["pooled"]["ks_quantiles"]
    titles = _law_titles(record, quantiles)
    figure, ax = plt.subplots(figsize=(7.2, 0.7 + 0.5 * len(titles)))
    for row, name in enumerate(titles):
        q05, q25, q50, q75, q95 = quantiles[name]
        colour = COLOURS.get(name, COLOURS["observed"])
        ax.plot([q05, q95], [row, row], color=colour, linewidth=1.2)
        ax.plot([q25, q75], [row, row], color=colour, linewidth=7, solid_capstyle="butt", alpha=0.55)
        ax.plot(q50, row, "o", color=colour)
    ax.set_yticks(range(len(titles)), list(titles.values()))
    ax.set_xlabel("Kolmogorov-Smirnov distance on held-out images")
    ax.set_xlim(left=0)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    return figure


def plot_assumptions(record: Record) -> Figure:
    """Matched error over all nodes, from models of activations up to the reference model, and the floor of each."""
    rungs = record["ladder"]["rungs"]
    figure, ax = plt.subplots(figsize=(8.2, 1.0 + 0.62 * len(rungs)))
    keys = ("all_nodes_matched_error", "all_nodes_floor")
    errors, floors = ([rung[key] for rung in rungs.values()] for key in keys)
    _error_bars(ax, np.arange(len(rungs)), list(rungs), errors, floors)
    above = [name in FEATURE_MODELS for name in rungs]
    ax.axhline(above.index(True) - 0.5, color="#999999", linewidth=0.8)
    texts = [
        f"pooled features:\n{TITLES[name]}" if pooled else TITLES[name].replace(": ", ":\n")
        for name, pooled in zip(rungs, above, strict=True)
    ]
    _finish_errors(ax, [f"{i}. {text}" for i, text in enumerate(texts, start=1)])
    return figure


def plot_ladder(record: Record) -> Figure:
    """Matched error by feature model, over all nodes and over those that are not saturated, and the floor of each."""
    nodes = record["nodes"]
    models, saturated = nodes["models"], nodes["saturated"]
    both = any(saturated) and not all(saturated)
    figure, ax = plt.subplots(figsize=(8.2, 1.2 + (0.62 if both else 0.5) * len(models)))
    rows = np.arange(len(models))
    for prefix, offset, hollow in (("all_nodes_", -0.2, False), ("", 0.2, True))[: 1 + both]:
        keys = (f"{prefix}matched_error", f"{prefix}floor")
        errors, floors = ([model[key] for model in models.values()] for key in keys)
        _error_bars(ax, rows + offset * both, list(models), errors, floors, hollow=hollow)
    if both:
        grey = "#444444"
        handles = [
            _mark("o", grey, grey, f"all {len(saturated)} nodes"),
            _mark("o", grey, "white", f"the {len(saturated) - sum(saturated)} nodes that are not saturated"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2)
    _finish_errors(ax, [TITLES[name] for name in models])
    return figure


def _error_bars(
    ax: Axes, rows: Any, names: list[str], errors: Any, floors: Any, *, hollow: bool = False
) -> None:
    """One bar a row from the floor, a black line, to the error, a mark; both are also written beside the axes."""
    error, floor = numbers(errors), numbers(floors)
    finite = error[np.isfinite(error)]
    shown = np.where(np.isfinite(error), error, 2 * finite.max(initial=floor.max()))
    for row, name, at, low, value in zip(rows, names, shown, floor, error, strict=True):
        colour = COLOURS[name]
        ax.plot([low, at], [row, row], color=colour, linewidth=6, alpha=0.4, solid_capstyle="butt")
        ax.plot([low, low], [row - 0.16, row + 0.16], color="black", linewidth=1.6)
        ax.plot(at, row, MARKERS[name], color=colour, markerfacecolor="white" if hollow else colour)
        ax.annotate(
            f"{percent(value)}, floor {percent(low)}", (1.02, row),
            xycoords=ax.get_yaxis_transform(), va="center", fontsize=9,
        )  # fmt: skip


def _finish_errors(ax: Axes, titles: list[str]) -> None:
    ax.set(xscale="log", yticks=range(len(titles)), yticklabels=titles)
    ax.set_xlabel(_MATCHED)
    _log_ticks(ax.xaxis, _PERCENT)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")


def plot_sizes(record: Record) -> Figure:
    """Matched error against the number of fitting images of each class: models, counting, attainable and floor.

    Raises
    ------
    ValueError
        For a record of a run whose classes are too small for more than one number.
    """
    parts, reference = by_size(record), record["nodes"]["reference"]
    sizes = list(parts)
    if len(sizes) < 2:
        raise ValueError(
            f"{record['name']}: got one number of fitting images of each class, expected several; its classes are too "
            "small for this figure"
        )
    error, floor = headline_key(record, "matched_error"), headline_key(record, "floor")
    figure, ax = plt.subplots(figsize=(7.2, 4.2))

    def line(label: str, values: Iterable[Any], look: str, colour: str) -> None:
        ax.plot(sizes, numbers(values), look, color=colour, label=label)

    for name in dict.fromkeys((reference, "normal")):
        values = [parts[n]["models"][name][error] for n in sizes]
        line(TITLES[name], values, f"{LINES[name]}{MARKERS[name]}", COLOURS[name])
    line("counting, without a model", [parts[n]["counted"][error] for n in sizes], "--x", "black")
    line("attainable", [parts[n]["attainable"].get(error, np.nan) for n in sizes], "--", COLOURS[reference])
    line("floor", [parts[n]["models"][reference][floor] for n in sizes], "-", COLOURS["observed"])
    ax.set(xscale="log", xlabel="fitting images of each class", ylabel=_MATCHED)
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.xaxis.set_minor_locator(ticker.NullLocator())
    ax.yaxis.set_major_formatter(_PERCENT)
    ax.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def _panels(count: int) -> tuple[Figure, Any]:
    rows = -(-count // 3)
    figure, axes = plt.subplots(rows, min(3, count), figsize=(8.6, 1.4 + 1.9 * rows), squeeze=False)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, axes


__all__ = [
    "MODEL_TITLES",
    "plot_assumptions",
    "plot_distances",
    "plot_ladder",
    "plot_node_laws",
    "plot_pooled_examples",
    "plot_predicted_against_observed",
    "plot_sizes",
]
