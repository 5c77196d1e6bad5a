"""Figures and tables of chapter T13 from the records of the study of few training examples."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from aggdist.figures.heads import Record, by_dataset, head_style, head_title, over_seeds, size_axis
from aggdist.figures.overfitting_findings import frozen_arrays, gap
from aggdist.figures.summary_results import table
from aggdist.prediction.head_overfitting import held_out_separation, kl_of, training_separation, whitened
from aggdist.runs import DATASET_TITLES

HEADS = ("avg", "max", "flatten")
TABLE_EXAMPLES = 10
"""Examples of each class for which a table tells divergences: every dataset has as many."""
_MEASURED = ("predicted_test", "test", "predicted_train", "train")
_KINDS = {"pooled": ("#0072B2", "o"), "flattened": ("#767676", "^")}


def plot_theory(separation: float, channels: int, positions: int) -> None:
    """KL in training and on new examples against n, for C pooled and for N C flattened features."""
    n = np.geomspace(2, 5000, 200)
    _, ax = plt.subplots(figsize=(6.4, 3.8))
    for (kind, (colour, _)), d in zip(_KINDS.items(), (channels, channels * positions), strict=True):
        moments = whitened(separation, d)
        ax.plot(n, kl_of(training_separation(moments, n)), "--", color=colour, label=f"{kind}, training")
        ax.plot(n, kl_of(held_out_separation(moments, n)), color=colour, label=f"{kind}, new examples")
    ax.axhline(separation / 2, color="black", linewidth=0.8, label="all that there is")
    ax.set(
        xscale="log", yscale="log", xlabel="training examples of each class", ylabel="KL along the head, nats"
    )
    ax.legend(fontsize=9)
    plt.show()


def plot_frozen(records: Sequence[Record]) -> None:
    """Measured against predicted KL of heads learnt on frozen trunks, in training and on new examples."""
    _, axes = plt.subplots(1, 2, figsize=(8.4, 4.2), sharex=True, sharey=True)
    for ax, part, title in zip(axes, ("train", "test"), ("training examples", "new examples"), strict=True):
        for kind, (colour, marker) in _KINDS.items():
            numbers = [frozen_arrays(record, kind) for record in records]
            x = np.concatenate([v[f"predicted_{part}"].ravel() for v in numbers])
            y = np.concatenate([v[part].ravel() for v in numbers])
            ax.plot(x, y, marker, color=colour, markersize=3, alpha=0.6, label=kind)
        ax.set(xscale="log", yscale="log", xlabel="predicted KL, nats", title=title)
        ends = ax.get_xlim()
        ax.plot(ends, ends, color="black", linewidth=0.8)
    axes[0].set_ylabel("measured KL, nats")
    axes[0].legend(fontsize=9)
    plt.show()


def plot_trained(records: Sequence[Record], key: str, label: str, factor: float = 1.0) -> None:
    """One number of trained networks, training dashed, against the number of training examples."""
    groups = by_dataset(records)
    _, axes = plt.subplots(2, 2, figsize=(8.4, 6.2), squeeze=False)
    for ax, (dataset, group) in zip(axes.flat, groups.items(), strict=False):
        _heads(ax, group, key, factor)
        size_axis(ax, group[0]["sizes"])
        ax.set(title=DATASET_TITLES[dataset], xlabel="training examples", ylabel=label)
    for ax in list(axes.flat)[len(groups) :]:
        ax.set_visible(False)
    axes.flat[0].legend(fontsize=9)
    plt.show()


def _heads(ax: Axes, group: Sequence[Record], key: str, factor: float) -> None:
    sizes = np.array(group[0]["sizes"])
    for head in HEADS:
        for part in ("test", "train"):
            mean, half = over_seeds([record["trained"][head][f"{part}_{key}"] for record in group])
            style = head_style(head)
            if part == "train":
                style |= {"alpha": 0.45, "markerfacecolor": "white"}
            ax.errorbar(
                sizes,
                factor * mean,
                factor * half,
                label=head_title(head) if part == "test" else None,
                **style,
            )


def gap_table(records: Sequence[Record]) -> str:
    """Training less test accuracy by size and head, means over seeds, and the parameters of the heads."""
    header = [
        "Dataset",
        "Head",
        "Head's parameters",
        "Gap at 100, points",
        "Gap at all, points",
        "Test at 100, %",
        "Test at all, %",
    ]
    rows = []
    for dataset, group in by_dataset(records).items():
        for head in HEADS:
            gaps = [np.mean([gap(record, head, place) for record in group]) for place in (0, -1)]
            tests = [
                np.mean([r["trained"][head]["test_accuracy"][place] for r in group]) for place in (0, -1)
            ]
            cells = (f"{100 * value:.1f}" for value in (*gaps, *tests))
            rows.append(
                [DATASET_TITLES[dataset], head_title(head), f"{group[0]['head_parameters'][head]:,}", *cells]
            )
    return table(header, rows, left=2)


def dimension_table(records: Sequence[Record]) -> str:
    """Features, effective dimensions and KL of heads on frozen trunks, medians over pairs and seeds."""
    header = [
        "Dataset",
        "Features",
        "Number",
        "Effective dimension",
        "New examples, predicted",
        "measured",
        "Training, predicted",
        "measured",
    ]
    rows = []
    for dataset, group in by_dataset(records).items():
        place = list(group[0]["frozen"]["examples"]).index(TABLE_EXAMPLES)
        for kind in _KINDS:
            numbers = [frozen_arrays(record, kind) for record in group]
            effective = np.mean([v["effective_dimension"].mean() for v in numbers])
            kl = [np.median(np.concatenate([v[key][:, place] for v in numbers])) for key in _MEASURED]
            shown = (f"{numbers[0]['dimension'][0]:.0f}", f"{effective:.1f}", *(f"{k:.2f}" for k in kl))
            rows.append([DATASET_TITLES[dataset], kind, *shown])
    return table(header, rows, left=2)
