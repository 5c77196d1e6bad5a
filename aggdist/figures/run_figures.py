"""Figures of one run; every `plot_x` reads nothing but the record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from aggdist.figures.style import COLOURS, LINES, MARKERS

Record = Mapping[str, Any]
TITLES = {
    "gamma": "independent gammas",
    "zero_inflated_gamma": "independent zero-inflated gammas",
    "normal": "normals, exact variance",
}


def plot_predicted_against_observed(record: Record) -> Figure:
    """KL divergence of every output node, predicted by each feature model and observed: raw and matched."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 4.6))
    _scatter_raw(left, record)
    _scatter_matched(right, record)
    for axes, letter in ((left, "raw: predicted value"), (right, "matched: same estimator on both sides")):
        axes.set_title(letter)
        _log_axes(axes)
    handles = [_mark(MARKERS[n], COLOURS[n], COLOURS[n], TITLES[n]) for n in record["nodes"]["models"]]
    handles.append(_mark("o", "#555555", "none", "hollow: saturated"))
    handles.append(Line2D([], [], color="black", linewidth=1, label="perfect prediction"))
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return figure


def _mark(marker: str, edge: str, fill: str, label: str) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, color=edge, markerfacecolor=fill, label=label)


def _scatter_raw(axes: Axes, record: Record) -> None:
    observed = record["nodes"]["observed"]
    raw, low, high = (_numbers(observed[key]) for key in ("raw", "raw_low", "raw_high"))
    for name, model in record["nodes"]["models"].items():
        predicted, saturated = _numbers(model["kl"]), np.array(model["saturated"])
        # Hollow marks say that the estimate has reached its ceiling.
        for mask, fill in ((~saturated, COLOURS[name]), (saturated, "none")):
            axes.errorbar(
                predicted[mask], raw[mask], yerr=[raw[mask] - low[mask], high[mask] - raw[mask]],
                fmt=MARKERS[name], color=COLOURS[name], markerfacecolor=fill, elinewidth=1, capsize=0,
            )  # fmt: skip
    axes.set(xlabel="predicted KL (in || out), nats", ylabel="observed KL, nats (k = 1)")


def _scatter_matched(axes: Axes, record: Record) -> None:
    observed = _numbers(record["nodes"]["observed"]["matched"])
    for name, model in record["nodes"]["models"].items():
        axes.plot(_numbers(model["matched"]), observed, MARKERS[name], color=COLOURS[name])
    axes.set(xlabel="estimate on predicted draws, nats", ylabel="estimate on images, nats (k = 5)")


def _log_axes(axes: Axes) -> None:
    """Equal logarithmic axes with the diagonal and ticks at 1, 2, 5."""
    axes.set(xscale="log", yscale="log")
    ends = (min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1]))
    axes.plot(ends, ends, color="black", linewidth=1, zorder=0)
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        axis.set_minor_formatter(ticker.NullFormatter())


def plot_node_laws(record: Record, count: int = 6) -> Figure:
    """Densities of output nodes in class and out of class: held-out images and the predictions."""
    curves, names = record["curves"], record["class_names"]
    ranked = np.argsort(_numbers(record["nodes"]["observed"]["raw"]))
    chosen = ranked[np.unique(np.round(np.linspace(0, len(ranked) - 1, min(count, len(ranked)))).astype(int))]
    figure, axes = plt.subplots(*_rows_and_columns(len(chosen)), figsize=(8.6, 5.2), squeeze=False)
    for node, ax in zip(chosen, axes.flat, strict=False):
        edges = np.array(curves["edges"][node])
        for side, where in (("in", "in class"), ("out", "out of class")):
            ax.stairs(curves["observed"][side][node], edges, fill=True, color=COLOURS[where], alpha=0.28)
            for name, predicted in curves["predicted"].items():
                ax.plot(
                    curves["grid"][node],
                    predicted[side][node],
                    LINES[name],
                    color=COLOURS[where],
                    linewidth=1.4,
                )
        top = max(max(curves["observed"]["in"][node]), max(curves["observed"]["out"][node]))
        ax.set(title=f"node “{names[node]}”", yticks=[], ylim=(0, 1.6 * top))
        ax.grid(visible=False)
    for ax in axes.flat[len(chosen) :]:
        ax.set_visible(False)
    _node_legend(figure, curves["predicted"])
    figure.supxlabel("value of the output node", fontsize=11)
    figure.supylabel("density", fontsize=11)
    return figure


def _node_legend(figure: Figure, models: Mapping[str, Any]) -> None:
    patches = [
        Rectangle((0, 0), 1, 1, color=COLOURS[where], alpha=0.28, label=f"observed, {where}")
        for where in ("in class", "out of class")
    ]
    lines = [
        Line2D([], [], color="#444444", linestyle=LINES[name], linewidth=1.4, label=TITLES[name])
        for name in models
    ]
    figure.legend(handles=[*patches, *lines], loc="outside upper center", ncols=3)


def plot_pooled_examples(record: Record) -> Figure:
    """Pooled features given the label: positive values observed and the fitted laws, from the best fit to the worst."""
    examples = record["pooled"]["examples"]
    figure, axes = plt.subplots(*_rows_and_columns(len(examples)), figsize=(8.6, 5.2), squeeze=False)
    for example, ax in zip(examples, axes.flat, strict=False):
        ax.stairs(example["density"], example["edges"], fill=True, color=COLOURS["observed"], alpha=0.5)
        top = max(example["density"])
        for name, values in example["laws"].items():
            ax.plot(example["grid"], values, LINES[name], color=COLOURS[name])
        ax.set(ylim=(0, 1.5 * top), yticks=[])
        ax.set_title(
            f"{record['class_names'][example['label']]}, channel {example['channel']}\n"
            f"{100 * example['zeros']:.0f} % zeros, KS {example['ks'][_ranking(example)]:.2f}",
            fontsize=9.5,
        )
        ax.grid(visible=False)
    handles: list[Artist] = [
        Rectangle((0, 0), 1, 1, color=COLOURS["observed"], alpha=0.5, label="held-out images")
    ]
    handles += [
        Line2D([], [], color=COLOURS[n], linestyle=LINES[n], label=TITLES[n]) for n in examples[0]["laws"]
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    figure.supxlabel("pooled feature", fontsize=11)
    figure.supylabel("density of the values that are not 0" if _signed(examples) else _POSITIVE, fontsize=11)
    return figure


_POSITIVE = "density of the positive values"


def _ranking(example: Mapping[str, Any]) -> str:
    """The model whose distances the examples are sorted by."""
    laws = list(example["laws"])
    return "zero_inflated_gamma" if "zero_inflated_gamma" in laws else laws[-1]


def _signed(examples: list[Mapping[str, Any]]) -> bool:
    return any(example["edges"][0] < 0 for example in examples)


def plot_distances(record: Record) -> Figure:
    """Kolmogorov-Smirnov distances of the fitted laws of all pooled features, beside the two-sample floor."""
    pooled = record["pooled"]
    titles = {
        "floor": "two-sample floor",
        "zero_inflated_gamma": "zero-inflated gamma",
        "gamma": "gamma",
        "normal": "normal",
    }
    names = [name for name in titles if name in pooled["ks_quantiles"]]
    figure, ax = plt.subplots(figsize=(7.2, 2.7))
    for row, name in enumerate(names):
        q05, q25, q50, q75, q95 = pooled["ks_quantiles"][name]
        colour = COLOURS.get(name, COLOURS["observed"])
        ax.plot([q05, q95], [row, row], color=colour, linewidth=1.2)
        ax.plot([q25, q75], [row, row], color=colour, linewidth=7, solid_capstyle="butt", alpha=0.55)
        ax.plot(q50, row, "o", color=colour)
    ax.set(
        yticks=range(len(names)),
        yticklabels=[titles[n] for n in names],
        xlabel="Kolmogorov-Smirnov distance on held-out images",
    )
    ax.set_xlim(left=0)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    return figure


def plot_ladder(record: Record) -> Figure:
    """Matched error of the predicted divergence by feature model; a black line is the floor of a perfect one."""
    models = record["nodes"]["models"]
    figure, ax = plt.subplots(figsize=(7.2, 2.4))
    for row, (name, model) in enumerate(models.items()):
        ax.barh(row, model["all_nodes_matched_error"], color=COLOURS[name], height=0.6)
        floor = model["all_nodes_floor"]
        ax.plot([floor, floor], [row - 0.38, row + 0.38], color="black", linewidth=1.6)
        ax.annotate(
            f"{100 * model['all_nodes_matched_error']:.0f} %", (model["all_nodes_matched_error"], row),
            xytext=(5, 0), textcoords="offset points", va="center",
        )  # fmt: skip
    ax.set(
        yticks=range(len(models)),
        yticklabels=[TITLES[n] for n in models],
        xlabel="median relative error of the KL",
    )
    ax.margins(x=0.12)
    ax.xaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    return figure


def _rows_and_columns(panels: int) -> tuple[int, int]:
    columns = min(3, panels)
    return -(-panels // columns), columns


def _numbers(values: Any) -> np.ndarray:
    """Numbers of a record, where an infinite one is stored as the word."""
    return np.array([float(v) for v in values])


__all__ = [
    "TITLES",
    "plot_distances",
    "plot_ladder",
    "plot_node_laws",
    "plot_pooled_examples",
    "plot_predicted_against_observed",
]
