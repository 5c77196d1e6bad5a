"""Figures and tables of the chapter *What compact features cost*."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from aggdist.figures.compactness_findings import TRUNKS, kept
from aggdist.figures.heads import Record, by_dataset, head_style, head_title, over_seeds, size_axis
from aggdist.figures.summary_results import table
from aggdist.runs import DATASET_TITLES


def plot_kept(records: Sequence[Record], key: str, label: str, factor: float = 1.0) -> None:
    """One number of a head on block averages against the number of features, by what the trunk was trained with."""
    groups = by_dataset(records)
    _, axes = plt.subplots(2, 2, figsize=(8.4, 6.2), squeeze=False)
    for ax, (dataset, group) in zip(axes.flat, groups.items(), strict=False):
        for trunk in TRUNKS:
            mean, half = over_seeds([r["trunks"][trunk][key] for r in group])
            features = group[0]["trunks"][trunk]["features"]
            ax.errorbar(features, factor * mean, factor * half, label=head_title(trunk), **head_style(trunk))
        size_axis(ax, group[0]["trunks"]["avg"]["features"])
        ax.set(title=DATASET_TITLES[dataset], xlabel="features", ylabel=label)
    for ax in list(axes.flat)[len(groups) :]:
        ax.set_visible(False)
    axes.flat[0].legend(fontsize=9, title="trunk trained with")
    plt.show()


def plot_pairs(records: Sequence[Record]) -> None:
    """Measured against predicted KL along the mean difference of two classes, by trunk, all block sizes."""
    _, axes = plt.subplots(1, 3, figsize=(8.4, 3.6), sharex=True, sharey=True)
    for ax, trunk in zip(axes, TRUNKS, strict=True):
        x, y = (pair_numbers(records, trunk, key) for key in ("predicted", "measured"))
        style = {k: v for k, v in head_style(trunk).items() if k in ("color", "marker")}
        ax.plot(x, y, linestyle="", markersize=3, alpha=0.6, **style)
        ax.set(xscale="log", yscale="log", xlabel="predicted KL, nats", title=f"trunk: {head_title(trunk)}")
        ends = np.array(ax.get_xlim())
        ax.plot(ends, ends, color="black", linewidth=0.8)
    axes[0].set_ylabel("measured KL, nats")
    plt.show()


def pair_numbers(records: Sequence[Record], trunk: str, key: str) -> np.ndarray:
    """Predicted or measured KL of all pairs of classes and block sizes."""
    return np.concatenate([np.array(r["trunks"][trunk]["pairs"][key], float).ravel() for r in records])


def cost_table(records: Sequence[Record]) -> str:
    """What C numbers keep of N C: accuracy lost, bounded divergence and KL kept, predicted and measured along means."""
    header = [
        "Dataset",
        "Trunk",
        "Numbers",
        "Accuracy lost",
        "Bounded kept, %",
        "KL kept, %",
        "Along means, predicted, %",
        "measured, %",
    ]
    rows = []
    for dataset, group in by_dataset(records).items():
        for trunk in TRUNKS:
            accuracy = [np.subtract(*np.array(r["trunks"][trunk]["accuracy"], float)[[-1, 0]]) for r in group]
            shares = [np.mean([kept(r, trunk, key) for r in group]) for key in ("bounded", "kl")]
            along = [np.mean([kept_along(r, trunk, key) for r in group]) for key in ("predicted", "measured")]
            features = group[0]["trunks"][trunk]["features"]
            cells = [f"{100 * np.mean(accuracy):.1f}", *(f"{100 * v:.0f}" for v in (*shares, *along))]
            rows.append(
                [DATASET_TITLES[dataset], head_title(trunk), f"{features[-1]} to {features[0]}", *cells]
            )
    return table(header, rows, left=3)


def kept_along(record: Record, trunk: str, key: str) -> float:
    """Share of the KL along the mean difference that pooling keeps, median over pairs of classes."""
    values = np.array(record["trunks"][trunk]["pairs"][key], float)
    return float(np.median(values[:, 0] / values[:, -1]))
