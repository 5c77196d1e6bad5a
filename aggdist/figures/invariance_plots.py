"""Figures and tables of chapter T12 from the records of the study of shifted inputs."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from aggdist.figures.heads import AGGREGATING, HEADS, Record, by_dataset, head_style, head_title, over_seeds
from aggdist.figures.invariance_findings import JUDGED_SHIFT, UNITS, at_shift
from aggdist.figures.summary_results import table
from aggdist.runs import DATASET_TITLES


def plot_shifted(records: Sequence[Record], key: str, label: str, percent: bool = True) -> None:
    """One number of every head against the shift: a panel for each dataset, bars for the range over seeds."""
    groups = by_dataset(records)
    _, axes = plt.subplots(2, 2, figsize=(8.4, 6.2), squeeze=False)
    for ax, (dataset, group) in zip(axes.flat, groups.items(), strict=False):
        _curves(ax, group, key, 100.0 if percent else 1.0)
        ax.set(title=DATASET_TITLES[dataset], xlabel=f"shift in {UNITS[dataset]}", ylabel=label)
        ax.axvspan(0, group[0]["trained_shift"], color="#dddddd", zorder=0, linewidth=0)
    for ax in list(axes.flat)[len(groups) :]:
        ax.set_visible(False)
    axes.flat[0].legend(fontsize=9)
    plt.show()


def _curves(ax: Axes, group: Sequence[Record], key: str, factor: float) -> None:
    shifts = np.array(group[0]["shifts"])
    for head in HEADS:
        if key not in group[0]["heads"][head]:
            continue
        mean, half = over_seeds([record["heads"][head][key] for record in group])
        ax.errorbar(shifts, factor * mean, factor * half, label=head_title(head), **head_style(head))


def shift_table(records: Sequence[Record]) -> str:
    """Accuracy without and with the judged shift, and changed predictions, means over seeds."""
    header = ["Dataset", "Shift", "Head", "Accuracy, %", "Accuracy, shifted, %", "Other predictions, %"]
    rows = []
    for dataset, group in by_dataset(records).items():
        for head in HEADS:
            shift = JUDGED_SHIFT[dataset]
            means = [
                np.mean([at_shift(r, head, key, by) for r in group])
                for key, by in (("accuracy", 0), ("accuracy", shift), ("changed", shift))
            ]
            rows.append(
                [DATASET_TITLES[dataset], str(shift), head_title(head), *(f"{100 * v:.1f}" for v in means)]
            )
    return table(header, rows, left=3)


def bound_table(records: Sequence[Record]) -> str:
    """Actual changes of features beside the bound of an exactly shifted map, at the total stride, means over seeds."""
    header = ["Dataset", "Shift", "Pooling", "Change, sd", "Bound, sd", "Within the bound, %"]
    rows = []
    for dataset, group in by_dataset(records).items():
        for head in AGGREGATING:
            place = _judged_multiple(group[0], head)
            means = [
                np.mean([r["bound"][head][key][place] for r in group])
                for key in ("actual", "bound", "within")
            ]
            shift = str(group[0]["bound"][head]["shift"][place])
            shown = (f"{means[0]:.3f}", f"{means[1]:.3f}", f"{100 * means[2]:.1f}")
            rows.append([DATASET_TITLES[dataset], shift, head_title(head), *shown])
    return table(header, rows, left=3)


def _judged_multiple(record: Record, head: str) -> int:
    """The first multiple of the stride; the largest shift where the stride is 1, because sentences are short."""
    shifts = record["bound"][head]["shift"]
    return 0 if record["stride"] > 1 else len(shifts) - 1
