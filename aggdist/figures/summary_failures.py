"""Figures of where the predictions fail, over all runs; they read nothing but records."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from aggdist.figures.summary_plots import dataset_handles, nats, no_figure, scatter
from aggdist.figures.summary_records import Record, datasets, numbers, ordered, saturated_nodes
from aggdist.figures.summary_statistics import node_errors
from aggdist.prediction import DEFAULT_MODEL


def plot_error_against_divergence(records: Iterable[Record], model: str = DEFAULT_MODEL) -> Figure:
    """For every node the observed KL over the predicted one, raw (left), and the matched error (right)."""
    known = ordered(records)
    if not known:
        return no_figure()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.4), sharex=True)
    for name, runs in datasets(known).items():
        hollow = np.concatenate([saturated_nodes(r) for r in runs])
        predicted = np.concatenate([numbers(r["nodes"]["models"][model]["kl"]) for r in runs])
        observed = np.concatenate([numbers(r["nodes"]["observed"]["raw"]) for r in runs])
        errors = np.concatenate([node_errors(r, model) for r in runs])
        scatter(left, predicted, observed / predicted, hollow, name)
        scatter(right, predicted, errors, hollow, name)
    left.axhline(1, color="black", linewidth=1, zorder=0)
    left.set(xscale="log", ylabel="observed over predicted KL (raw)", ylim=(0, None))
    right.set(xscale="log", yscale="log", ylabel="matched error of the node")
    for ax in (left, right):
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlabel("predicted KL (in || out), nats")
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    figure.legend(handles=dataset_handles(known), loc="outside upper center", ncols=4)
    return figure


def plot_bounded_and_auc(records: Iterable[Record], model: str = DEFAULT_MODEL) -> Figure:
    """For every node, saturated or not: bounded divergence (left) and 1 - AUC (right), predicted and observed."""
    known = ordered(records)
    if not known:
        return no_figure()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.8, 4.9))
    for name, runs in datasets(known).items():
        hollow = np.concatenate([saturated_nodes(r) for r in runs])
        for ax, key, turn in ((left, "bounded", False), (right, "auc", True)):
            predicted = np.concatenate([numbers(r["nodes"]["models"][model][key]) for r in runs])
            observed = np.concatenate([numbers(r["nodes"]["observed"][key]) for r in runs])
            if turn:
                predicted, observed = (np.maximum(1 - v, LEAST_AREA) for v in (predicted, observed))
            scatter(ax, predicted, observed, hollow, name)
    left.set(xlabel="predicted KL (in || all), nats", ylabel="observed KL (in || all), nats")
    right.set(xscale="log", yscale="log", xlabel="predicted 1 - AUC", ylabel="observed 1 - AUC")
    for ax in (left, right):
        ends = (min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1]))
        ax.plot(ends, ends, color="black", linewidth=1, zorder=0)
        ax.set(xlim=ends, ylim=ends, aspect="equal")
    nats(right)
    line = Line2D([], [], color="black", linewidth=1, label="perfect prediction")
    figure.legend(handles=[*dataset_handles(known), line], loc="outside upper center", ncols=4)
    return figure


LEAST_AREA = 1e-6
"""Smallest 1 - AUC that is drawn: an observed one can be 0, which a logarithmic axis does not have."""
