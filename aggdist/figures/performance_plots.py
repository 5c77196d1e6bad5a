"""Figures and tables of the chapter *From divergence to performance*."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from aggdist.figures.heads import AGGREGATING, Record, by_dataset, head_style, over_seeds
from aggdist.figures.performance_findings import error_difference, rank_correlation, stacked
from aggdist.figures.summary_results import table
from aggdist.runs import DATASET_TITLES, NETWORK_TITLES

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8A000", "#56B4E9", "#882255", "#6b6b6b", "#999933")
_MARKS = ("o", "s", "D", "^", "v", "P", "X", "<", ">")
MODEL_TITLES = {
    "independent": "nodes independent",
    "copula": "nodes correlated",
    "normal": "normal and correlated",
}


def task_title(record: Record) -> str:
    """Dataset, and the network where it is not the usual one."""
    special = NETWORK_TITLES.get(record["network"])
    dataset = DATASET_TITLES[record["dataset"]]
    return f"{dataset}, {special}" if special else dataset


def by_task(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records that differ in the seed, by dataset and network."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(task_title(record), []).append(record)
    return groups


def plot_recall(records: Sequence[Record]) -> None:
    """Recall of each class against predicted divergence and predicted area under the curve of its node."""
    _, axes = plt.subplots(1, 2, figsize=(8.4, 4.4), sharey=True)
    for (title, group), colour, mark in zip(by_task(records).items(), _COLOURS, _MARKS, strict=False):
        missed = np.concatenate([1 - stacked(r, "recall") for r in group])
        for ax, values in (
            (axes[0], np.concatenate([stacked(r, "kl") for r in group])),
            (axes[1], np.concatenate([1 - stacked(r, "auc") for r in group])),
        ):
            ax.plot(
                values, np.maximum(missed, 1e-3), mark, color=colour, markersize=3, alpha=0.7, label=title
            )
    axes[0].set(
        xscale="log", yscale="log", xlabel="predicted KL, nats", ylabel="1 - recall (0 is drawn at 0.001)"
    )
    axes[1].set(xscale="log", xlabel="1 - predicted area under the curve")
    axes[0].legend(fontsize=7, loc="lower left")
    plt.show()


def rank_table(records: Sequence[Record]) -> str:
    """Rank correlations of predictions with recall, means over seeds."""
    header = ["Task", "Classes", "Seeds", "KL and recall", "Area under the curve and recall"]
    rows = []
    for title, group in by_task(records).items():
        means = [np.mean([rank_correlation(r, key) for r in group]) for key in ("kl", "auc")]
        rows.append([title, str(len(group[0]["priors"])), str(len(group)), *(f"{m:.2f}" for m in means)])
    return table(header, rows)


def plot_errors(records: Sequence[Record]) -> None:
    """Predicted against observed error of the classifier, a panel for each model of the joint law."""
    _, axes = plt.subplots(1, 3, figsize=(8.4, 3.6), sharex=True, sharey=True)
    for ax, (model, title) in zip(axes, MODEL_TITLES.items(), strict=True):
        for (task, group), colour, mark in zip(by_task(records).items(), _COLOURS, _MARKS, strict=False):
            heads = [r["heads"][h] for r in group for h in AGGREGATING]
            x = [100 * h["observed_error"] for h in heads]
            y = [100 * h["predicted"][model]["error"] for h in heads]
            ax.plot(x, y, mark, color=colour, markersize=4, alpha=0.8, label=task)
        ax.set(xscale="log", yscale="log", title=title, xlabel="observed error, %")
        ends = np.array([0.2, 60])
        ax.plot(ends, ends, color="black", linewidth=0.8)
    axes[0].set_ylabel("predicted error, %")
    axes[0].legend(fontsize=6.5, loc="upper left", borderaxespad=0, handletextpad=0.2)
    plt.show()


def error_table(records: Sequence[Record]) -> str:
    """Observed error of the classifier, and predicted less observed in points; means over heads and seeds."""
    header = ["Task", "Observed, %", *MODEL_TITLES.values(), "correlated, 50 images"]
    rows = []
    for title, group in by_task(records).items():
        observed = np.mean([r["heads"][h]["observed_error"] for r in group for h in AGGREGATING])
        cells = [np.mean([error_difference(r, m) for r in group]) for m in MODEL_TITLES]
        few = [error_difference(r, part="few") for r in group if r["heads"]["avg"]["few"]]
        last = f"{100 * np.mean(few):+.2f}" if few else "-"
        rows.append([title, f"{100 * observed:.2f}", *(f"{100 * c:+.2f}" for c in cells), last])
    return table(header, rows)


def plot_epochs(records: Sequence[Record]) -> None:
    """Divergence of the median node, predicted and observed, and test accuracy, epoch by epoch, average pooling."""
    groups = by_dataset(records)
    _, axes = plt.subplots(2, len(groups), figsize=(8.4, 5.2), sharex="col", squeeze=False)
    for column, (dataset, group) in enumerate(groups.items()):
        top, bottom = axes[:, column]
        _divergences(top, group)
        mean, half = over_seeds([r["heads"]["avg"]["test_accuracy"] for r in group])
        bottom.errorbar(group[0]["epochs"], 100 * mean, 100 * half, **head_style("avg"))
        top.set(title=DATASET_TITLES[dataset])
        bottom.set(xlabel="epochs")
    axes[0, 0].set_ylabel("divergence, nats (k = 5)")
    axes[1, 0].set_ylabel("accuracy, %")
    axes[0, 0].legend(fontsize=9)
    plt.show()


def _divergences(ax: Axes, group: Sequence[Record]) -> None:
    for key, colour, line, label in (
        ("matched", "#0072B2", "-", "predicted"),
        ("observed", "#8c8c8c", "--", "observed"),
    ):
        values = [np.median(np.asarray(r["heads"]["avg"][key], float), axis=1) for r in group]
        mean, half = over_seeds(values)
        ax.errorbar(
            group[0]["epochs"],
            mean,
            half,
            color=colour,
            linestyle=line,
            marker="o",
            markersize=3,
            label=label,
        )


def plot_laws(records: Sequence[Record], node: int = 0) -> None:
    """Mean and standard deviation of one node in class and out of class, epoch by epoch, first seed."""
    groups = by_dataset(records)
    _, axes = plt.subplots(1, len(groups), figsize=(8.4, 3.4), squeeze=False)
    for ax, (dataset, group) in zip(axes.flat, groups.items(), strict=True):
        found, epochs = group[0]["heads"]["avg"], group[0]["epochs"]
        for part, colour, label in (("in", "#0072B2", "in class"), ("out", "#D55E00", "out of class")):
            mean, sd = (np.asarray(found[f"{key}_{part}"], float)[:, node] for key in ("mean", "sd"))
            ax.plot(epochs, mean, color=colour, label=label)
            ax.fill_between(epochs, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
        ax.set(title=DATASET_TITLES[dataset], xlabel="epochs")
    axes[0, 0].set_ylabel(f"output node {node}")
    axes[0, 0].legend(fontsize=9)
    plt.show()


CHAIN = {
    "channel": "best single channel",
    "node": "the node's weights",
    "difference": "difference of two nodes",
    "best": "best direction",
}


def chain_medians(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """KL of one label from another along directions, median over pairs, heads and seeds, by task."""
    return {
        title: {
            key: float(
                np.median([v for r in group for h in AGGREGATING for v in r["heads"][h]["chain"][key]])
            )
            for key in CHAIN
        }
        for title, group in by_task(records).items()
    }


def chain_table(records: Sequence[Record]) -> str:
    """The same as a table."""
    rows = [[title, *(f"{v:.2f}" for v in found.values())] for title, found in chain_medians(records).items()]
    return table(["Task", *CHAIN.values()], rows)
